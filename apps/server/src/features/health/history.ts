import type { z } from "zod";
import { HEALTH_LEVELS, type api, type HealthLevel } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { HEALTH_SCORES } from "../fleet/health-score.ts";
import { healthLevel } from "./levels.ts";
import { findHealth, listHealthChanges } from "./store.ts";

type Query = z.output<typeof api.agentHealthHistory.query>;

const DAY_MS = 86_400_000;
/** Changes in one answer, the newest; an agent that flaps without end has more. */
const SPANS_MAX = 2_000;

interface Span {
  readonly from: number;
  readonly to: number | null;
  readonly level: HealthLevel;
  readonly reason: string;
}

/** An agent's level now and over a time: spans, seconds at each level, flaps. */
export async function readHealthHistory(ctx: Ctx, agentId: string, query: Query) {
  const now = ctx.now();
  const to = query.to === undefined ? now : Math.min(now, Date.parse(query.to));
  const from = query.from === undefined ? to - DAY_MS : Date.parse(query.from);
  if (from >= to)
    throw new AppError("invalid_input", "`from` must be before `to`, and not in the future.", {
      fields: [{ pointer: "query/from", message: "must be before `to`" }],
    });
  return inTransaction(ctx, async (ctx) => {
    const row = await findHealth(ctx.db, agentId);
    if (row === undefined) throw notFound("agent", agentId);
    const thresholds = { healthyMs: row.healthy_ms, warningMs: row.warning_ms };
    const current = healthLevel(row, now, thresholds, row.component);
    const ended = await listHealthChanges(ctx.db, agentId, new Date(from), new Date(to), SPANS_MAX);
    const spans: Span[] = ended.map((span) => ({
      from: span.from_at.getTime(),
      to: span.to_at.getTime(),
      level: span.level,
      reason: span.reason,
    }));
    const since = row.since?.getTime() ?? row.created_at.getTime();
    const isSwept = row.level === null || row.level === current.level;
    // What the sweep has not seen yet ends what it saw last.
    if (!isSwept && row.level !== null) spans.push({ from: since, to: now, level: row.level, reason: "" });
    spans.push({ from: isSwept ? since : now, to: null, ...current });
    const within = spans.filter((span) => span.from <= to && (span.to ?? Number.POSITIVE_INFINITY) > from);
    return {
      ...current,
      score: current.level === "unknown" ? null : HEALTH_SCORES[current.level],
      since: timestamp(new Date(isSwept ? since : now)),
      spans: within.map((span) => ({
        from: new Date(span.from).toISOString(),
        to: span.to === null ? null : new Date(span.to).toISOString(),
        level: span.level,
        reason: span.reason,
      })),
      seconds: secondsOf(within, from, to),
      flaps: flapsOf(within, from),
    };
  });
}

function secondsOf(spans: readonly Span[], from: number, to: number): Record<HealthLevel, number> {
  const seconds = Object.fromEntries(HEALTH_LEVELS.map((level) => [level, 0])) as Record<HealthLevel, number>;
  for (const span of spans)
    seconds[span.level] += Math.max(0, Math.min(span.to ?? to, to) - Math.max(span.from, from)) / 1_000;
  return seconds;
}

/** Changes to and from healthy within the time. */
function flapsOf(spans: readonly Span[], from: number): number {
  return spans.filter((span, index) => {
    const before = spans[index - 1];
    return (
      before !== undefined && span.from >= from && (before.level === "healthy") !== (span.level === "healthy")
    );
  }).length;
}
