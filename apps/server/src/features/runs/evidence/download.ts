import { promisify } from "node:util";
import { zstdCompress } from "node:zlib";
import { evidenceFileHead, EvidenceProblem, evidenceFileSegment } from "@flowplane/detection";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { notFound } from "../../../platform/errors.ts";
import { isUuid } from "../../../platform/ids.ts";
import { refusalOf } from "./replay.ts";
import { storedChunks, storedSegments } from "./source.ts";
import { findEvidenceRun, type EvidenceRun } from "./store.ts";

const compress = promisify(zstdCompress);

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
 * One chunk or one segment at a time. What is missing is left out, and said in our log: who replays the file finds it missing by the
 * hashes, and is told so there.
 */
async function* pieces(ctx: Ctx, run: EvidenceRun): AsyncGenerator<string | Uint8Array> {
  yield `${evidenceFileHead(run.id, refusalOf(run))}\n`;
  try {
    yield* storedChunks(ctx, run);
    for await (const { segment, encoding } of storedSegments(ctx, run)) {
      const body = await compress(encoding);
      yield `${evidenceFileSegment(segment, body.toString("base64"))}\n`;
    }
  } catch (error) {
    if (!(error instanceof EvidenceProblem)) throw error;
    ctx.log.warn({ run_id: run.id, problem: error.message }, "a download of evidence is not whole");
  }
}
