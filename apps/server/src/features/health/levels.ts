import { sql, type RawBuilder } from "kysely";
import type { HealthLevel } from "@flowplane/contract";
import {
  HEALTH_THRESHOLDS,
  healthStatus,
  presenceOf,
  type HealthThresholds,
  type PresenceColumns,
} from "../fleet/health-score.ts";

/**
 * A supervisor takes an unhealthy Collector for granted with every offer of connection settings it accepts, until the
 * Collector's health changes. What it reports so soon after an offer is not believed until it says more, or for so long.
 */
export const OFFER_SETTLES_MS = 60_000;
export const OFFER_UNKNOWN_MS_MAX = 600_000;

export interface HealthColumns extends PresenceColumns {
  readonly health_status: string | null;
  readonly health_at: Date | null;
  readonly settings_offered_at: Date | null;
}

export interface Level {
  readonly level: HealthLevel;
  /** Why, in words that stay the same while nothing changes. */
  readonly reason: string;
}

/** Whether what an agent last said of its health is older than what we offered it since, or an echo of that. */
export function isUnknownSinceOffer(
  row: Pick<HealthColumns, "healthy" | "health_at" | "settings_offered_at">,
  now: number,
): boolean {
  if (row.settings_offered_at === null || row.healthy === null) return false;
  const offered = row.settings_offered_at.getTime();
  if (now - offered >= OFFER_UNKNOWN_MS_MAX) return false;
  if (row.health_at === null || row.health_at.getTime() <= offered) return true;
  return !row.healthy && row.health_at.getTime() < offered + OFFER_SETTLES_MS;
}

/**
 * An agent's level now. `component` is the first unhealthy part of its health tree, where it reports one. Told twice, here
 * and as SQL below, to sweep a fleet by; a test holds the two together.
 */
export function healthLevel(
  row: HealthColumns,
  now: number,
  thresholds: HealthThresholds = HEALTH_THRESHOLDS,
  component: string | null = null,
): Level {
  const presence = presenceOf(row);
  const silentMs = row.last_seen_at === null ? null : now - row.last_seen_at.getTime();
  const bySilence = healthStatus(presence === "error" ? "active" : presence, silentMs, thresholds);
  switch (bySilence) {
    case "offline":
      return {
        level: "offline",
        reason:
          row.revoked_at !== null ? REVOKED : row.last_seen_at === null ? NEVER_CONNECTED : DISCONNECTED,
      };
    case "unhealthy":
      return { level: "unhealthy", reason: silentReason(thresholds.warningMs) };
    case "warning":
      return { level: "warning", reason: silentReason(thresholds.healthyMs) };
    case "healthy":
      if (isUnknownSinceOffer(row, now)) return { level: "unknown", reason: SINCE_OFFER };
      if (presence !== "error") return { level: "healthy", reason: "" };
      return { level: "unhealthy", reason: unhealthyReason(row.health_status, component) };
  }
}

const REVOKED = "Its identity is revoked.";
const NEVER_CONNECTED = "It has not connected yet.";
const DISCONNECTED = "It is not connected.";
const SINCE_OFFER = "It has not said how it is since connection settings were offered to it.";
const SAYS_UNHEALTHY = "It says that it is not healthy";

function silentReason(ms: number): string {
  return `Nothing was heard of it for more than ${Math.floor(ms / 1_000)} s.`;
}

function unhealthyReason(status: string | null, component: string | null): string {
  const what = [component, status].filter((part) => part !== null && part !== "").join(": ");
  return what === "" ? `${SAYS_UNHEALTHY}.` : `${SAYS_UNHEALTHY}: ${what}`;
}

/** `level` and `reason` of agents `a`, with their thresholds in milliseconds and their unhealthy component as SQL. */
export function levelSql(
  now: number,
  columns: { healthyMs: RawBuilder<unknown>; warningMs: RawBuilder<unknown>; component: RawBuilder<unknown> },
): { level: RawBuilder<HealthLevel>; reason: RawBuilder<string> } {
  const { healthyMs, warningMs, component } = columns;
  const at = sql`${new Date(now)}::timestamptz`;
  const silentMs = sql`extract(epoch from ${at} - a.last_seen_at) * 1000`;
  const sinceOffer = sql`(
    a.settings_offered_at is not null and a.healthy is not null
    and ${at} - a.settings_offered_at < ${ms(OFFER_UNKNOWN_MS_MAX)}
    and (a.health_at is null or a.health_at <= a.settings_offered_at
      or (not a.healthy and a.health_at < a.settings_offered_at + ${ms(OFFER_SETTLES_MS)})))`;
  const isOffline = sql`(a.revoked_at is not null or a.last_seen_at is null or a.disconnected_at is not null)`;
  return {
    level: sql<HealthLevel>`case
      when ${isOffline} then 'offline'
      when ${silentMs} > ${warningMs} then 'unhealthy'
      when ${silentMs} > ${healthyMs} then 'warning'
      when ${sinceOffer} then 'unknown'
      when a.healthy = false then 'unhealthy'
      else 'healthy' end`,
    reason: sql<string>`case
      when a.revoked_at is not null then ${sql.lit(REVOKED)}
      when a.last_seen_at is null then ${sql.lit(NEVER_CONNECTED)}
      when a.disconnected_at is not null then ${sql.lit(DISCONNECTED)}
      when ${silentMs} > ${warningMs} then ${silentSql(warningMs)}
      when ${silentMs} > ${healthyMs} then ${silentSql(healthyMs)}
      when ${sinceOffer} then ${sql.lit(SINCE_OFFER)}
      when a.healthy = false then ${sql.lit(SAYS_UNHEALTHY)} || coalesce(
        nullif(': ' || concat_ws(': ', nullif(${component}, ''), nullif(a.health_status, '')), ': '), '.')
      else '' end`,
  };
}

function silentSql(limit: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`'Nothing was heard of it for more than ' || floor(${limit} / 1000)::int || ' s.'`;
}

function ms(value: number): RawBuilder<unknown> {
  return sql.raw(`interval '${value} milliseconds'`);
}
