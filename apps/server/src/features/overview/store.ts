import { sql } from "kysely";
import type { AgentState, RunState } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import { stateSql } from "../fleet/state.ts";

/** Reads only; each table is written by the feature that owns it. */
export const NEEDS_PER_KIND_MAX = 20;
/** Those under way that wait for nobody are among them. */
const ROLLOUTS_LOOKED_AT_MAX = 200;
/** More agents with the same trouble are one need, told by their number. */
export const AGENTS_NAMED_MAX = 4;
const HOUR_MS = 3_600_000;
export const STRIP_HOURS = 24;

/** Why an agent waits for somebody. */
export type Trouble = "pending" | "silent" | "offline" | "unhealthy";

export interface AgentCount {
  readonly state: AgentState;
  readonly trouble: Trouble | null;
  readonly count: number;
  /** When the last of them was heard, left or came. */
  readonly latest: Date;
}

/** All agents by state and trouble, in one pass. */
export async function countAgents(db: Db, now: number): Promise<AgentCount[]> {
  return db
    .selectFrom(judged(db, now).as("judged"))
    .select([
      "state",
      "trouble",
      sql<number>`count(*)::int`.as("count"),
      sql<Date>`max(coalesce(disconnected_at, last_seen_at, created_at))`.as("latest"),
    ])
    .groupBy(["state", "trouble"])
    .execute();
}

/** The agents with one of these troubles, which must be few. */
export async function listTroubledAgents(db: Db, troubles: readonly Trouble[], now: number) {
  if (troubles.length === 0) return [];
  return db
    .selectFrom("agents")
    .innerJoin(judged(db, now).as("judged"), "judged.id", "agents.id")
    .selectAll("agents")
    .select("judged.trouble")
    .where("judged.trouble", "in", troubles)
    .$narrowType<{ trouble: Trouble }>()
    .orderBy("agents.name")
    .limit(NEEDS_PER_KIND_MAX)
    .execute();
}

function judged(db: Db, now: number) {
  return db
    .selectFrom((eb) =>
      eb
        .selectFrom("agents")
        .select(["id", "healthy", "last_seen_at", "disconnected_at", "created_at", stateSql(now).as("state")])
        .as("stated"),
    )
    .selectAll()
    .select(
      sql<Trouble | null>`case state
        when 'pending' then 'pending'
        when 'stale' then 'silent'
        when 'offline' then case when last_seen_at is not null then 'offline' end
        when 'connected' then case when not healthy then 'unhealthy' end
      end`.as("trouble"),
    );
}

/** Tokens made to be used again that run out within a day. */
export async function listExpiringTokens(db: Db, now: number) {
  return db
    .selectFrom("enrolment_tokens")
    .select(["id", "name", "expires_at"])
    .where("revoked_at", "is", null)
    .where("expires_at", ">", new Date(now))
    .where("expires_at", "<", new Date(now + 24 * HOUR_MS))
    .where(sql<boolean>`expires_at - created_at > interval '2 days'`)
    .where(sql<boolean>`(uses_max is null or uses < uses_max)`)
    .orderBy("expires_at")
    .limit(NEEDS_PER_KIND_MAX)
    .execute();
}

/** Runs whose processes could not be ended. */
export async function listFailedStops(db: Db, now: number) {
  return db
    .selectFrom("runs")
    .select(["id", "name", "agent_name", "state_since"])
    .where("state", "=", "FAILED_STOP")
    .where("state_since", ">", new Date(now - 7 * 24 * HOUR_MS))
    .orderBy("id", "desc")
    .limit(NEEDS_PER_KIND_MAX)
    .execute();
}

/** Incidents nobody looks after, worst first; those of a stop that failed are told with their run. */
export async function listOpenIncidents(db: Db) {
  return db
    .selectFrom("incidents")
    .select(["id", "title", "run_name", "agent_name", "severity", "opened_at"])
    .where(sql<boolean>`state <> 'closed'`)
    .where("state", "=", "open")
    .where("category", "<>", "failed_stop")
    .orderBy(sql`case severity when 'critical' then 0 when 'warning' then 1 else 2 end`)
    .orderBy("id", "desc")
    .limit(NEEDS_PER_KIND_MAX)
    .execute();
}

/** Rollouts that stopped, that wait for a person's word before a wave, or that went back within a day. */
export async function listHaltedRollouts(db: Db, now: number) {
  return db
    .selectFrom("rollouts")
    .innerJoin("configurations", "configurations.id", "rollouts.configuration_id")
    .select([
      "rollouts.id",
      "rollouts.version",
      "rollouts.state",
      "rollouts.state_since",
      "rollouts.reason",
      "configurations.name",
    ])
    .select(
      sql<{ wave: number; since: Date | null } | null>`(
        select jsonb_build_object('wave', next.index + 1, 'since', before.ended_at)
        from rollout_waves next join rollout_waves before on before.rollout_id = next.rollout_id and before.index = next.index - 1
        where next.rollout_id = rollouts.id and next.state = 'waiting' and before.state = 'passed'
          and rollouts.state = 'running' and (rollouts.plan ->> 'approval')::boolean and rollouts.approved_wave < next.index
        order by next.index limit 1)`.as("asks"),
    )
    .where((eb) =>
      eb.or([
        eb("rollouts.state", "in", ["running", "paused"]),
        eb.and([
          eb("rollouts.state", "=", "rolled_back"),
          eb("rollouts.ended_at", ">", new Date(now - 24 * HOUR_MS)),
        ]),
      ]),
    )
    .orderBy("rollouts.id", "desc")
    .limit(ROLLOUTS_LOOKED_AT_MAX)
    .execute();
}

/** Sites where the guard has every policy act as in shadow. */
export async function listFallbacks(db: Db, now: number) {
  return db
    .selectFrom("sites")
    .select(["id", "name", "detection_fallback_since", "detection_fallback_reason"])
    .where("detection_fallback_until", ">", new Date(now))
    .orderBy("name")
    .limit(NEEDS_PER_KIND_MAX)
    .execute();
}

/** Runs created since `from`, by hour and the state they are in now. */
export async function countRunsByHour(
  db: Db,
  from: Date,
): Promise<{ hour: Date; state: RunState; count: number }[]> {
  return (
    db
      .selectFrom("runs")
      .select([
        sql<Date>`date_trunc('hour', created_at)`.as("hour"),
        "state",
        sql<number>`count(*)::int`.as("count"),
      ])
      .where("created_at", ">=", from)
      // Ids are time-ordered, so this bounds the scan by the list's index.
      .where("id", ">=", firstIdAt(from.getTime()))
      .groupBy(["hour", "state"])
      .execute()
  );
}

export async function countActiveRuns(db: Db): Promise<number> {
  const row = await db
    .selectFrom("runs")
    .select(sql<number>`count(*)::int`.as("count"))
    .where(sql<boolean>`state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING')`)
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function readChecklist(db: Db) {
  const { rows } = await sql<{ agent_enrolled: boolean; first_run: boolean; first_collector: boolean }>`
    select
      exists (select from agents where last_seen_at is not null) as agent_enrolled,
      exists (select from runs) as first_run,
      exists (select from agents where kind = 'collector' and last_seen_at is not null) as first_collector
  `.execute(db);
  return rows[0] ?? { agent_enrolled: false, first_run: false, first_collector: false };
}

/** The smallest UUIDv7 of a millisecond (RFC 9562 §5.7). */
function firstIdAt(ms: number): string {
  const hex = Math.max(0, ms).toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
