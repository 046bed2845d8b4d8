// Starting a run's wrapper, once.

import type { ActiveRun } from "./active-run.ts";
import { planLaunch, spawnWrapper } from "./launch.ts";
import type { Supervision } from "./supervision.ts";

export async function launch(on: Supervision, run: ActiveRun): Promise<void> {
  const { options } = on;
  try {
    run.files.create();
    on.follow(run);
    const plan = planLaunch(run.spec);
    if ("reason" in plan) return on.step(run, { kind: "launch_failed", ...plan });
    run.child = await spawnWrapper(options.tools, plan, run.files.dir, run.mark);
    run.child.once("exit", () => on.look(run));
    return on.look(run);
  } catch (error) {
    options.log.warn({ err: error, runId: run.id }, "run could not be launched");
    const reason = error instanceof Error ? error.message : String(error);
    return on.step(run, { kind: "launch_failed", exitCode: 126, reason });
  }
}
