import type { LogLine } from "@flowplane/link";
import { inTransaction, notify, type Ctx, type Tx } from "../../../platform/context.ts";
import { AppError, notFound } from "../../../platform/errors.ts";
import { observeSegment } from "../metrics.ts";
import { addGarbage } from "../retention/store.ts";
import { lockRun, updateRun, type RunRow } from "../store.ts";
import { isLogComplete } from "../view.ts";
import { publishStored } from "./tail-messages.ts";
import { contiguousAfter, findSegment, insertSegment, lastContiguous, type SegmentRow } from "./store.ts";

/** A segment as an agent sent it, already checked against what it says of itself. */
export interface ReceivedSegment {
  readonly runId: string;
  readonly segmentSeq: number;
  /** As received, compressed. */
  readonly body: Uint8Array;
  /** SHA-256 of `body`, hex. */
  readonly checksum: string;
  /** At least one, ascending. */
  readonly lines: readonly LogLine[];
  /** What expired where it was made, while there was no control plane to send it to; null for nothing. */
  readonly expired: Expired | null;
}

/** The beginning of a log that nobody has any more: up to which segment and line, and that line's time. */
export interface Expired {
  readonly segmentSeq: number;
  readonly seq: number;
  readonly until: Date;
}

/**
 * Stores a segment: first the object, then the row, so that a row always has its object. Resolves when both are
 * durable. The same segment again changes nothing. Whose run it is, the caller has checked.
 *
 * Segments may come in any order; what readers see, up to `log_stored_seq`, grows only over those without a hole.
 */
export async function storeSegment(ctx: Ctx, segment: ReceivedSegment): Promise<void> {
  const { runId, segmentSeq, lines } = segment;
  const [first, last] = [lines[0], lines.at(-1)];
  if (first === undefined || last === undefined) throw new Error("a segment without lines");
  const key = objectKey(ctx.actor.organization_id, segment);
  await ctx.objects.put(key, segment.body);
  await inTransaction(ctx, async (ctx) => {
    const locked = await lockRun(ctx.db, runId);
    if (locked === undefined) throw notFound("run", runId);
    const run = await beginLater(ctx, locked, segment.expired);
    // Under the lock, for the same upload may be made twice at once.
    const present = await findSegment(ctx.db, runId, segmentSeq);
    if (present !== undefined && isCovered(present, segment, first.seq, last.seq)) return;
    // It was stored once, and its time is over.
    if (segmentSeq <= run.log_expired_segment) {
      await addGarbage(ctx.db, run.organization_id, [key], new Date(ctx.now()));
      return;
    }
    const bytes = lines.reduce((sum, line) => sum + line.bytes.length + (line.partial ? 0 : 1), 0);
    await insertSegment(ctx.db, {
      run_id: runId,
      segment_seq: segmentSeq,
      organization_id: ctx.actor.organization_id,
      object_key: key,
      first_seq: first.seq,
      last_seq: last.seq,
      bytes,
      stored_bytes: segment.body.length,
      lines: lines.length,
      checksum: segment.checksum,
      first_at: new Date(first.atMs),
      last_at: new Date(last.atMs),
      created_at: new Date(ctx.now()),
    });
    await advance(ctx, run);
    ctx.afterCommit(() => observeSegment(ctx.now() - last.atMs, bytes));
  });
}

/** Whether a stored segment already holds what this one brings. Throws when they contradict each other. */
function isCovered(stored: SegmentRow, segment: ReceivedSegment, firstSeq: number, lastSeq: number): boolean {
  if (stored.checksum === segment.checksum) return true;
  // Compressed anew by another version of the agent, perhaps.
  if (stored.first_seq === firstSeq && stored.last_seq === lastSeq) return true;
  throw new AppError(
    "conflict",
    `Segment ${segment.segmentSeq} is stored already with lines ${stored.first_seq} to ${stored.last_seq}; this one has lines ${firstSeq} to ${lastSeq}.`,
  );
}

/** Takes note that a log begins later: what it begins with expired on its host before anybody here had it. */
async function beginLater(ctx: Tx, run: RunRow, expired: Expired | null): Promise<RunRow> {
  if (expired === null || expired.segmentSeq <= run.log_expired_segment || expired.seq <= run.log_stored_seq)
    return run;
  const begun = {
    log_expired_seq: expired.seq,
    log_expired_segment: expired.segmentSeq,
    log_expired_until: expired.until,
    log_stored_seq: expired.seq,
    log_lines: run.log_lines + expired.seq - run.log_stored_seq,
  };
  await updateRun(ctx.db, run.id, begun);
  return { ...run, ...begun };
}

/** Lets what readers see grow over the segments that now follow it without a hole. */
async function advance(ctx: Tx, run: RunRow): Promise<void> {
  const last = await lastContiguous(ctx.db, run.id, run.log_stored_seq);
  const from = Math.max(last, run.log_expired_segment);
  let { log_bytes, log_lines, log_stored_seq } = run;
  for (const segment of await contiguousAfter(ctx.db, run.id, from)) {
    log_bytes += segment.bytes;
    log_lines += segment.lines;
    log_stored_seq = Math.max(log_stored_seq, segment.last_seq);
  }
  if (log_stored_seq === run.log_stored_seq) return;
  await updateRun(ctx.db, run.id, { log_bytes, log_lines, log_stored_seq });
  ctx.afterCommit(() => publishStored(ctx.bus, run.id, log_stored_seq));
  if (isLogComplete({ ...run, log_stored_seq })) notify(ctx, { topic: "run", id: run.id });
}

function objectKey(organizationId: string, { runId, segmentSeq, checksum }: ReceivedSegment): string {
  return `runs/${organizationId}/${runId}/${String(segmentSeq).padStart(10, "0")}-${checksum.slice(0, 16)}`;
}
