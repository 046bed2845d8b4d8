import { isTerminal, type RunState } from "@flowplane/contract";
import { actorRef, inTransaction, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { subjects } from "../../platform/bus/bus.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { record } from "../audit/audit.ts";
import { addIntent, withdrawStart } from "../gateway/intents.ts";
import { describeEnd } from "./refusals.ts";
import { stopWait, type RunPatch, type TimelineEntry } from "./report.ts";
import { stopPayload, type StopWish } from "./stop-order.ts";
import { findRun, lockRun, updateRun, type RunRow } from "./store.ts";
import { addToTimeline, timelineRow } from "./timeline.ts";
import { transition } from "./transitions.ts";

export interface StopRequest {
  readonly mode: "stop" | "kill";
  readonly reason: string;
  /** Between SIGTERM and SIGKILL; the run's own grace when absent. A kill has none. */
  readonly grace_ms?: number | undefined;
  /** A run that ended meanwhile is no mistake of whoever asks. */
  readonly isLenient?: true;
}

interface StopAnswer {
  status: "stop_requested";
  run_id: string;
  lifecycle: RunState;
  requested_at: string;
}

/**
 * Asks for the end of a run. A run that waits for an absent agent is withdrawn at once; any other is STOPPING until
 * its agent says how it ended. Asking again changes nothing, except that a kill after a stop is passed on.
 */
export async function stopRun(ctx: Ctx, id: string, request: StopRequest): Promise<StopAnswer> {
  return inTransaction(ctx, async (ctx) => {
    const run = isUuid(id) ? await lockRun(ctx.db, id) : undefined;
    if (run === undefined) throw notFound("run", id);
    const wish: StopWish = {
      mode: request.mode,
      actor: actorRef(ctx.actor),
      reason: request.reason,
      requested_at: timestamp(new Date(ctx.now())),
    };
    if (
      run.state === "QUEUED" &&
      (run.agent_id === null ||
        ((await isAgentAway(ctx, run)) && (await withdrawStart(ctx, run.agent_id, run.id))))
    )
      return withdraw(ctx, run, wish);

    if (isTerminal(run.state) && run.retry_at !== null && run.agent_id !== null)
      return callOff(ctx, run, run.agent_id, wish);

    const step = transition(run, "stop");
    switch (step.kind) {
      case "refuse":
      case "stale":
        if (request.isLenient === true) return answer(run.id, run.state, wish.requested_at);
        throw new AppError("conflict", refusal(run));
      case "stay":
        if (run.stop !== null && !(run.stop.mode === "stop" && wish.mode === "kill"))
          return answer(run.id, run.state, run.stop.requested_at);
        return order(ctx, run, run.state, wish, request);
      case "move":
        return order(ctx, run, step.to, wish, request);
    }
  });
}

async function order(
  ctx: Tx,
  run: RunRow,
  state: RunState,
  wish: StopWish,
  request: StopRequest,
): Promise<StopAnswer> {
  if (run.agent_id === null) throw new Error(`the ${run.state} run ${run.id} has no agent`);
  const graceMs = wish.mode === "kill" ? 0 : (request.grace_ms ?? run.grace_ms);
  await addIntent(ctx, {
    agent_id: run.agent_id,
    type: "run.stop",
    run_id: run.id,
    payload: stopPayload(run.id, wish, graceMs, ctx.traceparent),
  });
  const wait = stopWait(graceMs, ctx.now());
  await change(ctx, run, state, wish, wait, {
    type: wish.mode === "kill" ? "run.kill_requested" : "run.stop_requested",
    title: wish.mode === "kill" ? "Kill requested" : "Stop requested",
    reason: wish.reason,
    payload: { mode: wish.mode, grace_ms: graceMs },
    at: new Date(ctx.now()),
  });
  return answer(run.id, state, wish.requested_at);
}

/**
 * The run has ended, but its agent is about to make the next attempt. The wish stays with the run: should the agent have begun
 * already, what it made is stopped when it tells of it.
 */
async function callOff(ctx: Tx, run: RunRow, agentId: string, wish: StopWish): Promise<StopAnswer> {
  await addIntent(ctx, {
    agent_id: agentId,
    type: "run.stop",
    run_id: run.id,
    payload: stopPayload(run.id, wish, run.grace_ms, ctx.traceparent),
  });
  await change(
    ctx,
    run,
    run.state,
    wish,
    { retry_at: null },
    {
      type: "run.retry_called_off",
      title: "No further attempt",
      reason: wish.reason,
      payload: { mode: wish.mode },
      at: new Date(ctx.now()),
    },
  );
  return answer(run.id, run.state, wish.requested_at);
}

/**
 * Nothing of the run exists on the agent, as far as anybody confirmed. Should the order have reached it after all,
 * its first report makes the run STOPPING again and the stop is sent (transitions.ts, rule of evidence).
 */
async function withdraw(ctx: Tx, run: RunRow, wish: StopWish): Promise<StopAnswer> {
  const now = new Date(ctx.now());
  const step = transition(run, "withdraw");
  if (step.kind !== "move") throw new Error(`a ${run.state} run cannot be withdrawn`);
  const patch = {
    ended_at: now,
    waiting_for: null,
    deadline: null,
    // Without an agent there is nobody who could have begun it.
    ...(run.agent_id === null ? { log_last_seq: 0 } : {}),
  };
  ctx.afterCommit(() => ctx.bus.publish(subjects.runsWaiting, {}));
  await change(ctx, run, step.to, wish, patch, {
    type: "run.withdrawn",
    title: run.agent_id === null ? "Withdrawn before it had an agent" : "Withdrawn before the agent took it",
    reason: wish.reason,
    payload: {},
    at: now,
  });
  return answer(run.id, step.to, wish.requested_at);
}

async function change(
  ctx: Tx,
  run: RunRow,
  state: RunState,
  wish: StopWish,
  patch: Omit<RunPatch, "intervention" | "enforced">,
  entry: TimelineEntry,
): Promise<void> {
  await updateRun(ctx.db, run.id, {
    ...patch,
    stop: JSON.stringify(wish),
    ...(state === run.state ? {} : { state, state_since: new Date(ctx.now()) }),
  });
  await addToTimeline(ctx, [timelineRow(ctx, run.id, ctx.actor, entry)]);
  record(ctx, {
    action: wish.mode === "kill" ? "run.kill" : "run.stop",
    target_type: "run",
    target_id: run.id,
    reason: wish.reason,
    metadata: { name: run.name, agent_id: run.agent_id, from: run.state, to: state },
  });
}

async function isAgentAway(ctx: Tx, run: RunRow): Promise<boolean> {
  const shown = await findRun(ctx.db, run.id, ctx.now());
  return shown?.agent_state !== "connected";
}

function refusal(run: RunRow): string {
  const ended = run.ended_at === null ? "" : ` at ${timestamp(run.ended_at)}`;
  switch (run.state) {
    case "FAILED_STOP":
      return `The run could not be stopped${ended}. An order that its agent has not taken yet is still carried out when the agent is back; else end process ${run.pid ?? "of the run"} on the host of ${run.agent_name}.`;
    case "LOST":
      return `The run was lost${ended}: nobody knows whether it still runs. Look on the host of ${run.agent_name}; if the agent reports it again, it can be stopped.`;
    case "QUEUED":
    case "STARTING":
    case "RUNNING":
    case "STOPPING":
    case "SUCCEEDED":
    case "FAILED":
    case "STOPPED":
    case "TIMED_OUT":
      return `The run ${describeEnd(run)}${ended}; there is nothing to stop.`;
  }
}

function answer(runId: string, lifecycle: RunState, requestedAt: string): StopAnswer {
  return { status: "stop_requested", run_id: runId, lifecycle, requested_at: requestedAt };
}
