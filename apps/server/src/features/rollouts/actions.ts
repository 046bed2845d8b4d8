import type { Rollout, RolloutState } from "@flowplane/contract";
import { inTransaction, notify, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { record } from "../audit/audit.ts";
import { overlapSentence, readShown } from "./read.ts";
import { listAgentIds, retryFailed } from "./agents-store.ts";
import { listOverlaps, lockRollouts } from "./overlaps-store.ts";
import {
  changeWave,
  listWaves,
  lockRollout,
  setWaves,
  updateRollout,
  type ShownRolloutRow,
} from "./store.ts";
import { sumOf } from "./view.ts";

/** Nobody else is offered it; agents under way get their verdict. */
export async function pauseRollout(ctx: Ctx, id: string, reason: string): Promise<Rollout> {
  return change(ctx, id, ["running", "queued"], "pause", reason, async (ctx, row) => {
    await setState(ctx, row, "paused", reason);
  });
}

/**
 * Goes on. Failures so far are accepted, so that the gate that stopped it is passed over; with `retryFailedAgents` failed
 * agents are tried again instead.
 */
export async function resumeRollout(ctx: Ctx, id: string, retryFailedAgents: boolean): Promise<Rollout> {
  return change(ctx, id, ["paused"], "resume", null, async (ctx, row) => {
    const now = new Date(ctx.now());
    const waves = await listWaves(ctx.db, [row.id]);
    if (retryFailedAgents) {
      const tried = new Map(
        (await retryFailed(ctx.db, row.id, now)).map(({ wave, agents }) => [wave, agents]),
      );
      await setWaves(
        ctx.db,
        row.id,
        waves.map(({ index, counts }) => ({
          index,
          counts: {
            ...counts,
            failed: counts.failed - (tried.get(index) ?? 0),
            waiting: counts.waiting + (tried.get(index) ?? 0),
          },
        })),
      );
    }
    const failed = waves.find(({ state }) => state === "failed");
    if (failed !== undefined)
      await changeWave(ctx.db, row.id, { index: failed.index, state: "running" }, now);
    // One that never began is queued again: who goes first is judged by the worker.
    await setState(ctx, row, row.started_at === null ? "queued" : "running", null, {
      accepted_failures: retryFailedAgents ? 0 : sumOf(waves).failed,
    });
  });
}

export async function approveRollout(ctx: Ctx, id: string): Promise<Rollout> {
  return change(ctx, id, ["running"], "approve", null, async (ctx, row) => {
    const waves = await listWaves(ctx.db, [row.id]);
    const next = waves.find(({ index, state }) => index > 0 && state === "waiting");
    const before = next === undefined ? undefined : waves[next.index - 1];
    if (
      !row.plan.approval ||
      next === undefined ||
      before?.state !== "passed" ||
      row.approved_wave >= next.index
    )
      throw new AppError(
        "conflict",
        "The rollout does not wait for approval now. It asks for it when a wave has passed and another follows.",
      );
    await updateRollout(ctx.db, row.id, { approved_wave: next.index });
  });
}

export async function abortRollout(ctx: Ctx, id: string, reason: string): Promise<Rollout> {
  return change(
    ctx,
    id,
    ["queued", "running", "paused", "rolling_back"],
    "abort",
    reason,
    async (ctx, row) => {
      await setState(ctx, row, "aborted", reason, { ended_at: new Date(ctx.now()) });
    },
  );
}

/** Also of one that has ended: whoever still has the version from it gets back what it had before. */
export async function rollBackRollout(ctx: Ctx, id: string, reason: string): Promise<Rollout> {
  return change(
    ctx,
    id,
    ["queued", "running", "paused", "completed", "aborted"],
    "roll_back",
    reason,
    async (ctx, row) => {
      if (row.ended_at !== null) await refuseOverlap(ctx, row);
      await setState(ctx, row, "rolling_back", reason, { ended_at: null });
    },
  );
}

async function refuseOverlap(ctx: Tx, row: ShownRolloutRow): Promise<void> {
  await lockRollouts(ctx.db, row.organization_id);
  const [overlap] = await listOverlaps(ctx.db, await listAgentIds(ctx.db, row.id), row.id);
  if (overlap !== undefined)
    throw new AppError(
      "conflict",
      `${await overlapSentence(ctx, overlap)} Wait for it or end it, then roll this one back.`,
    );
}

async function setState(
  ctx: Tx,
  row: ShownRolloutRow,
  state: RolloutState,
  reason: string | null,
  more: Parameters<typeof updateRollout>[2] = {},
): Promise<void> {
  await updateRollout(ctx.db, row.id, { state, state_since: new Date(ctx.now()), reason, ...more });
}

/** One action of a person under the rollout's lock, which the worker's steps hold, too. */
async function change(
  ctx: Ctx,
  id: string,
  from: readonly RolloutState[],
  verb: string,
  reason: string | null,
  work: (ctx: Tx, row: ShownRolloutRow) => Promise<void>,
): Promise<Rollout> {
  return inTransaction(ctx, async (ctx) => {
    const row = isUuid(id) ? await lockRollout(ctx.db, id) : undefined;
    if (row === undefined) throw notFound("rollout", id);
    if (!from.includes(row.state))
      throw new AppError(
        "conflict",
        `The rollout is ${row.state.replace("_", " ")}; that is possible while it is ${words(from)}.`,
      );
    await work(ctx, row);
    record(ctx, {
      action: `rollout.${verb}`,
      target_type: "rollout",
      target_id: row.id,
      reason,
      metadata: { configuration: row.configuration_name, version: row.version, from: row.state },
    });
    notify(ctx, { topic: "rollout", id: row.id });
    return readShown(ctx, row.id);
  });
}

function words(states: readonly RolloutState[]): string {
  return states.map((state) => state.replace("_", " ")).join(" or ");
}
