import { sql, type RawBuilder } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { momentSql } from "./deltas.ts";
import { binSql, summedSql, type StepRow, type Steps } from "./throughput-store.ts";

/** An agent's time in a group, ms since the epoch. */
export interface GroupWindow {
  readonly group: string;
  readonly agentId: string;
  readonly from: number;
  readonly to: number;
}

type Table = "own_minutes" | "own_ten_minutes";

/** Each agent of each group over its time. */
export async function comparedTotals(
  db: Db,
  table: Table,
  windows: readonly GroupWindow[],
  steps: Steps,
): Promise<(Omit<StepRow, "at"> & { group: string; agent_id: string })[]> {
  const { rows } = await sql<Omit<StepRow, "at"> & { group: string; agent_id: string }>`
    select "group", agent_id, sum(seconds)::float8 as seconds, ${summedSql(sql`seconds`)} as amounts
    from (${rowsSql(table, windows, steps)}) within
    group by "group", agent_id`.execute(db);
  return rows;
}

/** Each group step by step: `seconds` is of all its agents together. */
export async function comparedSteps(
  db: Db,
  table: Table,
  windows: readonly GroupWindow[],
  steps: Steps,
): Promise<(StepRow & { group: string; agents: number })[]> {
  const { rows } = await sql<StepRow & { group: string; agents: number }>`
    select "group", ${binSql(steps)} as bin_at, min(${binSql(steps)}) as at, count(distinct agent_id)::int as agents,
      sum(seconds)::float8 as seconds, ${summedSql(sql`seconds`)} as amounts
    from (${rowsSql(table, windows, steps)}) within
    group by "group", bin_at order by "group", bin_at`.execute(db);
  return rows;
}

/**
 * Rows of a roll-up that lie wholly in their agent's window. Each window is looked up by itself (`offset 0` forbids the
 * planner anything else): it would rather read the minutes of the whole fleet, since it does not know how short windows are.
 */
function rowsSql(table: Table, windows: readonly GroupWindow[], { from, to }: Steps): RawBuilder<unknown> {
  const length = sql.raw(`interval '${table === "own_minutes" ? 60 : 600} seconds'`);
  const moments = (each: (window: GroupWindow) => number) => windows.map((window) => new Date(each(window)));
  return sql`
    select w."group", t.agent_id, t.at, t.seconds, t.amounts
    from unnest(${windows.map((window) => window.group)}::text[], ${windows.map(({ agentId }) => agentId)}::uuid[],
      ${moments((window) => window.from)}::timestamptz[], ${moments((window) => window.to)}::timestamptz[]
    ) as w("group", agent_id, from_at, to_at)
    cross join lateral (
      select agent_id, at, seconds, amounts from ${sql.table(table)} r
      where r.agent_id = w.agent_id and r.at >= w.from_at and r.at <= w.to_at - ${length}
        and r.at >= ${momentSql(from)} and r.at < ${momentSql(to)}
      offset 0
    ) t`;
}
