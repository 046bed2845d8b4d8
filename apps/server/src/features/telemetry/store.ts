import { sql } from "kysely";
import type { OwnLog, Series, ComponentMeasure, Totals } from "@flowplane/telemetry";
import type { OwnTelemetrySettings } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import { SERIES_PER_AGENT_MAX, SERIES_PER_ORGANIZATION_MAX } from "./limits.ts";

/** A report as it is stored, its series by their numbers. */
export interface ReportRow {
  readonly organizationId: string;
  readonly agentId: string;
  readonly atMs: number;
  readonly startedAtMs: number | null;
  readonly totals: Totals;
  readonly series: readonly number[];
  readonly amounts: readonly number[];
}

/**
 * Stores reports, each agent and moment at most once in one call. One that is there already is the same one sent again;
 * only a report of other series at that very moment is added to it.
 */
export async function insertReports(system: Db, rows: readonly ReportRow[]): Promise<void> {
  await sql`
    insert into own_reports (organization_id, agent_id, at, started_at, totals, series, amounts)
    select r.organization_id, r.agent_id, to_timestamp(r.at / 1000.0), to_timestamp(r.started_at / 1000.0),
      r.totals::float8[], r.series::integer[], r.amounts::float8[]
    from unnest(
      ${rows.map(({ organizationId }) => organizationId)}::uuid[],
      ${rows.map(({ agentId }) => agentId)}::uuid[],
      ${rows.map(({ atMs }) => atMs)}::float8[],
      ${rows.map(({ startedAtMs }) => startedAtMs)}::float8[],
      ${rows.map(({ totals }) => arrayLiteral(totals))}::text[],
      ${rows.map(({ series }) => arrayLiteral(series))}::text[],
      ${rows.map(({ amounts }) => arrayLiteral(amounts))}::text[]
    ) as r(organization_id, agent_id, at, started_at, totals, series, amounts)
    on conflict (agent_id, at) do update set
      series = own_reports.series || excluded.series,
      amounts = own_reports.amounts || excluded.amounts,
      totals = array(
        select case when a is null then b when b is null then a else a + b end
        from unnest(own_reports.totals, excluded.totals) with ordinality as t(a, b, n) order by n)
    where not own_reports.series && excluded.series`.execute(system);
}

function arrayLiteral(values: readonly (number | null)[]): string {
  return `{${values.map((value) => value ?? "null").join(",")}}`;
}

export interface LogRow extends OwnLog {
  readonly organizationId: string;
  readonly agentId: string;
  /** A signed 64-bit number as text. */
  readonly digest: string;
}

export async function insertLogs(system: Db, rows: readonly LogRow[]): Promise<void> {
  await sql`
    insert into own_logs (organization_id, agent_id, at, digest, severity, body, attributes)
    select r.organization_id, r.agent_id, to_timestamp(r.at / 1000.0), r.digest, r.severity, r.body, r.attributes::jsonb
    from unnest(
      ${rows.map(({ organizationId }) => organizationId)}::uuid[],
      ${rows.map(({ agentId }) => agentId)}::uuid[],
      ${rows.map(({ atMs }) => atMs)}::float8[],
      ${rows.map(({ digest }) => digest)}::bigint[],
      ${rows.map(({ severity }) => severity)}::integer[],
      ${rows.map(({ body }) => body)}::text[],
      ${rows.map(({ attributes }) => attributes)}::text[]
    ) as r(organization_id, agent_id, at, digest, severity, body, attributes)
    on conflict do nothing`.execute(system);
}

/** A series to be known by number, with the agent that reports it. */
export interface NewSeries {
  readonly hash: string;
  readonly series: Series;
  readonly measure: ComponentMeasure | null;
}

