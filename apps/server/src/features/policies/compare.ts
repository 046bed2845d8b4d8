import type { ComparedRun, PolicyDocument } from "@flowplane/contract";
import { inTransaction, notify, type Base, type Ctx, type Tx } from "../../platform/context.ts";
import { replayOn } from "../runs/evidence/replay.ts";
import { startReplayThread, type ReplayThread } from "../runs/evidence/replay-thread.ts";
import { systemContext } from "../runs/system-context.ts";
import {
  findComparison,
  findPastRun,
  runsToCompare,
  updateComparison,
  type ComparisonRow,
} from "./comparison-store.ts";
import { requestOf, sinceOf, type EnqueueComparison } from "./comparisons.ts";
import { COMPARE_SAVE_MS, COMPARE_TURN_MS } from "./limits.ts";
import { findPolicyVersion } from "./store.ts";
import { compareRun, notReplayable, summarize, type PastRun } from "./verdict.ts";

/**
 * A turn of a comparison's work, as the queue gives it: replays past runs under both policies, one after the other in a thread of its own,
 * until all are done or the turn is over; then it goes on in the next. Everything done is written down, so a turn that was cut
 * off costs little. What cannot be mended by trying again makes the comparison failed.
 */
export async function workOnComparison(
  base: Base,
  comparisonId: string,
  enqueue: EnqueueComparison,
): Promise<void> {
  const row = await findComparison(base.storage.system, comparisonId);
  if (row === undefined || row.state === "done" || row.state === "failed") return;
  const ctx = systemContext(base, row.organization_id);
  try {
    const turn = await takeTurn(ctx, row);
    await inTransaction(ctx, async (ctx) => {
      await save(ctx, row, turn, turn.isOver ? "done" : "running");
      if (!turn.isOver) await enqueue(ctx, row.id);
    });
  } catch (error) {
    base.log.error({ err: error, comparison_id: row.id }, "a comparison of policies failed");
    await inTransaction(ctx, async (ctx) => {
      await updateComparison(ctx.db, row.id, {
        state: "failed",
        error: "It could not be carried through; the control plane's log says why. Start it again.",
        finished_at: new Date(ctx.now()),
      });
      tell(ctx, row);
    });
  }
}

interface Turn {
  readonly total: number;
  readonly runs: readonly ComparedRun[];
  readonly fine: ReadonlySet<string>;
  readonly isOver: boolean;
}

async function takeTurn(ctx: Ctx, row: ComparisonRow): Promise<Turn> {
  const request = requestOf(row);
  const { ids, base, candidate } = await inTransaction(ctx, async (ctx) => ({
    ids: await runsToCompare(ctx.db, row.organization_id, row.policy_id, sinceOf(row), request.runs_max),
    base: await documentOf(ctx, row.policy_id, request.base_version),
    candidate:
      "document" in request.candidate
        ? request.candidate.document
        : await documentOf(ctx, row.policy_id, request.candidate.version),
  }));
  const runs = [...(row.result?.runs ?? [])];
  const known = new Set(runs.map(({ run_id }) => run_id));
  const left = ids.filter((id) => !known.has(id)).slice(0, Math.max(0, request.runs_max - runs.length));
  const total = runs.length + left.length;
  const fine = new Set<string>();
  for (const { run_id } of runs) if ((await pastRun(ctx, run_id))?.wasFine === true) fine.add(run_id);
  const started = performance.now();
  let saved = started;
  let thread: ReplayThread | undefined;
  try {
    for (const id of left) {
      if (performance.now() - started > COMPARE_TURN_MS) return { total, runs, fine, isOver: false };
      const run = await pastRun(ctx, id);
      if (run === undefined) continue;
      if (run.wasFine) fine.add(run.id);
      thread ??= startReplayThread();
      try {
        const was = await replayOn(ctx, thread, id, base);
        runs.push(
          compareRun(run, was, was.problem === null ? await replayOn(ctx, thread, id, candidate) : was),
        );
      } catch (error) {
        ctx.log.warn({ err: error, run_id: id }, "a run could not be replayed for a comparison");
        runs.push(notReplayable(run, "Replaying it failed; the control plane's log says why."));
        await thread.close();
        thread = undefined;
      }
      if (performance.now() - saved < COMPARE_SAVE_MS) continue;
      saved = performance.now();
      await inTransaction(ctx, (ctx) => save(ctx, row, { total, runs, fine, isOver: false }, "running"));
    }
    return { total: runs.length, runs, fine, isOver: true };
  } finally {
    await thread?.close();
  }
}

async function pastRun(ctx: Ctx, id: string): Promise<PastRun | undefined> {
  const run = await inTransaction(ctx, (ctx) => findPastRun(ctx.db, id));
  if (run === undefined) return undefined;
  return {
    id: run.id,
    name: run.name,
    state: run.state,
    startedAt: (run.started_at ?? run.created_at).getTime(),
    endedAt: run.ended_at?.getTime() ?? null,
    wasFine: run.state === "SUCCEEDED" || Boolean(run.was_wrong),
  };
}

async function documentOf(ctx: Tx, policyId: string, version: number | null): Promise<PolicyDocument> {
  const found = version === null ? undefined : await findPolicyVersion(ctx.db, policyId, version);
  if (found === undefined) throw new Error(`policy ${policyId} has no version ${version}`);
  return found.document;
}

async function save(ctx: Tx, row: ComparisonRow, turn: Turn, state: "running" | "done"): Promise<void> {
  const summary = state === "done" ? summarize(turn.runs, turn.fine) : null;
  await updateComparison(ctx.db, row.id, {
    state,
    done: turn.runs.length,
    total: turn.total,
    result: JSON.stringify({ summary, runs: turn.runs }),
    ...(state === "done" ? { finished_at: new Date(ctx.now()) } : {}),
  });
  tell(ctx, row);
}

function tell(ctx: Tx, row: ComparisonRow): void {
  notify(ctx, { topic: "policy_comparison", id: row.id, parent_id: row.policy_id });
}
