import type { RunFreeze } from "@flowplane/link";
import type { Run } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { record } from "../audit/audit.ts";
import { addIntent, wasAsked } from "../gateway/intents.ts";
import { describeEnd } from "./refusals.ts";
import { findRun, lockRun, type RunRow } from "./store.ts";
import { addToTimeline, timelineRow } from "./timeline.ts";
import { runOf } from "./view.ts";

/**
 * Asks the agent to pause a run, or to let it go on. The run shows as paused once its agent says so. What it is already is
 * asked for no second time.
 */
export async function freezeRun(
  ctx: Ctx,
  id: string,
  request: { readonly frozen: boolean; readonly reason: string },
): Promise<Run> {
  return inTransaction(ctx, async (ctx) => {
    const run = isUuid(id) ? await lockRun(ctx.db, id) : undefined;
    if (run === undefined) throw notFound("run", id);
    if (run.state !== "RUNNING" || run.agent_id === null)
      throw new AppError("conflict", refusal(run, request.frozen));
    // A pause that is on its way may be taken back before it is reported.
    const isAsked = await wasAsked(ctx, run.agent_id, run.id, "run.freeze");
    if (!request.frozen && run.frozen_since === null && !isAsked)
      throw new AppError("conflict", "The run is not paused; there is nothing to let go on.");
    if (request.frozen && run.frozen_since !== null)
      throw new AppError("conflict", "The run is paused already. Resume it, or stop it.");
    const payload: RunFreeze = {
      run_id: run.id,
      frozen: request.frozen,
      reason: request.reason,
      actor: ctx.actor.name,
    };
    await addIntent(ctx, { agent_id: run.agent_id, type: "run.freeze", run_id: run.id, payload });
    await addToTimeline(ctx, [
      timelineRow(ctx, run.id, ctx.actor, {
        type: request.frozen ? "run.freeze_requested" : "run.resume_requested",
        title: request.frozen ? "Pause requested" : "Going on requested",
        reason: request.reason,
        payload: {},
        at: new Date(ctx.now()),
      }),
    ]);
    record(ctx, {
      action: request.frozen ? "run.freeze" : "run.resume",
      target_type: "run",
      target_id: run.id,
      reason: request.reason,
      metadata: { name: run.name, agent_id: run.agent_id },
    });
    const shown = await findRun(ctx.db, run.id, ctx.now());
    if (shown === undefined) throw notFound("run", id);
    return runOf(shown, ctx.now());
  });
}

function refusal(run: RunRow, frozen: boolean): string {
  const what = frozen ? "paused" : "resumed";
  switch (run.state) {
    case "QUEUED":
    case "STARTING":
      return `The run ${describeEnd(run)}; it can be ${what} once it runs.`;
    case "STOPPING":
      return `The run is being stopped; it cannot be ${what} any more.`;
    case "LOST":
      return `The run was lost: nobody knows whether it still runs, so it cannot be ${what}.`;
    case "RUNNING":
    case "SUCCEEDED":
    case "FAILED":
    case "STOPPED":
    case "TIMED_OUT":
    case "FAILED_STOP":
      return `The run ${describeEnd(run)}; it cannot be ${what}.`;
  }
}
