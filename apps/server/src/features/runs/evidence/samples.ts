import type { RunSample } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx } from "../../../platform/context.ts";
import { AppError, notFound } from "../../../platform/errors.ts";
import { isUuid } from "../../../platform/ids.ts";
import { SAMPLE_EVERY_MS } from "./limits.ts";
import { bucketedSamples, findSampledRun, type SampledRow } from "./store.ts";

/**
 * What a run used over time, one point for each stretch of `every_ms` that something was measured in: the highest of what
 * goes up and down, the last of what only counts up. A stretch without a point is a gap in knowledge.
 */
export async function readSamples(
  ctx: Ctx,
  runId: string,
  query: { from?: string | undefined; to?: string | undefined; points: number },
): Promise<{ items: RunSample[]; every_ms: number }> {
  return inTransaction(ctx, async (ctx) => {
    const run = isUuid(runId) ? await findSampledRun(ctx.db, runId) : undefined;
    if (run === undefined) throw notFound("run", runId);
    const from =
      query.from === undefined ? (run.started_at ?? run.created_at).getTime() : Date.parse(query.from);
    const end = run.ended_at?.getTime() ?? ctx.now();
    const to = query.to === undefined ? Math.max(end, from) + SAMPLE_EVERY_MS : Date.parse(query.to);
    if (from > to)
      throw new AppError("invalid_input", "query/from: must not be after `to`.", {
        fields: [{ pointer: "query/from", message: "must not be after `to`" }],
      });
    const every = Math.max(SAMPLE_EVERY_MS, Math.ceil((to - from + 1) / query.points));
    const rows = await bucketedSamples(ctx.db, run.id, from, to, every);
    return { items: rows.map(sampleOf), every_ms: every };
  });
}

function sampleOf({ at, ...row }: SampledRow): RunSample {
  return { at: timestamp(at), ...row };
}
