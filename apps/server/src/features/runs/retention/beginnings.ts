import { timelineSentence } from "@flowplane/contract";
import { inTransaction, notify, type Ctx, type Tx } from "../../../platform/context.ts";
import { lockRun, updateRun } from "../store.ts";
import { addToTimeline, timelineRow } from "../timeline.ts";
import { ROWS_PER_BATCH, RUNS_PER_BATCH } from "./limits.ts";
import {
  dropEntries,
  dropFirstChunks,
  dropFirstSegments,
  firstChunks,
  firstEntries,
  firstSegments,
  runsWithOldBeginning,
  runsWithOldEntries,
  type Due,
} from "./store.ts";

/** What one table holds of a run in order, and how its beginning is taken away. */
interface Beginning {
  /** Runs under way with something to take away, in the order of their ids, behind one of them; at most so many. */
  readonly find: (ctx: Tx, due: Due, after: string | undefined, limit: number) => Promise<string[]>;
  /** Takes away what is older than `before` from the front, in one transaction; how many rows, of at most so many. */
  readonly drop: (ctx: Ctx, runId: string, due: Due) => Promise<number>;
}

export const LOG: Beginning = {
  find: (ctx, due, after, limit) =>
    runsWithOldBeginning(ctx.db, ctx.actor.organization_id, "log_segments", due, after, limit),
  drop: (ctx, runId, due) =>
    inTransaction(ctx, async (ctx) => {
      const run = await lockRun(ctx.db, runId);
      if (run === undefined) return 0;
      const rows = await firstSegments(ctx.db, runId, run.log_stored_seq, ROWS_PER_BATCH);
      const old = oldOnes(rows, run.incidents_total, due);
      const last = old.at(-1);
      if (last === undefined) return 0;
      await dropFirstSegments(ctx.db, runId, last.segment_seq, new Date(ctx.now()));
      await updateRun(ctx.db, runId, {
        log_expired_seq: last.last_seq,
        log_expired_segment: last.segment_seq,
        log_expired_until: last.last_at,
      });
      notify(ctx, { topic: "run", id: runId });
      return old.length;
    }),
};

export const EVIDENCE: Beginning = {
  find: (ctx, due, after, limit) =>
    runsWithOldBeginning(ctx.db, ctx.actor.organization_id, "evidence_chunks", due, after, limit),
  drop: (ctx, runId, due) =>
    inTransaction(ctx, async (ctx) => {
      const run = await lockRun(ctx.db, runId);
      if (run === undefined) return 0;
      const rows = await firstChunks(ctx.db, runId, ROWS_PER_BATCH);
      const old = oldOnes(rows, run.incidents_total, due);
      const last = old.at(-1);
      if (last === undefined) return 0;
      await dropFirstChunks(ctx.db, runId, last.chunk, new Date(ctx.now()));
      await updateRun(ctx.db, runId, {
        evidence_expired_chunk: last.chunk,
        evidence_expired_until: last.created_at,
      });
      return old.length;
    }),
};

/** Of a timeline what may come again and again; how the run was made and started stays. One entry says how many are gone. */
export const TIMELINE: Beginning = {
  find: (ctx, due, after, limit) => runsWithOldEntries(ctx.db, ctx.actor.organization_id, due, after, limit),
  drop: (ctx, runId, due) =>
    inTransaction(ctx, async (ctx) => {
      const run = await lockRun(ctx.db, runId);
      if (run === undefined) return 0;
      const old = await firstEntries(ctx.db, runId, dueOf(run.incidents_total, due), ROWS_PER_BATCH);
      const last = old.at(-1);
      if (last === undefined || (old.length === 1 && last.expired !== null)) return 0;
      await dropEntries(
        ctx.db,
        old.map(({ id }) => id),
      );
      const expired = old.reduce((sum, { expired }) => sum + (expired ?? 1), 0);
      const row = timelineRow(ctx, runId, ctx.actor, {
        type: "run.note",
        title: timelineSentence(expired, last.at),
        reason: null,
        payload: { expired_events: expired },
        at: last.at,
      });
      await addToTimeline(ctx, [{ ...row, id: last.id }]);
      return old.length;
    }),
};

/**
 * Takes from runs under way what was stored for longer than it is kept, always from the beginning, so that what is left has no hole.
 * A run that has ended is kept whole for its time from then on. Gives the number of rows.
 */
export async function expireBeginnings(
  ctx: Ctx,
  { find, drop }: Beginning,
  due: Due,
  isOver: () => boolean,
): Promise<number> {
  let count = 0;
  let after: string | undefined;
  for (;;) {
    const from = after;
    const runs = await inTransaction(ctx, (ctx) => find(ctx, due, from, RUNS_PER_BATCH));
    for (const runId of runs) {
      for (let dropped = ROWS_PER_BATCH; dropped === ROWS_PER_BATCH && !isOver();) {
        dropped = await drop(ctx, runId, due);
        count += dropped;
      }
    }
    after = runs.at(-1);
    if (after === undefined || runs.length < RUNS_PER_BATCH || isOver()) return count;
  }
}

/** The ones in front that are old; rows are in their order, and one may have been stored before the one in front of it. */
function oldOnes<Row extends { readonly created_at: Date }>(
  rows: readonly Row[],
  incidents: number,
  due: Due,
): readonly Row[] {
  const before = dueOf(incidents, due);
  const kept = rows.findIndex(({ created_at }) => created_at >= before);
  return kept < 0 ? rows : rows.slice(0, kept);
}

function dueOf(incidents: number, due: Due): Date {
  return incidents === 0 ? due.plain : due.withIncidents;
}
