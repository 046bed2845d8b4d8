import type { Run, RunState } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { WORDS_MAX } from "./limits.ts";
import { findRun, listRuns, searchRuns, type RunFilter } from "./store.ts";
import { runOf } from "./view.ts";

export interface RunListInput {
  readonly state?: RunState | undefined;
  readonly active?: "true" | "false" | undefined;
  readonly agent_id?: string | undefined;
  readonly job_id?: string | undefined;
  readonly from_run_id?: string | undefined;
  readonly q?: string | undefined;
  readonly cursor?: string | undefined;
  readonly limit: number;
}

interface RunPage {
  items: Run[];
  next_cursor: string | null;
  total: number | null;
}

const NOTHING: RunPage = { items: [], next_cursor: null, total: 0 };

/**
 * One page of runs, newest first. With words, a page may be short or empty although there is a next one:
 * one request looks through so many runs and its cursor leads behind them.
 */
export async function listRunPage(ctx: Ctx, input: RunListInput): Promise<RunPage> {
  const before = readBefore(input.cursor);
  // An id of another form than ours is nobody's.
  if ([input.agent_id, input.job_id, input.from_run_id].some((id) => id !== undefined && !isUuid(id)))
    return NOTHING;
  const filter: RunFilter = {
    organizationId: ctx.actor.organization_id,
    state: input.state,
    active: input.active === undefined ? undefined : input.active === "true",
    agentId: input.agent_id,
    jobId: input.job_id,
    fromRunId: input.from_run_id,
    words: wordsOf(input.q ?? ""),
  };
  const now = ctx.now();
  const page = { filter, before, limit: input.limit };
  const { rows, scannedTo } = await inTransaction(ctx, async (ctx) =>
    filter.words.length === 0
      ? { rows: await listRuns(ctx.db, page, now), scannedTo: null }
      : searchRuns(ctx.db, page, now),
  );
  const items = pageOf(
    rows,
    input.limit,
    (row) => [row.id],
    (row) => runOf(row, now),
  );
  if (items.next_cursor !== null || scannedTo === null) return items;
  return { ...items, next_cursor: Buffer.from(JSON.stringify([scannedTo])).toString("base64url") };
}

export async function readRun(ctx: Ctx, id: string): Promise<Run> {
  const now = ctx.now();
  const row = isUuid(id) ? await inTransaction(ctx, (ctx) => findRun(ctx.db, id, now)) : undefined;
  if (row === undefined) throw notFound("run", id);
  return runOf(row, now);
}

function readBefore(cursor: string | undefined): string | undefined {
  const before = readCursor(cursor, 1)?.[0];
  if (before === undefined) return undefined;
  if (typeof before === "string" && isUuid(before)) return before;
  throw new AppError("invalid_input", "The cursor is not one of ours. Start again without it.");
}

function wordsOf(q: string): string[] {
  const words = q.split(/\s+/).filter((word) => word !== "");
  if (words.length > WORDS_MAX)
    throw new AppError(
      "invalid_input",
      `The filter has ${words.length} words; at most ${WORDS_MAX} are possible.`,
    );
  // No text in the database holds a NUL or half a character, so neither can match.
  return words.map((word) => word.toWellFormed().replaceAll("\0", "\uFFFD"));
}
