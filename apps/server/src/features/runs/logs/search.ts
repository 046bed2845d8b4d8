import { setImmediate } from "node:timers/promises";
import type { LogLine } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { AppError } from "../../../platform/errors.ts";
import { isUuid } from "../../../platform/ids.ts";
import { readCursor } from "../../../platform/storage/page.ts";
import {
  BREATH_BYTES,
  PAGE_BYTES_MAX,
  RUNS_PER_READ,
  RUNS_SEARCHED_MAX,
  RUNS_SEARCH_BYTES_MAX,
  RUNS_SEARCH_MS_MAX,
  SEARCH_LINE_BYTES,
} from "./limits.ts";
import { bufferOf, lineOf } from "./lines.ts";
import { matcher } from "./read.ts";
import { storedLines } from "./segments.ts";
import { firstSeqSince, runsWithLines, type SearchedRun } from "./store.ts";

export interface LogSearch {
  readonly q: string;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly site_id?: string | undefined;
  readonly agent_id?: string | undefined;
  readonly job_id?: string | undefined;
  readonly limit: number;
  readonly cursor?: string | undefined;
}

interface Found {
  items: { run_id: string; run_name: string; line: LogLine }[];
  next_cursor: string | null;
  searched: { runs: number; bytes: number };
}

/** Where the next request goes on: in this run, at this line. */
interface Position {
  readonly run_id: string;
  readonly from_seq: number;
}

/**
 * Stored lines of any run that hold a text, newest runs first, each run's in order. One request looks through so much and no more,
 * and holds one segment at a time; its cursor leads to where it stopped, be that in the middle of a run.
 */
export async function searchAllLogs(ctx: Ctx, query: LogSearch): Promise<Found> {
  const start = readPosition(query.cursor);
  const ids = [query.site_id, query.agent_id, query.job_id];
  const found: Found = { items: [], next_cursor: null, searched: { runs: 0, bytes: 0 } };
  // An id of another form than ours is nobody's.
  if (ids.some((id) => id !== undefined && !isUuid(id))) return found;
  const matches = matcher(query.q, false);
  const [fromMs, toMs] = [Date.parse(query.from ?? "") || -Infinity, Date.parse(query.to ?? "") || Infinity];
  const startedAt = performance.now();
  let position = start;
  let shownBytes = 0;
  let sinceBreath = 0;
  for (;;) {
    const at = position;
    const runs = await inTransaction(ctx, (ctx) =>
      runsWithLines(ctx.db, ctx.actor.organization_id, query, at?.run_id, RUNS_PER_READ),
    );
    for (const run of runs) {
      const fromSeq = run.id === position?.run_id ? position.from_seq : 1;
      position = { run_id: run.id, from_seq: fromSeq };
      found.searched.runs += 1;
      const first = await firstWanted(ctx, run, fromSeq, query.from);
      for await (const lines of storedLines(ctx, run.id, first, run.log_stored_seq)) {
        if ((lines[0]?.atMs ?? 0) > toMs) break;
        for (const line of lines) {
          const isFull =
            found.items.length >= query.limit ||
            shownBytes >= PAGE_BYTES_MAX ||
            found.searched.bytes >= RUNS_SEARCH_BYTES_MAX;
          if (isFull) return { ...found, next_cursor: cursorOf({ run_id: run.id, from_seq: line.seq }) };
          const bytes = line.bytes.length + SEARCH_LINE_BYTES;
          found.searched.bytes += bytes;
          sinceBreath += bytes;
          if (sinceBreath > BREATH_BYTES) {
            sinceBreath = 0;
            await setImmediate();
          }
          if (line.atMs < fromMs || line.atMs > toMs || !matches(bufferOf(line))) continue;
          found.items.push({ run_id: run.id, run_name: run.name, line: lineOf(line) });
          shownBytes += line.bytes.length;
        }
        const next = { run_id: run.id, from_seq: (lines.at(-1)?.seq ?? 0) + 1 };
        if (performance.now() - startedAt > RUNS_SEARCH_MS_MAX)
          return { ...found, next_cursor: cursorOf(next) };
      }
      position = { run_id: run.id, from_seq: run.log_stored_seq + 1 };
      const isSpent =
        found.searched.runs >= RUNS_SEARCHED_MAX || performance.now() - startedAt > RUNS_SEARCH_MS_MAX;
      if (isSpent) return { ...found, next_cursor: cursorOf(position) };
    }
    // The first one is where the look before this one ended.
    if (runs.length < RUNS_PER_READ) return found;
  }
}

/** The first line that may be of the wanted time: whole segments before it are not even read. */
async function firstWanted(
  ctx: Ctx,
  run: SearchedRun,
  fromSeq: number,
  from: string | undefined,
): Promise<number> {
  if (from === undefined) return fromSeq;
  const first = await inTransaction(ctx, (ctx) => firstSeqSince(ctx.db, run.id, fromSeq, new Date(from)));
  return first === undefined ? run.log_stored_seq + 1 : Math.max(first, fromSeq);
}

function readPosition(cursor: string | undefined): Position | undefined {
  const values = readCursor(cursor, 2);
  if (values === undefined) return undefined;
  const [run_id, from_seq] = values;
  if (typeof run_id === "string" && isUuid(run_id) && Number.isSafeInteger(from_seq) && Number(from_seq) > 0)
    return { run_id, from_seq: Number(from_seq) };
  throw new AppError("invalid_input", "The cursor is not one of ours. Start again without it.");
}

function cursorOf(position: Position): string {
  return Buffer.from(JSON.stringify([position.run_id, position.from_seq])).toString("base64url");
}
