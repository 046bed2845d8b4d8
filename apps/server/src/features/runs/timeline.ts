import type { ActorRef, RunEvent } from "@flowplane/contract";
import { inTransaction, newId, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { isUuid } from "../../platform/ids.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { findRunLog, insertRunEvents, listRunEvents, type NewRunEventRow } from "./store.ts";
import type { TimelineEntry } from "./report.ts";

/** One page of what happened to a run, oldest first. */
export async function readTimeline(
  ctx: Ctx,
  runId: string,
  page: { cursor?: string | undefined; limit: number },
): Promise<{ items: RunEvent[]; next_cursor: string | null; total: number | null }> {
  const after = readCursor(page.cursor, 1)?.[0];
  if (after !== undefined && !(typeof after === "string" && isUuid(after)))
    throw new AppError("invalid_input", "The cursor is not one of ours. Start again without it.");
  const rows = await inTransaction(ctx, async (ctx) => {
    if (!isUuid(runId) || (await findRunLog(ctx.db, runId)) === undefined) throw notFound("run", runId);
    return listRunEvents(ctx.db, runId, after, page.limit);
  });
  return pageOf(
    rows,
    page.limit,
    (row) => [row.id],
    (row) => ({
      id: row.id,
      at: timestamp(row.at),
      type: row.type,
      actor: row.actor,
      title: row.title,
      reason: row.reason,
      payload: row.payload,
    }),
  );
}

/** The row of an entry; its id is made here, so entries read in the order in which they were made. */
export function timelineRow(ctx: Tx, runId: string, actor: ActorRef, entry: TimelineEntry): NewRunEventRow {
  return {
    id: newId(),
    organization_id: ctx.actor.organization_id,
    run_id: runId,
    at: entry.at,
    type: entry.type,
    actor: JSON.stringify({ type: actor.type, id: actor.id, name: actor.name }),
    title: entry.title,
    reason: entry.reason,
    payload: JSON.stringify(entry.payload),
  };
}

/** Adds entries to the timelines of runs and tells who watches them that they, and the runs, changed. */
export async function addToTimeline(ctx: Tx, rows: readonly NewRunEventRow[]): Promise<void> {
  await insertRunEvents(ctx.db, rows);
  for (const row of rows) notify(ctx, { topic: "run_event", id: row.id, parent_id: row.run_id });
  for (const id of new Set(rows.map((row) => row.run_id))) notify(ctx, { topic: "run", id });
}
