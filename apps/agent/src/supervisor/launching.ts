// Starting a run's wrapper, once: what is to hold it is made and stored first, so that whoever comes after a crash finds it.

import { makeHeartbeatFile } from "../launch/heartbeat-file.ts";
import { planLaunch } from "../launch/plan.ts";
import type { LaunchPlan } from "../launch/plan.ts";
import { isRefusal, refuseForNow } from "../launch/refusal.ts";
import type { Refusal } from "../launch/refusal.ts";
import { spawnWrapper } from "../launch/spawn.ts";
import { notifyAddress } from "../progress/notify-socket.ts";
import { markForGood, saveContainment } from "../spool/runs.ts";
import { watchedLimitsOf } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import { makeCgroup } from "./cgroup-files.ts";
import type { Supervision } from "./supervision.ts";

export async function launch(on: Supervision, run: ActiveRun): Promise<void> {
  const { options } = on;
  try {
    run.files.create();
    on.follow(run);
    const { tools, dataDir, cgroups } = options;
    const { id: runId, mark } = run;
    const plan = planLaunch(
      { tools, dataDir, cgroups, runId, runDir: run.files.dir, mark, notify: listen(on, run) },
      run.spec,
    );
    if (isRefusal(plan)) return refuseLaunch(on, run, plan);
    contain(on, run, plan);
    if (plan.heartbeatFile !== null) makeHeartbeatFile(plan.heartbeatFile, plan.as, plan.container !== null);
    run.child = await spawnWrapper(tools, plan, run.files.dir, mark);
    run.child.once("exit", () => on.look(run));
    return on.look(run);
  } catch (error) {
    options.log.warn({ err: error, runId: run.id }, "run could not be launched");
    return refuseLaunch(on, run, refuseForNow(126, error instanceof Error ? error.message : String(error)));
  }
}

/** What a run that promised signs of life is told of sd_notify, where that can be heard. */
function listen(on: Supervision, run: ActiveRun): Record<string, string> {
  const heartbeatMs = run.spec.progress?.heartbeat_ms;
  const isInside = run.spec.isolation?.mode === "container";
  if (heartbeatMs === undefined || isInside) return {};
  if (!on.progress.listen(run)) {
    const reason = "its own heartbeat file works as well";
    on.note(run, "This host's agent cannot hear sd_notify", reason, {});
    return {};
  }
  return { NOTIFY_SOCKET: notifyAddress(run.mark), WATCHDOG_USEC: String(heartbeatMs * 1000) };
}

function refuseLaunch(on: Supervision, run: ActiveRun, { exitCode, reason, isFinal }: Refusal): void {
  if (isFinal) {
    // What is forbidden stays so: another attempt would only say it again.
    run.isForGood = true;
    on.options.db.lazily(() => markForGood(on.options.db, run.id));
  }
  on.step(run, { kind: "launch_failed", exitCode, reason });
}

function contain(on: Supervision, run: ActiveRun, plan: LaunchPlan): void {
  const { db } = on.options;
  const { cgroup, container, enforced, heartbeatFile } = plan;
  const containment = { cgroup: cgroup?.path ?? null, container, enforced, heartbeatFile };
  // What a power cut would lose of this, it has ended as well.
  db.lazily(() => saveContainment(db, run.id, containment));
  run.containment = containment;
  run.watchedLimits = watchedLimitsOf(run);
  if (cgroup) makeCgroup(cgroup.path, cgroup.files);
  const unkept = Object.keys(run.spec.limits ?? {}).filter((name) => !enforced.includes(name));
  if (unkept.length === 0) return;
  const isWatched = (name: string) => name === "memory_bytes" || name === "pids";
  const words = unkept.map((name) => `${name} ${isWatched(name) ? "is watched" : "is not kept"}`).join(", ");
  on.note(run, "This host's kernel does not keep all limits", words, { unkept });
}
