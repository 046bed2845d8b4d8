import { EvidenceProblem, fileLinesOf, lastLineOf } from "@flowplane/detection";
import { decodeLines } from "@flowplane/link";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { notFound } from "../../../platform/errors.ts";
import { isUuid } from "../../../platform/ids.ts";
import { DOWNLOAD_PIECE_CHARS } from "./limits.ts";
import { storedChunks, storedSegments, type StoredSegment } from "./source.ts";
import { findEvidenceRun, type EvidenceRun } from "./store.ts";

/** Everything a run's decisions were made of, in one file; pieces are made as they are taken. Throws `not_found` before the first. */
export async function openEvidence(
  ctx: Ctx,
  runId: string,
): Promise<{ fileName: string; pieces: AsyncIterable<string | Uint8Array> }> {
  const run = isUuid(runId) ? await inTransaction(ctx, (ctx) => findEvidenceRun(ctx.db, runId)) : undefined;
  if (run === undefined) throw notFound("run", runId);
  return { fileName: `run-${run.id}-evidence.jsonl`, pieces: pieces(ctx, run) };
}

/**
 * What is missing ends the file with a line that says so: who reads it finds out by the chunks' hashes anyway, and is told here
 * why.
 */
async function* pieces(ctx: Ctx, run: EvidenceRun): AsyncGenerator<string | Uint8Array> {
  const segments = storedSegments(ctx, run);
  // Asked for one ahead, for whether a chunk reaches into it shows only by its first line.
  let ahead: Opened | null | undefined;
  try {
    for await (const chunk of storedChunks(ctx, run)) {
      yield chunk;
      const reach = lastLineOf(chunk);
      for (;;) {
        ahead ??= await open(segments);
        if (ahead === null || ahead.first > reach) break;
        yield* linesOf(ahead);
        ahead = undefined;
      }
    }
  } catch (error) {
    if (!(error instanceof EvidenceProblem)) throw error;
    yield `${JSON.stringify({ type: "problem", what: error.message })}\n`;
  }
}

interface Opened {
  readonly segment: number;
  readonly first: number;
  readonly lines: Extract<ReturnType<typeof decodeLines>, { ok: true }>["value"];
}

async function open(segments: AsyncGenerator<StoredSegment>): Promise<Opened | null> {
  const next = await segments.next();
  if (next.done === true) return null;
  const { segment, encoding } = next.value;
  const decoded = decodeLines(encoding);
  if (!decoded.ok) throw new EvidenceProblem(`Segment ${segment} of the log is damaged: ${decoded.issue}.`);
  return { segment, first: decoded.value[0]?.seq ?? 0, lines: decoded.value };
}

/** In pieces of a bounded length, so that nobody waits for a whole segment to be written out. */
function* linesOf({ segment, lines }: Opened): Generator<string> {
  let piece = "";
  for (const line of fileLinesOf(segment, lines)) {
    piece += line;
    if (piece.length < DOWNLOAD_PIECE_CHARS) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}
