import { notify, type Tx } from "../../platform/context.ts";
import { systemActor } from "../../platform/system-actor.ts";
import { record } from "../audit/audit.ts";
import { pauseSchedule } from "./store.ts";

/**
 * Pauses the schedule of a job of which a policy stopped a run for good: what went wrong would go wrong again at the next
 * start. A person resumes it. Nothing when it has no schedule, or is paused already.
 */
export async function holdSchedule(ctx: Tx, jobId: string, why: string): Promise<void> {
  const note = `the schedule was paused, because a policy stopped a run for good: ${why}`;
  if (!(await pauseSchedule(ctx.db, jobId, note, new Date(ctx.now())))) return;
  record(
    { ...ctx, actor: systemActor(ctx.actor.organization_id) },
    { action: "job.pause", target_type: "job", target_id: jobId, reason: why },
  );
  notify(ctx, { topic: "job", id: jobId });
}
