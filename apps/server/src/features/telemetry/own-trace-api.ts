import type { z } from "zod";
import type { api } from "@flowplane/contract";
import { SPAN_KINDS, SPAN_STATUSES } from "@flowplane/telemetry";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { findTraceSpans, listTraceRows } from "./span-store.ts";
import { agentExists } from "./store.ts";

type Query = z.output<typeof api.agentOwnTraces.query>;

/** Traces of an agent's own work, newest first. */
export async function listOwnTraces(ctx: Ctx, agentId: string, query: Query) {
  const after = cursorOf(query.cursor);
  return inTransaction(ctx, async (ctx) => {
    if (!(await agentExists(ctx.db, agentId))) throw notFound("agent", agentId);
    const rows = await listTraceRows(ctx.db, agentId, {
      after,
      onlyErrors: query.errors,
      limit: query.limit + 1,
    });
    return pageOf(
      rows,
      query.limit,
      (row) => [row.at_us, row.trace_id],
      ({ at_us, ...trace }) => ({ at: momentOf(at_us), ...trace }),
    );
  });
}

const TRACE_ID = /^[0-9a-f]{32}$/;

/** One trace with its spans. Throws `not_found` where none of them is kept, as for what is no id of a trace. */
export async function readOwnTrace(ctx: Ctx, agentId: string, traceId: string) {
  return inTransaction(ctx, async (ctx) => {
    if (!(await agentExists(ctx.db, agentId))) throw notFound("agent", agentId);
    const rows = TRACE_ID.test(traceId) ? await findTraceSpans(ctx.db, agentId, traceId) : [];
    const [first] = rows;
    if (first === undefined) throw notFound("trace", traceId);
    return {
      trace_id: traceId,
      at: momentOf(first.at_us),
      duration_us: Math.round(first.ended_us - first.at_us),
      spans: rows.map((row) => ({
        span_id: row.span_id,
        parent_span_id: row.parent_span_id,
        name: row.name,
        // What is stored comes from these lists.
        kind: SPAN_KINDS[row.kind] ?? "unspecified",
        service: row.service,
        status: SPAN_STATUSES[row.status] ?? "unset",
        status_message: row.status_message,
        start_us: Math.round(row.at_us - first.at_us),
        duration_us: row.duration_us,
        attributes: row.attributes,
      })),
      left_out: first.spans - rows.length,
    };
  });
}

function momentOf(us: number): string {
  return timestamp(new Date(us / 1_000));
}

function cursorOf(cursor: string | undefined): [number, string] | undefined {
  const values = readCursor(cursor, 2);
  if (values === undefined) return undefined;
  const [at, traceId] = values;
  if (!Number.isSafeInteger(at) || typeof traceId !== "string" || !TRACE_ID.test(traceId))
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  return [at as number, traceId];
}
