import { sql, type RawBuilder } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { deltasSql, momentSql, placesSql, stepsSql } from "./deltas.ts";
import { GAP_SECONDS_MAX } from "./limits.ts";

/** Figures of a step: amounts by place, and how many seconds of it they are of. */
export interface StepRow {
  readonly at: Date;
  readonly seconds: number;
  readonly amounts: (number | null)[];
}

/** A time cut into steps, in ms since the epoch; both ends are multiples of the step. */
export interface Steps {
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
}

/** One agent's steps, worked out from its reports. */
export async function agentSteps(db: Db, agentId: string, steps: Steps): Promise<StepRow[]> {
  const [from, to] = [momentSql(steps.from), momentSql(steps.to)];
  const deltas = deltasSql(sql`agent_id = ${agentId}`, from, to);
  const { rows } = await sql<StepRow>`
    select at, seconds, amounts from (${stepsSql(deltas, steps.seconds, from, to)}) steps order by at`.execute(
    db,
  );
  return rows;
}

/** One agent's steps out of a roll-up, where its reports are gone. */
export async function agentRolledUp(
  db: Db,
  table: "own_minutes" | "own_ten_minutes",
  agentId: string,
  steps: Steps,
): Promise<StepRow[]> {
  const { rows } = await sql<StepRow>`
    select ${binSql(steps)} as bin_at, min(${binSql(steps)}) as at, sum(seconds)::float8 as seconds, ${summedSql(sql`seconds`)} as amounts
    from ${sql.table(table)}
    where agent_id = ${agentId} and at >= ${momentSql(steps.from)} and at < ${momentSql(steps.to)}
    group by bin_at order by bin_at`.execute(db);
  return rows;
}

/** What every agent of the organization did together, by the minute: items a second. */
export async function fleetRolledUp(
  db: Db,
  organizationId: string,
  steps: Steps,
): Promise<(StepRow & { agents: number })[]> {
  const means = placesSql(({ at }) => sql`avg(rates[${sql.lit(at)}])`);
  const { rows } = await sql<StepRow & { agents: number }>`
    select ${binSql(steps)} as at, 1 as seconds, max(agents) as agents, ${means} as amounts
    from own_fleet_minutes
    where organization_id = ${organizationId} and at >= ${momentSql(steps.from)} and at < ${momentSql(steps.to)}
    group by 1 order by 1`.execute(db);
  return rows;
}

/**
 * What some agents did together, out of a roll-up: items a second, and how many said so at most at a time. It costs their rows once, summed as
 * they come; counting who is who in each step would sort them all.
 */
export async function someRolledUp(
  db: Db,
  table: "own_minutes" | "own_ten_minutes",
  agents: RawBuilder<unknown>,
  steps: Steps,
): Promise<(StepRow & { agents: number })[]> {
  const tableSeconds = table === "own_minutes" ? 60 : 600;
  const perStep = steps.seconds / tableSeconds;
  const sums = placesSql(({ at }) => sql`sum(amounts[${sql.lit(at)}]::float8)`);
  const rates = placesSql(({ at, isCounted }) =>
    isCounted
      ? sql`sum(amounts[${sql.lit(at)}]) / ${sql.lit(steps.seconds)}`
      : sql`sum(amounts[${sql.lit(at)}]) / ${sql.lit(perStep)}`,
  );
  const { rows } = await sql<StepRow & { agents: number }>`
    select ${binSql(steps)} as at, 1 as seconds, max(agents) as agents, ${rates} as amounts
    from (
      select at, count(*)::int as agents, ${sums} as amounts from ${sql.table(table)}
      where at >= ${momentSql(steps.from)} and at < ${momentSql(steps.to)} and agent_id in (${agents})
      group by at
    ) moments
    group by 1 order by 1`.execute(db);
  return rows;
}

/** How many rows a subquery of agents has. */
export async function countOf(db: Db, agents: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{
    count: number;
  }>`select count(*)::int as count from (${agents}) agents`.execute(db);
  return rows[0]?.count ?? 0;
}

/** The same for the newest minutes, which are not rolled up yet. */
export async function someSteps(
  db: Db,
  agents: RawBuilder<unknown>,
  steps: Steps,
): Promise<(StepRow & { agents: number })[]> {
  const [from, to] = [momentSql(steps.from), momentSql(steps.to)];
  const rates = placesSql(({ at, isCounted }) =>
    isCounted
      ? sql`sum(amounts[${sql.lit(at)}]) / ${sql.lit(steps.seconds)}`
      : sql`sum(amounts[${sql.lit(at)}])`,
  );
  const { rows } = await sql<StepRow & { agents: number }>`
    select at, 1 as seconds, count(*)::int as agents, ${rates} as amounts
    from (${stepsSql(deltasSql(agents, from, to), steps.seconds, from, to)}) steps
    group by at order by at`.execute(db);
  return rows;
}

/** Up to when minutes are rolled up, ms since the epoch; null when nothing was yet. */
export async function rolledUpUntil(system: Db): Promise<number | null> {
  const row = await system.selectFrom("own_rollup").select("minutes_until").executeTakeFirst();
  return row?.minutes_until.getTime() ?? null;
}

/** Totals of each of some agents over one time. */
export async function agentTotals(
  db: Db,
  agentIds: readonly string[],
  from: number,
  to: number,
): Promise<(StepRow & { agent_id: string })[]> {
  const [start, end] = [momentSql(from), momentSql(to)];
  const seconds = Math.max(1, Math.ceil((to - from) / 1_000));
  const deltas = deltasSql(sql`agent_id = any(${agentIds}::uuid[])`, start, end);
  const { rows } = await sql<StepRow & { agent_id: string }>`
    select agent_id, at, seconds, amounts from (${stepsSql(deltas, seconds, start, end)}) steps`.execute(db);
  return rows;
}