/** The numbers of series by the hex of their hash; those nobody had yet are added as far as the limits go. */
export async function numberSeries(
  system: Db,
  organizationId: string,
  agentId: string,
  wanted: readonly NewSeries[],
  now: Date,
): Promise<Map<string, number>> {
  const known = await findSeries(system, organizationId, wanted);
  const missing = wanted.filter(({ hash }) => !known.has(hash));
  if (missing.length === 0) return known;
  const { rows: counts } = await sql<{ own: number; all: number }>`
    select (select count(*)::int from own_series where first_agent_id = ${agentId}) as own,
      (select count(*)::int from own_series where organization_id = ${organizationId}) as all`.execute(
    system,
  );
  const room = Math.min(
    SERIES_PER_AGENT_MAX - (counts[0]?.own ?? 0),
    SERIES_PER_ORGANIZATION_MAX - (counts[0]?.all ?? 0),
  );
  const added = missing
    .slice(0, Math.max(0, room))
    // Always in the same order, so that two processes cannot wait for each other's rows.
    .toSorted((left, right) => (left.hash < right.hash ? -1 : 1));
  if (added.length === 0) return known;
  await system
    .insertInto("own_series")
    .values(
      added.map(({ hash, series, measure }) => ({
        organization_id: organizationId,
        key_hash: Buffer.from(hash, "hex"),
        name: series.name,
        attributes: JSON.stringify(series.attributes),
        kind: series.kind,
        unit: series.unit,
        component_kind: measure?.kind ?? null,
        component: measure?.component ?? null,
        signal: measure?.signal ?? null,
        measure: measure?.measure ?? null,
        first_agent_id: agentId,
        seen_at: now,
      })),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  return findSeries(system, organizationId, wanted);
}

async function findSeries(
  system: Db,
  organizationId: string,
  wanted: readonly NewSeries[],
): Promise<Map<string, number>> {
  const { rows } = await sql<{ id: number; hash: string }>`
    select id, encode(key_hash, 'hex') as hash from own_series
    where organization_id = ${organizationId}
      and key_hash = any(array(select decode(h, 'hex') from unnest(${wanted.map(({ hash }) => hash)}::text[]) h))`.execute(
    system,
  );
  return new Map(rows.map(({ hash, id }) => [hash, id]));
}

/** Notes that series are still reported; once a day for each is enough. */
export async function touchSeries(system: Db, ids: readonly number[], now: Date): Promise<void> {
  await sql`update own_series set seen_at = ${now} where id = any(${ids}::integer[])`.execute(system);
}

export async function forgetSeries(system: Db, before: Date): Promise<number> {
  const { numAffectedRows } = await sql`delete from own_series where seen_at < ${before}`.execute(system);
  return Number(numAffectedRows ?? 0);
}

export interface Offerable {
  readonly telemetry_epoch: number;
  /** What the organization said about telemetry; null when it said nothing. */
  readonly settings: Partial<OwnTelemetrySettings> | null;
}

/** Those of some agents that are offered telemetry: all but our own site agents, who have other ways. */
export async function findOfferable(
  system: Db,
  agentIds: readonly string[],
): Promise<Map<string, Offerable>> {
  const { rows } = await sql<Offerable & { id: string }>`
    select a.id, a.telemetry_epoch, s.settings
    from agents a left join own_telemetry_settings s on s.organization_id = a.organization_id
    where a.id = any(${agentIds}::uuid[]) and a.kind <> 'site'`.execute(system);
  return new Map(rows.map(({ id, ...row }) => [id, row]));
}

/** Organizations that changed what they say about telemetry since. */
export async function findSettingsChangedSince(system: Db, since: Date): Promise<Set<string>> {
  const rows = await system
    .selectFrom("own_telemetry_settings")
    .select("organization_id")
    .where("changed_at", ">=", since)
    .execute();
  return new Set(rows.map(({ organization_id }) => organization_id));
}

export interface OwnLogRow {
  readonly at: Date;
  readonly digest: string;
  readonly severity: number;
  readonly body: string;
  readonly attributes: Record<string, unknown>;
}

export async function agentExists(db: Db, agentId: string): Promise<boolean> {
  const row = await db.selectFrom("agents").select("id").where("id", "=", agentId).executeTakeFirst();
  return row !== undefined;
}
