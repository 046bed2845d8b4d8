import { sql } from "kysely";
import type { Base } from "../../platform/context.ts";
import { dropHealthChanges } from "../health/retention.ts";
import { retentionOf } from "../identity/retention.ts";
import { day, ensureDays } from "./days.ts";
import { LOGS_PER_AGENT_MAX, SERIES_KEPT_DAYS } from "./limits.ts";
import { forgetSeries } from "./store.ts";
import { trimSpans } from "./span-store.ts";

const DAY_MS = 86_400_000;

/** Each table of days and the setting that says how long its rows are kept. */
const KEPT = {
  own_reports: "telemetry_report_days",
  own_minutes: "telemetry_minute_days",
  own_ten_minutes: "telemetry_ten_minute_days",
  own_logs: "own_log_days",
  own_spans: "own_trace_days",
} as const;

/**
 * Drops the days that no organization keeps any more, and deletes what single organizations keep for less. Makes the days
 * to come. Gives the number of days dropped.
 */
export async function keepTelemetry(base: Base): Promise<number> {
  const { system } = base.storage;
  const now = base.now();
  await ensureDays(system, now);
  const organizations = await system.selectFrom("organizations").select(["id", "retention"]).execute();
  const kept = organizations.map(({ id, retention }) => ({ id, ...retentionOf({ retention }) }));
  let dropped = 0;
  for (const [table, setting] of Object.entries(KEPT)) {
    const longest = kept.reduce((days, each) => Math.max(days, each[setting]), 1);
    const { rows } = await sql<{ count: number }>`
      select own_telemetry_drop(${table}, ${day(now - longest * DAY_MS)}::date) as count`.execute(system);
    dropped += rows[0]?.count ?? 0;
    for (const { id, [setting]: days } of kept.filter((each) => each[setting] < longest))
      await sql`delete from ${sql.table(table)} where organization_id = ${id} and at < ${new Date(now - days * DAY_MS)}`.execute(
        system,
      );
  }
  for (const { id, telemetry_ten_minute_days: days } of kept)
    await system
      .deleteFrom("own_fleet_minutes")
      .where("organization_id", "=", id)
      .where("at", "<", new Date(now - days * DAY_MS))
      .execute();
  for (const { id, health_days: days } of kept)
    await dropHealthChanges(system, id, new Date(now - days * DAY_MS));
  await trimLogs(base);
  await trimSpans(system);
  await forgetSeries(system, new Date(now - SERIES_KEPT_DAYS * DAY_MS));
  return dropped;
}

/** Deletes what an agent has beyond its newest `LOGS_PER_AGENT_MAX` records. */
async function trimLogs({ storage }: Base): Promise<void> {
  await sql`
    delete from own_logs l using (
      select agent_id, at from (
        select agent_id, at, row_number() over (partition by agent_id order by at desc, digest) as place from own_logs
      ) ranked where place = ${LOGS_PER_AGENT_MAX + 1}
    ) first_over
    where l.agent_id = first_over.agent_id and l.at <= first_over.at`.execute(storage.system);
}
