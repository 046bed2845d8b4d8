import { decodeLines, type LogLine } from "@flowplane/link";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import type { Objects } from "../../../platform/objects/objects.ts";
import { decompressSegment } from "./decode.ts";
import { readPacked } from "./packs.ts";
import { CACHE_BYTES_MAX, SEGMENT_ROWS_PER_READ } from "./limits.ts";
import { segmentsFrom, type SegmentRow } from "./store.ts";

/**
 * The stored lines of a run from `fromSeq` to `storedSeq`, segment by segment: whoever takes the next one decides the
 * pace, and only one is held for it. No line comes twice, whatever the segments overlap.
 */
export async function* storedLines(
  ctx: Ctx,
  runId: string,
  fromSeq: number,
  storedSeq: number,
): AsyncGenerator<readonly LogLine[]> {
  let next = fromSeq;
  while (next <= storedSeq) {
    const from = next;
    const rows = await inTransaction(ctx, (ctx) =>
      segmentsFrom(ctx.db, runId, from, storedSeq, SEGMENT_ROWS_PER_READ),
    );
    for (const row of rows) {
      const lines = since(await readSegment(ctx.objects, row), next);
      next = Math.max(next, row.last_seq + 1);
      if (lines.length > 0) yield lines;
    }
    if (rows.length < SEGMENT_ROWS_PER_READ) return;
  }
}

/** The lines from `seq` on; they ascend, so the first is searched by halves. */
export function since(lines: readonly LogLine[], seq: number): readonly LogLine[] {
  let [low, high] = [0, lines.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((lines[middle]?.seq ?? Infinity) < seq) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? lines : lines.slice(low);
}

interface Cached {
  readonly lines: Promise<readonly LogLine[]>;
  readonly cost: number;
}

/** About what a decoded line takes beside its bytes. */
const LINE_COST_BYTES = 150;

// Segments never change, so those of all runs share one cache per process. The oldest used is the first to go.
const cache = new Map<string, Cached>();
let cachedBytes = 0;

async function readSegment(objects: Objects, row: SegmentRow): Promise<readonly LogLine[]> {
  const key = `${row.object_key}#${row.pack_offset ?? 0}`;
  const cached = cache.get(key);
  if (cached !== undefined) {
    cache.delete(key);
    cache.set(key, cached);
    return cached.lines;
  }
  const entry = { lines: loadSegment(objects, row), cost: row.bytes + row.lines * LINE_COST_BYTES };
  cache.set(key, entry);
  cachedBytes += entry.cost;
  for (const oldest of cache.keys()) {
    if (cachedBytes <= CACHE_BYTES_MAX) break;
    forget(oldest);
  }
  try {
    return await entry.lines;
  } catch (error) {
    // A failure is not remembered: the object store may be back in a moment.
    if (cache.get(key) === entry) forget(key);
    throw error;
  }
}

function forget(key: string): void {
  cachedBytes -= cache.get(key)?.cost ?? 0;
  cache.delete(key);
}

async function loadSegment(objects: Objects, row: SegmentRow): Promise<readonly LogLine[]> {
  const found = await readEncoding(objects, row);
  if (!found.ok) throw new Error(`log segment ${row.object_key} ${found.issue}`);
  const decoded = decodeLines(found.encoding);
  if (!decoded.ok) throw new Error(`log segment ${row.object_key} is damaged: ${decoded.issue}`);
  return decoded.value;
}

/**
 * The stored segments of a run up to a line in their uncompressed encoding, in order, for what needs the very bytes that were hashed; or
 * what is wrong with one, as the end of a sentence.
 */
export async function* segmentEncodings(
  ctx: Ctx,
  runId: string,
  storedSeq: number,
): AsyncGenerator<
  | { readonly segment: number; readonly encoding: Uint8Array; readonly isShared: boolean }
  | { readonly segment: number; readonly issue: string }
> {
  let next = 1;
  for (;;) {
    const from = next;
    const rows = await inTransaction(ctx, (ctx) =>
      segmentsFrom(ctx.db, runId, from, storedSeq, SEGMENT_ROWS_PER_READ),
    );
    for (const row of rows) {
      const found = await readEncoding(ctx.objects, row);
      if (!found.ok) {
        yield { segment: row.segment_seq, issue: found.issue };
        return;
      }
      // Packs are kept for others who read them.
      yield { segment: row.segment_seq, encoding: found.encoding, isShared: row.pack_offset !== null };
      next = row.last_seq + 1;
    }
    if (rows.length < SEGMENT_ROWS_PER_READ) return;
  }
}

export async function readEncoding(
  objects: Objects,
  row: SegmentRow,
): Promise<{ ok: true; encoding: Uint8Array } | { ok: false; issue: string }> {
  if (row.pack_offset !== null)
    return readPacked(objects, row.object_key, row.pack_offset, row.pack_length ?? 0);
  const body = await objects.get(row.object_key);
  if (body === undefined) return { ok: false, issue: "is not in the object store" };
  const unpacked = await decompressSegment(body);
  return unpacked.ok ? unpacked : { ok: false, issue: `is damaged: ${unpacked.issue}` };
}
