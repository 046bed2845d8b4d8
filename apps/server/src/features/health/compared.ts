import { sql } from "kysely";
import type { Db } from "../../platform/storage/database.ts";

/** Levels of one agent looked at, the newest; one that flaps without end has more, and its older ones do not count. */
const SPANS_PER_AGENT_MAX = 1_000;

export interface HealthWindow {
  readonly agentId: string;
  readonly from: number;
  readonly to: number;
}

/** How an agent was over a time: by the index of its window. */
export interface HealthOverTime {
  /** Of which something is known: not before it was first looked at, and not while nothing was known of it. */
  readonly seconds: number;
  /** Unhealthy or offline. */
  readonly unwellSeconds: number;
  /** Changes to and from healthy. */
  readonly flaps: number;
}

/** How agents were, each over a time of its own. One statement; whoever asks bounds the number of agents. */
export async function healthOverTimes(
  db: Db,
  windows: readonly HealthWindow[],
): Promise<ReadonlyMap<number, HealthOverTime>> {
  const moments = (each: (window: HealthWindow) => number) => windows.map((window) => new Date(each(window)));
  const { rows } = await sql<{ index: number; seconds: number; unwell: number; flaps: number }>`
    select w.index::int, sum(s.seconds) filter (where s.level <> 'unknown')::float8 as seconds,
      coalesce(sum(s.seconds) filter (where s.level in ('unhealthy', 'offline')), 0)::float8 as unwell,
      (count(*) filter (where s.began_within and (s.level = 'healthy') <> (s.before = 'healthy')))::int as flaps
    from unnest(${windows.map(({ agentId }) => agentId)}::uuid[], ${moments(({ from }) => from)}::timestamptz[],
      ${moments(({ to }) => to)}::timestamptz[]) with ordinality as w(agent_id, from_at, to_at, index)
    cross join lateral (
      select level, lag(level) over (order by from_at) as before, from_at >= w.from_at as began_within,
        extract(epoch from least(to_at, w.to_at) - greatest(from_at, w.from_at)) as seconds
      from (
        (select c.from_at, c.to_at, c.level from agent_health_changes c
          where c.agent_id = w.agent_id and c.from_at < w.to_at and c.to_at > w.from_at
          order by c.from_at desc limit ${sql.lit(SPANS_PER_AGENT_MAX)})
        union all
        select h.since, 'infinity'::timestamptz, h.level from agent_health h
          where h.agent_id = w.agent_id and h.since < w.to_at
      ) spans
    ) s
    group by w.index having sum(s.seconds) filter (where s.level <> 'unknown') > 0`.execute(db);
  return new Map(
    rows.map(({ index, seconds, unwell, flaps }) => [index - 1, { seconds, unwellSeconds: unwell, flaps }]),
  );
}
