import { EvidenceProblem } from "@flowplane/detection";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { segmentEncodings } from "../logs/segments.ts";
import { decodeChunk } from "./decode.ts";
import { CHUNK_ROWS_PER_READ } from "./limits.ts";
import { chunksAfter, type EvidenceRun } from "./store.ts";

/**
 * The stored chunks of a run's evidence, uncompressed, in order; one is held at a time. What is not there, or not as it was stored, ends them
 * with an EvidenceProblem that says which it is.
 */
export async function* storedChunks(ctx: Ctx, run: EvidenceRun): AsyncGenerator<Uint8Array> {
  if (run.evidence_expired_at !== null)
    throw new EvidenceProblem("The evidence was deleted when its time was over.");
  let last = run.evidence_expired_chunk;
  for (;;) {
    const after = last;
    const rows = await inTransaction(ctx, (ctx) => chunksAfter(ctx.db, run.id, after, CHUNK_ROWS_PER_READ));
    for (const row of rows) {
      if (row.chunk !== last + 1)
        throw new EvidenceProblem(`${missingWords(last + 1, row.chunk - 1)} not stored here.`);
      const body = await ctx.objects.get(row.object_key);
      if (body === undefined)
        throw new EvidenceProblem(`Chunk ${row.chunk} is gone from the object store (${row.object_key}).`);
      const decoded = await decodeChunk(body);
      if (!decoded.ok) throw new EvidenceProblem(`Chunk ${row.chunk} is damaged: ${decoded.issue}.`);
      yield decoded.bytes;
      last = row.chunk;
    }
    if (rows.length < CHUNK_ROWS_PER_READ) break;
  }
  // The agent says with a run's end how many there are, so that nobody can take the last ones away unseen.
  if (run.evidence_last !== null && last < run.evidence_last && last > 0)
    throw new EvidenceProblem(`${missingWords(last + 1, run.evidence_last)} not stored here.`);
}

function missingWords(from: number, to: number): string {
  return from === to ? `Chunk ${from} is` : `Chunks ${from} to ${to} are`;
}

/** A stored segment of a log in its uncompressed encoding. */
export interface StoredSegment {
  readonly segment: number;
  readonly encoding: Uint8Array;
  /** Others look at the same memory: it must stay here. */
  readonly isShared: boolean;
}

/** The stored segments of a run's log in order, each as it was encoded; ends with an EvidenceProblem like the chunks. */
export async function* storedSegments(ctx: Ctx, run: EvidenceRun): AsyncGenerator<StoredSegment> {
  if (run.log_expired_at !== null) return;
  for await (const found of segmentEncodings(ctx, run.id, run.log_stored_seq)) {
    if ("issue" in found) throw new EvidenceProblem(`Segment ${found.segment} of the log ${found.issue}.`);
    yield found;
  }
}
