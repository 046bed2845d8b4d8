// What agents moved between two of their reports, and how that falls into steps of time: as SQL, so that it is worked
// out where the reports are, for one agent's page and for a whole fleet's roll-up alike.

import { sql, type RawBuilder } from "kysely";
import { COUNTED, MEASURES, OTLP_SIGNALS } from "@flowplane/telemetry";
import { GAP_SECONDS_MAX } from "./limits.ts";

/** Places of the stored totals, counted from 1 as SQL does, and whether what stands there counts up or is a level. */
export const PLACES: readonly { readonly at: number; readonly isCounted: boolean }[] = OTLP_SIGNALS.flatMap(
  (_signal, signal) =>
    MEASURES.map((measure, place) => ({
      at: signal * MEASURES.length + place + 1,
      isCounted: COUNTED.includes(measure),
    })),
);

const GAP = sql.raw(`interval '${GAP_SECONDS_MAX} seconds'`);

/** A SQL array with one expression for each place. */
export function placesSql(
  each: (place: (typeof PLACES)[number]) => RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`array[${sql.join(PLACES.map(each))}]`;
}

/**
 * Rows `organization_id, agent_id, from_at, to_at, amounts` for every two successive reports that reach into the time
 * from `from` to `to`. After a silence of more than `GAP_SECONDS_MAX` nothing is said about the time between.
 */
export function deltasSql(
  reports: RawBuilder<unknown>,
  from: RawBuilder<unknown>,
  to: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const amounts = placesSql(({ at, isCounted }) => {
    const place = sql.lit(at);
    return isCounted
      ? sql`own_delta(r.before[${place}], r.totals[${place}], r.began_again)`
      : sql`r.totals[${place}]`;
  });
  return sql`
    select r.organization_id, r.agent_id, r.before_at as from_at, r.at as to_at, ${amounts} as amounts
    from (
      select organization_id, agent_id, at, totals, lag(at) over w as before_at, lag(totals) over w as before,
        started_at > lag(started_at) over w as began_again
      from own_reports
      where at >= ${from} - ${GAP} and at < ${to} + ${GAP} and ${reports}
      window w as (partition by agent_id order by at)
    ) r
    where r.before_at is not null and r.at - r.before_at <= ${GAP} and r.at > ${from} and r.before_at < ${to}`;
}

/**
 * Deltas cut into steps of `seconds` and added up by agent: rows `organization_id, agent_id, at, seconds, amounts`, where
 * `seconds` is how much of the step is known. Counted places hold how many items, levels their mean.
 */
export function stepsSql(
  deltas: RawBuilder<unknown>,
  seconds: number,
  from: RawBuilder<unknown>,
  to: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const step = sql.raw(`interval '${seconds} seconds'`);
  const sums = placesSql(({ at, isCounted }) => {
    const place = sql.lit(at);
    return isCounted
      ? sql`sum(d.amounts[${place}] * p.seconds / d.length)`
      : sql`sum(d.amounts[${place}] * p.seconds) / nullif(sum(p.seconds) filter (where d.amounts[${place}] is not null), 0)`;
  });
  return sql`
    select d.organization_id, d.agent_id, p.at, sum(p.seconds) as seconds, ${sums} as amounts
    from (select *, extract(epoch from to_at - from_at)::float8 as length from (${deltas}) deltas) d
    cross join lateral (
      select at, extract(epoch from least(d.to_at, at + ${step}) - greatest(d.from_at, at))::float8 as seconds
      from generate_series(date_bin(${step}, d.from_at, ${from}), d.to_at - interval '1 millisecond', ${step}) as at
    ) p
    where p.at >= ${from} and p.at < ${to} and p.seconds > 0
    group by d.organization_id, d.agent_id, p.at`;
}

export function momentSql(ms: number): RawBuilder<unknown> {
  return sql`${new Date(ms)}::timestamptz`;
}
