// Looking for what the wrapper writes, `pid` and `exit`, and for wrappers that write nothing any more.

import { saveBegan, saveRunProcess } from "../spool/runs.ts";
import { megabytes } from "../sampling/limits.ts";
import type { ActiveRun } from "./active-run.ts";
import { oomKillsContained } from "./containment.ts";
import type { ExitStatus } from "./exit-status.ts";
import { MARK_VARIABLE } from "./members.ts";
import { hasEnvironment, isAlive, readCommandLine } from "./proc.ts";
import { sendSignal } from "./signalling.ts";
import type { Supervision } from "./supervision.ts";

/** How often wrappers and jobs are checked to be alive; their end usually shows in the files long before. */
const LIVENESS_MS = 1000;
/** After the wrapper is gone its last file may still be on its way for this long. */
const EXIT_FILE_GRACE_MS = 1000;

export function lookAt(on: Supervision, run: ActiveRun): void {
  if (run.state.kind === "starting") lookForStart(on, run);
  const isWaiting =
    (run.state.kind === "running" || run.state.kind === "stopping") && run.state.exit === null;
  if (isWaiting) lookForExit(on, run);
}

function lookForStart(on: Supervision, run: ActiveRun): void {
  const { db, steady } = on.options;
  const found = run.files.readProcess();
  if (found) {
    const beganAt = steady();
    // A power cut ends the process as well; what follows is stored for good.
    db.lazily(() => {
      saveRunProcess(db, run.id, found);
      saveBegan(db, run.id, beganAt);
    });
    run.process = found;
    run.beganAt = beganAt;
    on.stepSoon(run, { kind: "launched", startedAt: beganAt });
    return;
  }
  const isWrapperGone = run.child
    ? run.child.exitCode !== null || run.child.signalCode !== null
    : isStartAbandoned(on, run);
  if (!isWrapperGone || !isGoneForGood(on, run)) return;
  sendSignal(on, run, "SIGKILL");
  on.step(run, { kind: "lost", reason: "its wrapper ended before it could say what it had started" });
}

/** For a run adopted while it started: nobody is left who would write its pid. */
function isStartAbandoned(on: Supervision, run: ActiveRun): boolean {
  const now = on.options.steady();
  if (now - run.lastLivenessAt < LIVENESS_MS) return false;
  run.lastLivenessAt = now;
  void lookForStarters(on, run);
  return run.wrapperGoneAt !== null;
}

async function lookForStarters(on: Supervision, run: ActiveRun): Promise<void> {
  const assignment = `${MARK_VARIABLE}=${run.mark}`;
  const processes = await on.table.list();
  const isAnyoneLeft = processes.some(
    (info) => readCommandLine(info.pid).includes(run.files.dir) || hasEnvironment(info.pid, assignment),
  );
  run.wrapperGoneAt = isAnyoneLeft ? null : (run.wrapperGoneAt ?? on.options.steady());
}

function lookForExit(on: Supervision, run: ActiveRun): void {
  const now = on.options.steady();
  const exit = run.files.readExit(new Set(run.signalsSent));
  if (exit) {
    const oomKills = Math.max(run.usage.oomKills, oomKillsContained(run.containment));
    run.usage = { ...run.usage, cpuMs: Math.max(run.usage.cpuMs, run.files.readCpuMs()), oomKills };
    return on.stepSoon(run, { kind: "exited", exit: explainExit(run, exit), at: now });
  }
  if (now - run.lastLivenessAt < LIVENESS_MS || !run.process) return undefined;
  run.lastLivenessAt = now;
  if (isAlive(run.process.wrapper)) return undefined;
  if (run.wrapperGoneAt === null && isAlive(run.process.job)) {
    on.note(run, "exit status will be unknown", "the wrapper that keeps it was killed", {});
  }
  if (isGoneForGood(on, run) && !isAlive(run.process.job))
    on.step(run, { kind: "exited", exit: "unknown", at: now });
  return undefined;
}

/** What is known of an end besides its code. */
function explainExit(run: ActiveRun, exit: ExitStatus): ExitStatus {
  const refused = run.files.readRefused();
  if (refused !== null)
    return { ...exit, why: `it was not started: it could not enter its cgroup ${refused}` };
  if (run.usage.oomKills === 0 || exit.signal !== "SIGKILL" || run.signalsSent.includes("SIGKILL"))
    return exit;
  const limit = run.spec.limits?.memory_bytes;
  const words = limit === undefined ? "" : ` (limit ${megabytes(limit)})`;
  return { ...exit, why: `killed by the kernel: out of memory${words}`, oomKilled: true };
}

function isGoneForGood(on: Supervision, run: ActiveRun): boolean {
  const now = on.options.steady();
  run.wrapperGoneAt ??= now;
  return now - run.wrapperGoneAt >= EXIT_FILE_GRACE_MS;
}
