import { notify, type Tx } from "../../platform/context.ts";
import { lockRun, updateRun, type RunRow } from "./store.ts";

/** The run of an incident, locked: whoever changes an incident holds its run, as the reports of agents do. */
export async function lockRunOfIncident(ctx: Tx, runId: string): Promise<RunRow | undefined> {
  return lockRun(ctx.db, runId);
}

/** One incident of the run, locked by the caller, is no longer open. */
export async function countClosedIncident(ctx: Tx, run: RunRow): Promise<void> {
  await updateRun(ctx.db, run.id, { incidents_open: Math.max(0, run.incidents_open - 1) });
  notify(ctx, { topic: "run", id: run.id });
}
