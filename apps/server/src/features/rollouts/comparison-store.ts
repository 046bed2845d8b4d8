import { sql, type RawBuilder } from "kysely";
import type { HealthLevel } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { RolloutRow } from "./store.ts";

/** The sides of a rollout by the name that its agents have; without a split the other side is who does not have it yet. */
export type SideName = "version" | "baseline";

type Rollout = Pick<RolloutRow, "id" | "split" | "started_at" | "created_at">;

/** Verdicts of agents that ran the version before they failed; the others never did. */
const RAN_IT = ["crashed", "unhealthy", "errors_rose", "throughput_fell", "rolled_itself_back"] as const;
const FAILED = ["rejected", "not_delivered", "no_verdict", ...RAN_IT] as const;

/**
 * Rows `side, agent_id, from_at, to_at, before_per_second`: when each agent belongs to a side. It does from when it was given
 * the version, or from the beginning where it ran it already, and until it was given something else. One that never ran
 * the version belongs to no side for it; without a split it counts to the other side up to when it was first given the version.
 */
function membersSql(rollout: Rollout, now: Date): RawBuilder<unknown> {
  const started = sql`${rollout.started_at ?? rollout.created_at}::timestamptz`;
  const until = sql`${now}::timestamptz`;
  const side = rollout.split === null ? sql`'version'` : sql`a.variant`;
  const ran = sql`(a.assigned_at is not null and (a.state in ('soaking', 'passed')
        or (a.state in ('failed', 'reverting', 'reverted') and coalesce(a.reason_code, 'crashed') in (${list(RAN_IT)}))
        or (a.state = 'skipped' and a.reason_code = 'superseded')))`;
  const takers = sql`
    select ${side} as side, a.agent_id, coalesce(a.assigned_at, ${started}) as from_at,
      least(a.given_back_at, case when a.reason_code = 'rolled_itself_back' and a.state = 'failed' then a.state_since end,
        case when s.rollout_id is distinct from a.rollout_id and s.assigned_at > coalesce(a.assigned_at, ${started}) then s.assigned_at end,
        ${until}) as to_at,
      (a.baseline -> 'rates' ->> 'accepted_per_second')::float8 as before_per_second
    from rollout_agents a left join agent_assignments s on s.agent_id = a.agent_id
    where a.rollout_id = ${rollout.id} and (${ran} or (a.state = 'skipped' and a.reason_code = 'already_there'))
      and (s.agent_id is not null or a.given_back_at is not null)`;
  if (rollout.split !== null) return takers;
  return sql`${takers}
    union all
    select 'baseline', a.agent_id, ${started}, least(a.assigned_at, ${until}), null
    from rollout_agents a
    where a.rollout_id = ${rollout.id} and (a.attempts <= 1 and a.assigned_at is not null or a.state in ('waiting', 'unreachable') and a.assigned_at is null)`;
}

export interface SideCounts {
  readonly side: SideName;
  /** That are on it now, and how those are. */
  readonly agents: number;
  readonly levels: Readonly<Record<HealthLevel, number>>;
  /** When the last agent left it; now while there is one. */
  readonly until: Date;
}

/** Who is on which side now, counted whole. A side that nobody ever was on is missing. */
export async function countSides(db: Db, rollout: Rollout, now: Date): Promise<SideCounts[]> {
  const level = (name: HealthLevel) =>
    sql`${sql.lit(name)}, count(*) filter (where to_at >= ${now}::timestamptz and coalesce(h.level, 'unknown') = ${sql.lit(name)})`;
  const levels = (["healthy", "warning", "unhealthy", "offline", "unknown"] as const).map(level);
  const { rows } = await sql<SideCounts>`
    select side, (count(*) filter (where to_at >= ${now}::timestamptz))::int as agents,
      jsonb_build_object(${sql.join(levels)}) as levels, max(to_at) as until
    from (${membersSql(rollout, now)}) m left join agent_health h on h.agent_id = m.agent_id
    where from_at < to_at group by side`.execute(db);
  return rows;
}

export interface SideVerdicts {
  readonly side: SideName;
  readonly given: number;
  readonly failed: number;
  readonly rolled_itself_back: number;
  readonly given_back: number;
}

/** What became of the agents that were given a version, by side. */
export async function countVerdicts(db: Db, { id, split }: Rollout): Promise<SideVerdicts[]> {
  const failed = sql`state in ('failed', 'reverting', 'reverted') and reason_code in (${list(FAILED)})`;
  const { rows } = await sql<SideVerdicts>`
    select ${split === null ? sql`'version'` : sql`variant`} as side, count(*)::int as given,
      (count(*) filter (where ${failed}))::int as failed,
      (count(*) filter (where ${failed} and reason_code = 'rolled_itself_back'))::int as rolled_itself_back,
      (count(*) filter (where given_back_at is not null))::int as given_back
    from rollout_agents where rollout_id = ${id} and assigned_at is not null group by 1`.execute(db);
  return rows;
}

export interface SideMember {
  readonly side: SideName;
  readonly agent_id: string;
  readonly from_at: Date;
  readonly to_at: Date;
  /** Items a second it accepted before it was given the version; null where that was not measured. */
  readonly before_per_second: number | null;
}

/** Agents of both sides within a time, at most so many of each: the same ones each time, chosen by a hash. */
export async function sampleSides(
  db: Db,
  rollout: Rollout,
  range: { readonly from: Date; readonly to: Date; readonly now: Date },
  perSideMax: number,
): Promise<SideMember[]> {
  const { rows } = await sql<SideMember>`
    select side, agent_id, greatest(from_at, ${range.from}) as from_at, least(to_at, ${range.to}) as to_at, before_per_second
    from (
      select *, row_number() over (partition by side order by md5(agent_id::text)) as place
      from (${membersSql(rollout, range.now)}) m
      where from_at < to_at and from_at < ${range.to} and to_at > ${range.from}
    ) placed
    where place <= ${perSideMax}`.execute(db);
  return rows;
}

function list(words: readonly string[]): RawBuilder<unknown> {
  return sql.join(words.map((word) => sql.lit(word)));
}
