import { observeEvidence } from "../metrics.ts";
import { addGarbage } from "../retention/store.ts";
import { createHash } from "node:crypto";
import { EVIDENCE_FORMAT } from "@flowplane/detection";
import { inTransaction, type Ctx } from "../../../platform/context.ts";
import { AppError, notFound } from "../../../platform/errors.ts";
import { lockRun, updateRun, type RunRow } from "../store.ts";
import { decodeChunk } from "./decode.ts";
import { readSamplesOf, type Sample } from "./read-samples.ts";
import { findChunk, insertChunk, insertSamples } from "./store.ts";

/** A chunk as an agent sent it, its body undamaged on the way. */
export interface ReceivedChunk {
  readonly runId: string;
  /** From 1. */
  readonly chunk: number;
  /** As received, compressed. */
  readonly body: Uint8Array;
  /** What expired where it was made, while there was no control plane to send it to; null for nothing. */
  readonly expired: { readonly chunk: number; readonly until: Date } | null;
}

/**
 * Stores a chunk: first the object, then the row, so that a row always has its object. Resolves when both are durable. The same chunk
 * again changes nothing, and chunks may come in any order: whether they belong together is for whoever reads them.
 */
export async function storeChunk(ctx: Ctx, { runId, chunk, body, expired }: ReceivedChunk): Promise<void> {
  const decoded = await decodeChunk(body);
  if (!decoded.ok) throw new AppError("invalid_input", `The body is no evidence: ${decoded.issue}.`);
  checkBeginning(decoded.bytes, runId, chunk);
  const checksum = createHash("sha256").update(decoded.bytes).digest("hex");
  const key = `evidence/${ctx.actor.organization_id}/${runId}/${String(chunk).padStart(10, "0")}-${checksum.slice(0, 16)}`;
  await ctx.objects.put(key, body);
  await inTransaction(ctx, async (ctx) => {
    const run = await lockRun(ctx.db, runId);
    if (run === undefined) throw notFound("run", runId);
    if (expired !== null && expired.chunk > run.evidence_expired_chunk)
      await updateRun(ctx.db, runId, {
        evidence_expired_chunk: expired.chunk,
        evidence_expired_until: expired.until,
      });
    if (chunk <= run.evidence_expired_chunk) {
      // It was stored once, and its time is over.
      await addGarbage(ctx.db, run.organization_id, [key], new Date(ctx.now()));
      return;
    }
    // Under the lock, for the same upload may be made twice at once.
    const present = await findChunk(ctx.db, runId, chunk);
    if (present?.checksum === checksum) return;
    if (present !== undefined)
      throw new AppError(
        "conflict",
        `Chunk ${chunk} is stored already and says something else (${present.checksum.slice(0, 12)}…).`,
      );
    await insertChunk(ctx.db, {
      run_id: runId,
      chunk,
      organization_id: ctx.actor.organization_id,
      object_key: key,
      bytes: decoded.bytes.length,
      stored_bytes: body.length,
      checksum,
      created_at: new Date(ctx.now()),
    });
    ctx.afterCommit(() => observeEvidence(body.length));
    const samples = readSamplesOf(decoded.bytes, run, ctx.now());
    await insertSamples(ctx.db, ctx.actor.organization_id, runId, samples);
    const usage = usageOf(run, samples);
    if (usage !== null) await updateRun(ctx.db, runId, { usage: JSON.stringify(usage) });
  });
}

/** The first line says whose chunk it is; one that ended up under the wrong name would only show in a replay, too late. */
function checkBeginning(bytes: Buffer, runId: string, chunk: number): void {
  const end = bytes.indexOf("\n");
  let first: unknown;
  try {
    first = JSON.parse(bytes.toString("utf8", 0, Math.max(0, end)));
  } catch (cause) {
    throw new AppError("invalid_input", "The first line of the chunk is no JSON.", { cause });
  }
  const { type, format, run_id, chunk: number } = (first ?? {}) as Record<string, unknown>;
  if (type !== "chunk" || format !== EVIDENCE_FORMAT)
    throw new AppError("invalid_input", `The body does not begin with a chunk of ${EVIDENCE_FORMAT}.`);
  if (number !== chunk || String(run_id).toLowerCase() !== runId)
    throw new AppError("invalid_input", "The chunk says that it is another one, or of another run.");
}

/** What the newest sample says, unless something newer is known. */
function usageOf(run: RunRow, samples: readonly Sample[]): RunRow["usage"] {
  const newest = samples.at(-1);
  if (newest === undefined) return null;
  const peak = Math.max(
    run.usage?.memory_peak_bytes ?? 0,
    ...samples.map(({ memory_bytes }) => memory_bytes ?? 0),
  );
  const at = newest.at.toISOString();
  if (run.usage !== null && run.usage.at >= at) return { ...run.usage, memory_peak_bytes: peak };
  return {
    cpu_ms: newest.cpu_ms ?? run.usage?.cpu_ms ?? 0,
    memory_bytes: newest.memory_bytes ?? 0,
    memory_peak_bytes: peak,
    processes: newest.processes ?? 0,
    at,
  };
}
