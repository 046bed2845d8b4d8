import { setImmediate } from "node:timers/promises";
import type { LogLine } from "@flowplane/contract";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { notFound } from "../../../platform/errors.ts";
import { isUuid } from "../../../platform/ids.ts";
import { findRunLog } from "../store.ts";
import { BREATH_BYTES, PAGE_BYTES_MAX, SEARCH_BYTES_MAX, SEARCH_LINE_BYTES } from "./limits.ts";
import { ESCAPE_BYTE, withoutEscapes } from "./escapes.ts";
import { bufferOf, lineOf } from "./lines.ts";
import { storedLines } from "./segments.ts";

export type RunLog = NonNullable<Awaited<ReturnType<typeof findRunLog>>>;

/** How a run's log stands. Throws `not_found`. */
export async function readRunLog(ctx: Ctx, runId: string): Promise<RunLog> {
  const run = isUuid(runId) ? await inTransaction(ctx, (ctx) => findRunLog(ctx.db, runId)) : undefined;
  if (run === undefined) throw notFound("run", runId);
  return run;
}

/** Stored lines from a sequence number on, or from the first that has not expired. `next_seq` is null when they reach the end of what is stored now. */
export async function readLogPage(
  ctx: Ctx,
  runId: string,
  page: { from_seq: number; limit: number },
): Promise<{ items: LogLine[]; next_seq: number | null; last_seq: number; first_seq: number }> {
  const run = await readRunLog(ctx, runId);
  const ends = { last_seq: run.log_stored_seq, first_seq: run.log_expired_seq + 1 };
  const items: LogLine[] = [];
  let bytes = 0;
  for await (const lines of storedLines(ctx, runId, page.from_seq, run.log_stored_seq)) {
    for (const line of lines) {
      if (items.length >= page.limit || (items.length > 0 && bytes + line.bytes.length > PAGE_BYTES_MAX))
        return { items, next_seq: line.seq, ...ends };
      items.push(lineOf(line));
      bytes += line.bytes.length;
    }
  }
  return { items, next_seq: null, ...ends };
}

/**
 * Stored lines that contain a text, as they are read: without the escape sequences of a terminal. One call looks through a bounded amount; `more` says that there is more behind
 * `searched_to`, from where the next call goes on.
 */
export async function searchLog(
  ctx: Ctx,
  runId: string,
  query: { q: string; case_sensitive: "true" | "false"; from_seq: number; limit: number },
): Promise<{ seqs: number[]; searched_to: number; more: boolean }> {
  const run = await readRunLog(ctx, runId);
  const matches = matcher(query.q, query.case_sensitive === "true");
  const seqs: number[] = [];
  let searchedTo = Math.min(query.from_seq - 1, run.log_stored_seq);
  let bytes = 0;
  let sinceBreath = 0;
  for await (const lines of storedLines(ctx, runId, query.from_seq, run.log_stored_seq)) {
    for (const line of lines) {
      if (seqs.length >= query.limit || bytes >= SEARCH_BYTES_MAX)
        return { seqs, searched_to: searchedTo, more: true };
      if (matches(bufferOf(line))) seqs.push(line.seq);
      searchedTo = line.seq;
      bytes += line.bytes.length + SEARCH_LINE_BYTES;
      sinceBreath += line.bytes.length + SEARCH_LINE_BYTES;
      if (sinceBreath > BREATH_BYTES) {
        sinceBreath = 0;
        await setImmediate();
      }
    }
  }
  return { seqs, searched_to: Math.max(searchedTo, run.log_stored_seq), more: false };
}

/** Looks into lines as they are read: without the escape sequences of a terminal. */
export function matcher(text: string, isCaseSensitive: boolean): (line: Buffer) => boolean {
  const exact = Buffer.from(text);
  // Who asks for an escape sequence means the bytes.
  const isRaw = text.includes("\u001b");
  const folded = text.toLowerCase();
  return (line) => {
    const hasEscapes = !isRaw && line.includes(ESCAPE_BYTE);
    if (isCaseSensitive && !hasEscapes) return line.includes(exact);
    const shown = hasEscapes ? withoutEscapes(line.toString("utf8")) : line.toString("utf8");
    return isCaseSensitive ? shown.includes(text) : shown.toLowerCase().includes(folded);
  };
}