export async function lastReport(db: Db, agentId: string) {
  return db
    .selectFrom("own_reports")
    .select(["at", "series", "amounts"])
    .where("agent_id", "=", agentId)
    .orderBy("at", "desc")
    .limit(1)
    .executeTakeFirst();
}

export interface ComponentRow {
  readonly kind: "receiver" | "processor" | "exporter" | "scraper";
  readonly component: string;
  readonly signal: "traces" | "metrics" | "logs";
  readonly measure: "accepted" | "refused" | "sent" | "failed" | "queue_size" | "queue_capacity";
  /** Items a second, or the last level. */
  readonly value: number | null;
}

/** What each component of a Collector did in a time, of the series that say so. */
export async function componentRates(
  db: Db,
  agentId: string,
  from: number,
  to: number,
): Promise<ComponentRow[]> {
  const { rows } = await sql<ComponentRow>`
    select s.component_kind as kind, s.component, s.signal, s.measure,
      sum(case s.kind when 'gauge' then x.level when 'delta' then x.amounts / nullif(x.seconds, 0) else x.moved / nullif(x.seconds, 0) end) as value
    from (
      select id, sum(own_delta(before, amount, began_again)) filter (where before_at is not null) as moved, sum(amount) filter (where before_at is not null) as amounts,
        sum(extract(epoch from at - before_at))::float8 as seconds, (array_agg(amount order by at desc))[1] as level
      from (${seriesSql(agentId, from, to)}) points where at > ${momentSql(from)}
      group by id
    ) x join own_series s on s.id = x.id
    where s.measure is not null
    group by s.component_kind, s.component, s.signal, s.measure
    order by s.component_kind, s.component, s.signal`.execute(db);
  return rows;
}

/** Every point of an agent's series in a time, with the one before it. */
function seriesSql(agentId: string, from: number, to: number, ids?: readonly number[]): RawBuilder<unknown> {
  const only = ids === undefined ? sql`true` : sql`u.id = any(${ids}::integer[])`;
  const gap = sql.raw(`interval '${GAP_SECONDS_MAX} seconds'`);
  return sql`
    select u.id, r.at, u.amount, lag(u.amount) over w as before, lag(r.at) over w as before_at,
      r.started_at > lag(r.started_at) over w as began_again
    from own_reports r, unnest(r.series, r.amounts) u(id, amount)
    where r.agent_id = ${agentId} and r.at > ${momentSql(from)} - ${gap} and r.at <= ${momentSql(to)} and ${only}
    window w as (partition by u.id order by r.at)`;
}

export interface SeriesRow {
  readonly id: number;
  readonly name: string;
  readonly attributes: Record<string, string>;
  readonly kind: "gauge" | "counter" | "delta";
  readonly unit: string;
}

export async function findSeriesById(db: Db, ids: readonly number[]): Promise<SeriesRow[]> {
  const { rows } = await sql<SeriesRow>`
    select id, name, attributes, kind, unit from own_series where id = any(${ids}::integer[]) order by name, id`.execute(
    db,
  );
  return rows;
}

export async function findSeriesByName(db: Db, name: string, limit: number): Promise<SeriesRow[]> {
  return db
    .selectFrom("own_series")
    .select(["id", "name", "attributes", "kind", "unit"])
    .where("name", "=", name)
    .orderBy("id")
    .limit(limit)
    .execute();
}

/** Steps of single series: levels as their mean, what counts as items a second. */
export async function seriesSteps(
  db: Db,
  agentId: string,
  series: readonly SeriesRow[],
  steps: Steps,
): Promise<{ id: number; at: Date; value: number | null }[]> {
  const step = sql.raw(`interval '${steps.seconds} seconds'`);
  const ids = series.map(({ id }) => id);
  const { rows } = await sql<{ id: number; at: Date; value: number | null }>`
    select p.id, date_bin(${step}, p.at - interval '1 millisecond', ${momentSql(steps.from)}) as at,
      case s.kind when 'gauge' then avg(p.amount)
        when 'delta' then sum(p.amount) filter (where p.before_at is not null) / nullif(sum(extract(epoch from p.at - p.before_at)), 0)
        else sum(own_delta(p.before, p.amount, p.began_again)) filter (where p.before_at is not null)
          / nullif(sum(extract(epoch from p.at - p.before_at)), 0) end::float8 as value
    from (${seriesSql(agentId, steps.from, steps.to, ids)}) p
    join own_series s on s.id = p.id
    where p.at > ${momentSql(steps.from)}
      and (p.before_at is null or p.at - p.before_at <= ${sql.raw(`interval '${GAP_SECONDS_MAX} seconds'`)})
    group by p.id, s.kind, 2`.execute(db);
  return rows;
}

export function binSql({ from, seconds }: Steps): RawBuilder<unknown> {
  return sql`date_bin(${sql.raw(`interval '${seconds} seconds'`)}, at, ${momentSql(from)})`;
}

/** Every place of the rows of a roll-up together: what counts as its sum, levels as their mean over the time known. */
export function summedSql(seconds: RawBuilder<unknown>): RawBuilder<unknown> {
  return placesSql(({ at, isCounted }) => {
    const amount = sql`amounts[${sql.lit(at)}]::float8`;
    return isCounted
      ? sql`sum(${amount})`
      : sql`sum(${amount} * ${seconds}) / nullif(sum(${seconds}) filter (where ${amount} is not null), 0)`;
  });
}
