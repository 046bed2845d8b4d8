// The agents of a rollout, each a row: what it was given, how it does, what became of it.

import { sql, type SqlBool, type Selectable } from "kysely";
import type { RolloutAgentState, RolloutReason } from "@flowplane/contract";
import type { Verdict } from "@flowplane/rollouts";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import type { Look } from "./looks.ts";

export type AgentRow = Selectable<Database["rollout_agents"]>;

export interface NewRolloutAgent {
  readonly agent_id: string;
  readonly wave: number;
  readonly position: number;
  readonly variant: "version" | "baseline";
  readonly state: "waiting" | "skipped";
  readonly reason_code: RolloutReason | null;
  readonly reason: string | null;
}

export async function insertAgents(
  db: Db,
  rolloutId: string,
  organizationId: string,
  now: Date,
  agents: readonly NewRolloutAgent[],
): Promise<void> {
  await sql`insert into rollout_agents (rollout_id, organization_id, state_since, agent_id, wave, position, variant, state, reason_code, reason)
    select ${rolloutId}::uuid, ${organizationId}::uuid, ${now}::timestamptz, * from unnest(
      ${agents.map((agent) => agent.agent_id)}::uuid[], ${agents.map((agent) => agent.wave)}::int[],
      ${agents.map((agent) => agent.position)}::int[], ${agents.map((agent) => agent.variant)}::text[],
      ${agents.map((agent) => agent.state)}::text[], ${agents.map((agent) => agent.reason_code)}::text[],
      ${agents.map((agent) => agent.reason)}::text[])`.execute(db);
}

/** What the agents' own rows say; the waves' counts are kept with them and are the same while nobody deletes an agent. */
export async function countStates(
  db: Db,
  rolloutId: string,
): Promise<{ wave: number; state: RolloutAgentState; agents: number }[]> {
  return db
    .selectFrom("rollout_agents")
    .select(["wave", "state", sql<number>`count(*)::int`.as("agents")])
    .where("rollout_id", "=", rolloutId)
    .groupBy(["wave", "state"])
    .execute();
}

const FLIGHT_COLUMNS = [
  "agent_id",
  "wave",
  "state",
  "state_since",
  "assigned_at",
  "offer_hash",
  "unwell_since",
  "unwell_times",
  "baseline",
] as const;
export type FlightRow = Pick<AgentRow, (typeof FLIGHT_COLUMNS)[number]>;

/** Agents of a rollout in some of the states in which they have been given something and have no verdict. */
export async function listFlights(
  db: Db,
  rolloutId: string,
  states: readonly RolloutAgentState[],
): Promise<FlightRow[]> {
  return db
    .selectFrom("rollout_agents")
    .select(FLIGHT_COLUMNS)
    .where("rollout_id", "=", rolloutId)
    .where("state", "in", ["offered", "applying", "soaking", "unreachable", "reverting"])
    .where("state", "in", states)
    .execute();
}

/** Who was given back what it had keeps why that was. */
export async function writeVerdicts(
  db: Db,
  rolloutId: string,
  verdicts: readonly Verdict[],
  reasonChars: number,
): Promise<void> {
  if (verdicts.length === 0) return;
  const dates = (times: readonly (number | null)[]) =>
    times.map((time) => (time === null ? null : new Date(time)));
  await sql`update rollout_agents set state = judged.state, state_since = judged.since, unwell_since = judged.unwell_since, unwell_times = judged.unwell_times,
      reason_code = case when judged.state = 'reverted' then coalesce(judged.reason_code, rollout_agents.reason_code) else judged.reason_code end,
      reason = case when judged.state = 'reverted' then coalesce(judged.reason, rollout_agents.reason) else judged.reason end
    from unnest(${verdicts.map(({ agentId }) => agentId)}::uuid[], ${verdicts.map(({ state }) => state)}::text[],
      ${dates(verdicts.map(({ since }) => since))}::timestamptz[], ${verdicts.map(({ reasonCode }) => reasonCode)}::text[],
      ${verdicts.map(({ reason }) => reason?.slice(0, reasonChars) ?? null)}::text[],
      ${dates(verdicts.map(({ unwellSince }) => unwellSince))}::timestamptz[], ${verdicts.map(({ unwellTimes }) => unwellTimes)}::int[]
    ) as judged(agent_id, state, since, reason_code, reason, unwell_since, unwell_times)
    where rollout_id = ${rolloutId} and rollout_agents.agent_id = judged.agent_id`.execute(db);
}

