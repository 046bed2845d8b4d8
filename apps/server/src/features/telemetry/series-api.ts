import type { z } from "zod";
import type { api } from "@flowplane/contract";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { retentionOf } from "../identity/retention.ts";
import { stepsOf } from "./throughput.ts";
import { findSeriesById, findSeriesByName, lastReport, seriesSteps } from "./throughput-store.ts";

type Query = z.output<typeof api.telemetrySeries.query>;

const DAY_MS = 86_400_000;
/** Series of one name that one answer shows. */
const SERIES_SHOWN_MAX = 100;
/** Series of one name looked through for those the agent reports; all its agents share them. */
const SERIES_LOOKED_AT_MAX = 5_000;

/** What an agent's last report held: every series with its value. */
export async function listMetrics(ctx: Ctx, agentId: string) {
  return inTransaction(ctx, async (ctx) => {
    const last = await lastReport(ctx.db, agentId);
    if (last === undefined) return { reported_at: null, items: [] };
    const values = new Map(last.series.map((id, index) => [id, last.amounts[index] ?? 0]));
    const series = await findSeriesById(ctx.db, last.series);
    return {
      reported_at: timestamp(last.at),
      items: series.map(({ id, name, attributes, kind, unit }) => ({
        name,
        attributes,
        kind,
        unit,
        value: values.get(id) ?? 0,
      })),
    };
  });
}

/** Every series of one name over time: levels as they were, what counts as items a second. */
export async function readSeries(ctx: Ctx, query: Query) {
  const now = ctx.now();
  const steps = stepsOf(query, now);
  return inTransaction(ctx, async (ctx) => {
    const organization = await ctx.db
      .selectFrom("organizations")
      .select("retention")
      .where("id", "=", ctx.actor.organization_id)
      .executeTakeFirstOrThrow();
    const days = retentionOf(organization).telemetry_report_days;
    if (now - steps.from > days * DAY_MS + steps.seconds * 1_000)
      throw new AppError(
        "invalid_input",
        `Single series are kept for ${days} days. Ask for a later time, or keep them longer (telemetry_report_days).`,
        { fields: [{ pointer: "query/from", message: `is more than ${days} days ago` }] },
      );
    const named = await findSeriesByName(ctx.db, query.name, SERIES_LOOKED_AT_MAX);
    const length = Math.round((steps.to - steps.from) / (steps.seconds * 1_000));
    const points = await seriesSteps(ctx.db, query.agent_id, named, steps);
    const values = new Map<number, (number | null)[]>();
    for (const { id, at, value } of points) {
      const index = Math.floor((at.getTime() - steps.from) / (steps.seconds * 1_000));
      if (index < 0 || index >= length) continue;
      const list = values.get(id) ?? Array.from<number | null>({ length }).fill(null);
      list[index] = value;
      values.set(id, list);
    }
    const reported = named.filter(({ id }) => values.has(id));
    return {
      step_seconds: steps.seconds,
      start: new Date(steps.from).toISOString(),
      series: reported.slice(0, SERIES_SHOWN_MAX).map(({ id, attributes, kind, unit }) => ({
        attributes,
        kind,
        unit,
        values: values.get(id) ?? [],
      })),
      left_out: Math.max(0, reported.length - SERIES_SHOWN_MAX),
    };
  });
}
