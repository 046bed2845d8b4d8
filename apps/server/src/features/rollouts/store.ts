import { sql, type Insertable, type Selectable, type SqlBool, type Updateable } from "kysely";
import type { RolloutAgentState, RolloutCounts, RolloutReason, RolloutState } from "@flowplane/contract";
import type { Verdict, WaveChange } from "@flowplane/rollouts";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { stateSql } from "../fleet/state.ts";

export type RolloutRow = Selectable<Database["rollouts"]>;
export type ShownRolloutRow = RolloutRow & { configuration_name: string };
export type WaveRow = Selectable<Database["rollout_waves"]>;
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

/** A rollout with its waves and agents, in three statements. */
export async function insertRollout(
  db: Db,
  rollout: Insertable<Database["rollouts"]>,
  waves: readonly Insertable<Database["rollout_waves"]>[],
  agents: readonly NewRolloutAgent[],
  now: Date,
): Promise<void> {
  await db.insertInto("rollouts").values(rollout).execute();
  if (waves.length > 0) await db.insertInto("rollout_waves").values(waves).execute();
  await insertAgents(db, rollout.id, rollout.organization_id, now, agents);
}

async function insertAgents(
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

/** One at a time makes rollouts in an organization, so that no two that overlap are made at once. */
export async function lockRollouts(db: Db, organizationId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('rollouts'), hashtext(${organizationId}))`.execute(db);
}

function shown(db: Db) {
  return db
    .selectFrom("rollouts")
    .innerJoin("configurations", "configurations.id", "rollouts.configuration_id")
    .selectAll("rollouts")
    .select("configurations.name as configuration_name");
}

export async function findRollout(db: Db, id: string): Promise<ShownRolloutRow | undefined> {
  return shown(db).where("rollouts.id", "=", id).executeTakeFirst();
}

/** Locked until the transaction ends; a person waits for the worker's step. */
export async function lockRollout(db: Db, id: string): Promise<ShownRolloutRow | undefined> {
  return shown(db).where("rollouts.id", "=", id).forUpdate("rollouts").executeTakeFirst();
}

/** Locked, or undefined when another worker is at it. */
export async function lockFreeRollout(db: Db, id: string): Promise<ShownRolloutRow | undefined> {
  return shown(db).where("rollouts.id", "=", id).forUpdate("rollouts").skipLocked().executeTakeFirst();
}

/** Of all organizations, oldest first: who waits in a queue finds those before it already moved on. */
export async function listActiveRollouts(
  db: Db,
  limit: number,
): Promise<{ id: string; organization_id: string }[]> {
  return db
    .selectFrom("rollouts")
    .select(["id", "organization_id"])
    .where("ended_at", "is", null)
    .orderBy("created_at")
    .limit(limit)
    .execute();
}

export async function countActiveRollouts(db: Db): Promise<number> {
  const row = await db
    .selectFrom("rollouts")
    .select(sql<number>`count(*)::int`.as("count"))
    .where("ended_at", "is", null)
    .executeTakeFirstOrThrow();
  return row.count;
}

export async function updateRollout(
  db: Db,
  id: string,
  patch: Updateable<Database["rollouts"]>,
): Promise<void> {
  await db.updateTable("rollouts").set(patch).where("id", "=", id).execute();
}

export interface RolloutPage {
  readonly state?: RolloutState | undefined;
  readonly configurationId?: string | undefined;
  readonly agentId?: string | undefined;
  readonly after: string | undefined;
  readonly limit: number;
}

/** Newest first: ids are ordered by time. */
export async function listRollouts(db: Db, page: RolloutPage): Promise<ShownRolloutRow[]> {
  let query = shown(db);
  if (page.state !== undefined) query = query.where("rollouts.state", "=", page.state);
  if (page.configurationId !== undefined)
    query = query.where("rollouts.configuration_id", "=", page.configurationId);
  if (page.agentId !== undefined)
    query = query.where(
      sql<SqlBool>`exists (select from rollout_agents where rollout_id = rollouts.id and agent_id = ${page.agentId})`,
    );
  if (page.after !== undefined) query = query.where("rollouts.id", "<", page.after);
  return query.orderBy("rollouts.id", "desc").limit(page.limit).execute();
}

export async function listWaves(db: Db, rolloutIds: readonly string[]): Promise<WaveRow[]> {
  if (rolloutIds.length === 0) return [];
  return db
    .selectFrom("rollout_waves")
    .selectAll()
    .where("rollout_id", "in", rolloutIds)
    .orderBy("rollout_id")
    .orderBy("index")
    .execute();
}

export async function setWaves(
  db: Db,
  rolloutId: string,
  waves: readonly { index: number; counts: RolloutCounts }[],
): Promise<void> {
  await sql`update rollout_waves set counts = changed.counts
    from unnest(${waves.map(({ index }) => index)}::int[], ${waves.map(({ counts }) => JSON.stringify(counts))}::jsonb[]) as changed(index, counts)
    where rollout_id = ${rolloutId} and rollout_waves.index = changed.index`.execute(db);
}

export async function changeWave(
  db: Db,
  rolloutId: string,
  { index, state }: WaveChange,
  now: Date,
): Promise<void> {
  await sql`update rollout_waves set state = ${state},
      started_at = case when ${state} = 'running' then coalesce(started_at, ${now}) else started_at end,
      ended_at = case when ${state} in ('passed', 'failed') then ${now}::timestamptz end
    where rollout_id = ${rolloutId} and index = ${index}`.execute(db);
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

export interface Assigned {
  readonly configuration_id: string | null;
  readonly version: number | null;
  readonly rollout_id: string | null;
  readonly offer_hash: string;
  /** The agent said that it runs this content. */
  readonly is_applied: boolean;
}

/** What agents are assigned now, read from where the delivery keeps it. */
export async function readAssigned(db: Db, agentIds: readonly string[]): Promise<Map<string, Assigned>> {
  const rows = await db
    .selectFrom("agent_assignments")
    .leftJoin("configuration_attempts", (join) =>
      join
        .onRef("configuration_attempts.agent_id", "=", "agent_assignments.agent_id")
        .onRef("configuration_attempts.offer_hash", "=", "agent_assignments.offer_hash"),
    )
    .select([
      "agent_assignments.agent_id",
      "agent_assignments.configuration_id",
      "agent_assignments.version",
      "agent_assignments.rollout_id",
      "agent_assignments.offer_hash",
      sql<boolean>`coalesce(configuration_attempts.status = 'applied', false)`.as("is_applied"),
    ])
    .where(sql<SqlBool>`agent_assignments.agent_id = any(${agentIds}::uuid[])`)
    .execute();
  return new Map(rows.map(({ agent_id, ...assigned }) => [agent_id, assigned]));
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

export interface Overlap {
  readonly rollout_id: string;
  readonly agents: number;
}

/** Active rollouts that some of these agents are in, with how many; `before` leaves out those made after it. */
export async function listOverlaps(
  db: Db,
  agentIds: readonly string[],
  except: string | null = null,
): Promise<Overlap[]> {
  const { rows } = await sql<Overlap>`select rollout_id, count(*)::int as agents from rollout_agents
    where agent_id = any(${agentIds}::uuid[]) and state <> 'skipped'
      and rollout_id in (select id from rollouts where ended_at is null and id is distinct from ${except}::uuid)
    group by rollout_id order by rollout_id`.execute(db);
  return rows;
}

/** The first active rollout made before this one that has some of its agents. */
export async function findBefore(
  db: Db,
  rolloutId: string,
): Promise<{ id: string; agents: number } | undefined> {
  const { rows } = await sql<{ id: string; agents: number }>`select before.id, (
      select count(*)::int from rollout_agents mine join rollout_agents theirs using (agent_id)
      where mine.rollout_id = ${rolloutId} and mine.state <> 'skipped' and theirs.rollout_id = before.id and theirs.state <> 'skipped') as agents
    from rollouts before
    where before.ended_at is null and before.id < ${rolloutId}::uuid and exists (
      select from rollout_agents mine join rollout_agents theirs using (agent_id)
      where mine.rollout_id = ${rolloutId} and mine.state <> 'skipped' and theirs.rollout_id = before.id and theirs.state <> 'skipped')
    order by before.id limit 1`.execute(db);
  return rows[0];
}

/** Active rollouts of a configuration, and agents that are assigned a version of it. */
export async function countUses(
  db: Db,
  configurationId: string,
): Promise<{ rollouts: number; agents: number }> {
  const { rows } = await sql<{ rollouts: number; agents: number }>`select
    (select count(*)::int from rollouts where configuration_id = ${configurationId} and ended_at is null) as rollouts,
    (select count(*)::int from agent_assignments where configuration_id = ${configurationId}) as agents`.execute(
    db,
  );
  return rows[0] ?? { rollouts: 0, agents: 0 };
}

/** Which of these agents can be reached now, and how they are. */
export async function readPresence(
  db: Db,
  agentIds: readonly string[],
  now: number,
): Promise<Map<string, { isReachable: boolean; healthy: boolean | null }>> {
  const rows = await db
    .selectFrom("agents")
    .select(["id", "healthy", isReachable(now).as("is_reachable")])
    .where(sql<SqlBool>`id = any(${agentIds}::uuid[])`)
    .execute();
  return new Map(rows.map(({ id, is_reachable, healthy }) => [id, { isReachable: is_reachable, healthy }]));
}

function isReachable(now: number) {
  return sql<boolean>`(${stateSql(now)}) in ('connected', 'stale')`;
}

/** Agents that could not be reached and can be now; `isAssigned` are those that have been given the version meanwhile. */
export async function listReturned(
  db: Db,
  rolloutId: string,
  now: number,
  limit: number,
): Promise<{ agent_id: string; wave: number; is_assigned: boolean }[]> {
  return db
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.id", "rollout_agents.agent_id")
    .select([
      "rollout_agents.agent_id",
      "rollout_agents.wave",
      sql<boolean>`rollout_agents.assigned_at is not null`.as("is_assigned"),
    ])
    .where("rollout_id", "=", rolloutId)
    .where("rollout_agents.state", "=", "unreachable")
    .where("rollout_agents.state", "in", ["offered", "applying", "soaking", "unreachable", "reverting"])
    .where(isReachable(now))
    .limit(limit)
    .execute();
}

/** Agents that could not be reached and were not given anything. */
export async function listAway(db: Db, rolloutId: string, limit: number): Promise<WaitingRow[]> {
  return db
    .selectFrom("rollout_agents")
    .select(["agent_id", "wave", "variant", "attempts"])
    .where("rollout_id", "=", rolloutId)
    .where("state", "=", "unreachable")
    .where("state", "in", ["offered", "applying", "soaking", "unreachable", "reverting"])
    .where("assigned_at", "is", null)
    .limit(limit)
    .execute();
}

export type ShownAgentRow = AgentRow & { name: string; site_id: string };

/** Agents in the order of the waves, behind a wave and position. */
export async function listAgents(
  db: Db,
  rolloutId: string,
  page: {
    state?: RolloutAgentState | undefined;
    wave?: number | undefined;
    reasonCode?: RolloutReason | undefined;
    after: readonly [number, number] | undefined;
    limit: number;
  },
): Promise<ShownAgentRow[]> {
  let query = db
    .selectFrom("rollout_agents")
    .innerJoin("agents", "agents.id", "rollout_agents.agent_id")
    .selectAll("rollout_agents")
    .select(["agents.name", "agents.site_id"])
    .where("rollout_id", "=", rolloutId);
  if (page.state !== undefined) query = query.where("rollout_agents.state", "=", page.state);
  if (page.wave !== undefined) query = query.where("wave", "=", page.wave);
  if (page.reasonCode !== undefined) query = query.where("reason_code", "=", page.reasonCode);
  if (page.after !== undefined) {
    const [wave, position] = page.after;
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple("wave", "position"), ">", tuple(wave, position)),
    );
  }
  return query.orderBy("wave").orderBy("position").limit(page.limit).execute();
}

/** The states of all agents of each wave, in order, as one text a wave: one letter an agent. */
export async function readSquares(
  db: Db,
  rolloutId: string,
  letters: Readonly<Record<RolloutAgentState, string>>,
): Promise<{ wave: number; squares: string }[]> {
  const { rows } = await sql<{ wave: number; squares: string }>`select wave,
      string_agg(${JSON.stringify(letters)}::jsonb ->> state, '' order by position) as squares
    from rollout_agents where rollout_id = ${rolloutId} group by wave order by wave`.execute(db);
  return rows;
}

export interface FailureRow {
  readonly reason_code: RolloutReason;
  readonly reason: string;
  readonly agents: number;
  readonly examples: { agent_id: string; name: string }[];
}

/** A supervisor names the process that fell over; but for its number many say the same. */
const PROCESS_IDS = String.raw`(\mpid[=: ]*)\d+`;

/** Failed agents by reason and by their own words, most first. Agents given back what they had keep why they failed. */
export async function listFailures(
  db: Db,
  rolloutId: string,
  { groups, examples }: { groups: number; examples: number },
): Promise<FailureRow[]> {
  const { rows } = await sql<FailureRow>`with failed as (
      select agent_id, reason_code, regexp_replace(coalesce(reason, ''), ${PROCESS_IDS}, '\\1…', 'gi') as reason, name, wave, position
      from rollout_agents join agents on agents.id = agent_id
      where rollout_id = ${rolloutId} and reason_code is not null and rollout_agents.state in ('failed', 'reverting', 'reverted'))
    select reason_code, reason, count(*)::int as agents,
      to_jsonb((array_agg(jsonb_build_object('agent_id', agent_id, 'name', name) order by wave, position))[1:${sql.lit(examples)}]) as examples
    from failed group by reason_code, reason order by count(*) desc, reason_code, reason limit ${groups}`.execute(
    db,
  );
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

/** Ended rollouts that have agents which were given something and have no verdict yet. */
export async function listUnsettled(
  db: Db,
  limit: number,
): Promise<{ id: string; organization_id: string }[]> {
  const { rows } = await sql<{ id: string; organization_id: string }>`select id, organization_id from rollouts
    where ended_at is not null and id in (
      select rollout_id from rollout_agents where state in ('offered', 'applying', 'soaking', 'unreachable', 'reverting') and assigned_at is not null)
    order by id desc limit ${limit}`.execute(db);
  return rows;
}

export async function listOrganizationsWithCompleted(db: Db): Promise<string[]> {
  const { rows } = await sql<{ organization_id: string }>`select distinct organization_id from rollouts
    where state = 'completed' and (plan ->> 'include_new_agents')::boolean`.execute(db);
  return rows.map(({ organization_id }) => organization_id);
}

/** Completed rollouts that take new agents, newest first. */
export async function listForNewAgents(db: Db, limit: number): Promise<ShownRolloutRow[]> {
  return shown(db)
    .where("rollouts.state", "=", "completed")
    .where(sql<SqlBool>`(plan ->> 'include_new_agents')::boolean`)
    .where("configurations.archived_at", "is", null)
    .orderBy("rollouts.id", "desc")
    .limit(limit)
    .execute();
}

/** Of these agents, each with a rollout: those that neither it nor any later one knows. */
export async function filterUnknown(
  db: Db,
  pairs: readonly { agent_id: string; rollout_id: string }[],
): Promise<Set<string>> {
  const { rows } = await sql<{ agent_id: string }>`select pair.agent_id
    from unnest(${pairs.map(({ agent_id }) => agent_id)}::uuid[], ${pairs.map(({ rollout_id }) => rollout_id)}::uuid[]) as pair(agent_id, rollout_id)
    where not exists (
      select from rollout_agents where rollout_agents.agent_id = pair.agent_id and rollout_agents.rollout_id >= pair.rollout_id)`.execute(
    db,
  );
  return new Set(rows.map(({ agent_id }) => agent_id));
}

/** Agents that came to a rollout after it was made; they stand behind the others of its last wave. */
export async function addAgents(
  db: Db,
  { id, organization_id }: Pick<RolloutRow, "id" | "organization_id">,
  wave: number,
  agents: readonly { agent_id: string; variant: "version" | "baseline" }[],
  now: Date,
): Promise<void> {
  const last = await db
    .selectFrom("rollout_agents")
    .select(sql<number>`coalesce(max(position), -1)::int`.as("position"))
    .where("rollout_id", "=", id)
    .executeTakeFirstOrThrow();
  await insertAgents(
    db,
    id,
    organization_id,
    now,
    agents.map((agent, index) => ({
      ...agent,
      wave,
      position: last.position + 1 + index,
      state: "waiting",
      reason_code: null,
      reason: null,
    })),
  );
  await sql`update rollout_waves set agents = agents + ${agents.length} where rollout_id = ${id} and index = ${wave}`.execute(
    db,
  );
}