export type WaitingRow = Pick<AgentRow, "agent_id" | "wave" | "variant" | "attempts">;

/** The next agents of waves up to one, in their order. */
export async function listWaiting(
  db: Db,
  rolloutId: string,
  upToWave: number,
  limit: number,
): Promise<WaitingRow[]> {
  return db
    .selectFrom("rollout_agents")
    .select(["agent_id", "wave", "variant", "attempts"])
    .where("rollout_id", "=", rolloutId)
    .where("state", "=", "waiting")
    .where("wave", "<=", upToWave)
    .orderBy("wave")
    .orderBy("position")
    .limit(limit)
    .execute();
}

export interface Given {
  readonly agent_id: string;
  readonly offer_hash: string;
  readonly from: { configuration_id: string; version: number } | null;
  readonly baseline: NonNullable<AgentRow["baseline"]>;
}

/**
 * Agents that were given the version just now. What they had before is kept from the first time: tried again, they have
 * this version already.
 */
export async function setOffered(
  db: Db,
  rolloutId: string,
  given: readonly Given[],
  state: "offered" | "unreachable",
  now: Date,
): Promise<void> {
  if (given.length === 0) return;
  await sql`update rollout_agents set state = ${state}, state_since = ${now}::timestamptz, assigned_at = ${now}::timestamptz,
      given_back_at = null, offer_hash = given.offer_hash, attempts = attempts + 1, reason_code = null, reason = null, unwell_since = null, unwell_times = 0,
      from_configuration_id = case when assigned_at is null then given.configuration_id else from_configuration_id end,
      from_version = case when assigned_at is null then given.version else from_version end,
      baseline = case when assigned_at is null then given.baseline else rollout_agents.baseline end
    from unnest(${given.map(({ agent_id }) => agent_id)}::uuid[], ${given.map(({ offer_hash }) => offer_hash)}::text[],
      ${given.map(({ from }) => from?.configuration_id ?? null)}::uuid[], ${given.map(({ from }) => from?.version ?? null)}::int[],
      ${given.map(({ baseline }) => JSON.stringify(baseline))}::jsonb[]) as given(agent_id, offer_hash, configuration_id, version, baseline)
    where rollout_id = ${rolloutId} and rollout_agents.agent_id = given.agent_id`.execute(db);
}

export async function setStates(
  db: Db,
  rolloutId: string,
  agentIds: readonly string[],
  state: RolloutAgentState,
  now: Date,
): Promise<void> {
  if (agentIds.length === 0) return;
  await sql`update rollout_agents set state = ${state}, state_since = ${now}::timestamptz
    where rollout_id = ${rolloutId} and agent_id = any(${agentIds}::uuid[])`.execute(db);
}

export type RevertRow = Pick<
  AgentRow,
  "agent_id" | "wave" | "state" | "from_configuration_id" | "from_version"
>;

/** Agents that have something of this rollout and were not given back what they had; those under way first. */
export async function listToRevert(db: Db, rolloutId: string, limit: number): Promise<RevertRow[]> {
  return db
    .selectFrom("rollout_agents")
    .select(["agent_id", "wave", "state", "from_configuration_id", "from_version"])
    .where("rollout_id", "=", rolloutId)
    .where("assigned_at", "is not", null)
    .where("given_back_at", "is", null)
    .orderBy(
      sql`case when state in ('offered', 'applying', 'soaking') then 0 when state = 'failed' then 1 else 2 end`,
    )
    .orderBy("wave")
    .orderBy("position")
    .limit(limit)
    .execute();
}

