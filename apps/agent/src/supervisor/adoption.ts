// Taking up the runs that an earlier agent left: by what is on disk, and by pid and start time, never by pid alone.

import { trimLog } from "../spool/logs.ts";
import { findRun } from "../spool/runs.ts";
import type { ActiveRun } from "./active-run.ts";
import { launch } from "./launching.ts";
import { readCommandLine } from "./proc.ts";
import { countMembers, pauseAll, sendSignal } from "./signalling.ts";
import type { Supervision } from "./supervision.ts";

export async function adopt(on: Supervision, run: ActiveRun): Promise<void> {
  const { log } = on.options;
  log.info({ runId: run.id, state: run.state.kind }, "adopting run");
  const isSameBoot = run.bootId === on.bootId;
  if (!isSameBoot) cutLog(on, run);
  if (run.state.kind === "starting" && isSameBoot && !run.files.isClaimed() && !(await hasWrapper(on, run))) {
    // It never began: the claim makes sure that no two wrappers ever do.
    return launch(on, run);
  }
  run.files.create();
  on.follow(run);
  if (!isSameBoot) return adoptAfterBoot(on, run);
  if (run.state.kind === "draining") return on.drain(run);
  on.note(run, "adopted after agent restart", null, { state: run.state.kind });
  if (run.state.kind === "running" || run.state.kind === "stopping")
    on.observe((observer) =>
      observer.began(
        { id: run.id, spec: run.spec, lineage: run.lineage, attempt: run.spec.attempt ?? 1 },
        run.beganAt ?? on.options.steady(),
      ),
    );
  if (run.spec.progress?.heartbeat_ms !== undefined) on.progress.listen(run);
  on.look(run);
  // The restart may have fallen between storing a decision and acting on it.
  if (run.state.kind === "running" && run.holds.length > 0) pauseAll(on, run, true);
  if (run.state.kind === "stopping")
    sendSignal(on, run, run.state.phase === "killing" ? "SIGKILL" : "SIGTERM");
  if (run.state.kind === "running" && run.state.exit !== null) countMembers(on, run);
  return undefined;
}

/** Pids and start times of another boot mean nothing: only files speak. */
function adoptAfterBoot(on: Supervision, run: ActiveRun): void {
  const now = on.options.steady();
  const exit = run.files.readExit(new Set(run.signalsSent));
  run.process = null;
  if (run.state.kind === "draining") return on.drain(run);
  if (exit === null) return on.step(run, { kind: "lost", reason: "the host was restarted while it ran" });
  if (run.state.kind === "starting") on.step(run, { kind: "launched", startedAt: now });
  return on.step(run, { kind: "exited", exit, at: now });
}

/** Output the kernel had not written when the power went is gone, and with it the batches that speak of it. */
function cutLog(on: Supervision, run: ActiveRun): void {
  const { db } = on.options;
  run.files.create();
  const trimmed = trimLog(db, run.id, run.files.size("stdout"), run.files.size("stderr"));
  if (!trimmed) return;
  run.log = findRun(db, run.id)?.log ?? run.log;
  on.note(run, "log cut short", "the host stopped before all output was on disk", {});
}

/** Whether a wrapper of this run is on its way, started by an agent that died a moment ago. */
async function hasWrapper(on: Supervision, run: ActiveRun): Promise<boolean> {
  const processes = await on.table.list();
  return processes.some((info) => readCommandLine(info.pid).includes(run.files.dir));
}