/** What agents that were given the version had before. */
export async function listGivenFrom(
  db: Db,
  rolloutId: string,
  agentIds: readonly string[],
): Promise<Pick<AgentRow, "agent_id" | "from_configuration_id" | "from_version">[]> {
  return db
    .selectFrom("rollout_agents")
    .select(["agent_id", "from_configuration_id", "from_version"])
    .where("rollout_id", "=", rolloutId)
    .where(sql<SqlBool>`agent_id = any(${agentIds}::uuid[])`)
    .execute();
}

/** Agents that have not got the version after all; what they have before the next time is noted then. */
export async function setWithdrawn(db: Db, rolloutId: string, agentIds: readonly string[]): Promise<void> {
  if (agentIds.length === 0) return;
  await sql`update rollout_agents set assigned_at = null, offer_hash = null, attempts = attempts - 1,
      from_configuration_id = null, from_version = null, baseline = null
    where rollout_id = ${rolloutId} and agent_id = any(${agentIds}::uuid[])`.execute(db);
}

export async function setGivenBack(
  db: Db,
  rolloutId: string,
  agents: readonly {
    agent_id: string;
    offer_hash: string | null;
    state: RolloutAgentState;
    reason_code: RolloutReason | null;
    reason: string | null;
  }[],
  now: Date,
): Promise<void> {
  if (agents.length === 0) return;
  await sql`update rollout_agents set state = back.state, state_since = ${now}::timestamptz, given_back_at = ${now}::timestamptz,
      offer_hash = coalesce(back.offer_hash, rollout_agents.offer_hash), unwell_since = null,
      reason_code = coalesce(back.reason_code, rollout_agents.reason_code), reason = coalesce(back.reason, rollout_agents.reason)
    from unnest(${agents.map(({ agent_id }) => agent_id)}::uuid[], ${agents.map(({ offer_hash }) => offer_hash)}::text[],
      ${agents.map(({ state }) => state)}::text[], ${agents.map(({ reason_code }) => reason_code)}::text[],
      ${agents.map(({ reason }) => reason)}::text[]) as back(agent_id, offer_hash, state, reason_code, reason)
    where rollout_id = ${rolloutId} and rollout_agents.agent_id = back.agent_id`.execute(db);
}

/** Failed agents of a rollout, to be tried once more. */
export async function retryFailed(
  db: Db,
  rolloutId: string,
  now: Date,
): Promise<{ wave: number; agents: number }[]> {
  const { rows } = await sql<{
    wave: number;
    agents: number;
  }>`with tried as (
      update rollout_agents set state = 'waiting', state_since = ${now}, unwell_since = null
      where rollout_id = ${rolloutId} and state = 'failed' returning wave)
    select wave, count(*)::int as agents from tried group by wave`.execute(db);
  return rows;
}

export async function listAgentIds(db: Db, rolloutId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("rollout_agents")
    .select("agent_id")
    .where("rollout_id", "=", rolloutId)
    .where("state", "<>", "skipped")
    .execute();
  return rows.map(({ agent_id }) => agent_id);
}

/**
 * Ended rollouts that have agents which were given something and have no verdict yet: of those that are away, agents that
 * connected since a moment, or all. It costs what is under way and what connected; among all, every agent that is away.
 */
export async function listUnsettled(
  db: Db,
  { since }: Look,
  limit: number,
): Promise<{ id: string; organization_id: string }[]> {
  const away =
    since === null
      ? sql`select rollout_id from rollout_agents
          where state = 'unreachable' and state in ('offered', 'applying', 'soaking', 'unreachable', 'reverting') and assigned_at is not null`
      : sql`select rollout_id from agents join rollout_agents on agent_id = agents.id
          where connected_at >= ${since} and state = 'unreachable' and assigned_at is not null`;
  const { rows } = await sql<{ id: string; organization_id: string }>`select id, organization_id from rollouts
    where ended_at is not null and id in (
      select rollout_id from rollout_agents where state in ('offered', 'applying', 'soaking', 'reverting') and assigned_at is not null
      union ${away})
    order by id desc limit ${limit}`.execute(db);
  return rows;
}
