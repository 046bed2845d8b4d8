import { sql, type Selectable } from "kysely";
import type { DeliveryState } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import type { AttemptNews } from "../fleet/status.ts";
import { stateSql } from "../fleet/state.ts";
import { deliveryStateSql } from "./state.ts";

export type AssignmentRow = Selectable<Database["agent_assignments"]>;
export type AttemptRow = Selectable<Database["configuration_attempts"]>;
export type AttemptStatus = AttemptRow["status"];

/** Rows of one statement. */
const CHUNK_ROWS = 5_000;
/** Changes read by one look of a gateway. */
const CHANGES_MAX = 50_000;
/** Attempts shown of one agent. */
const ATTEMPTS_SHOWN_MAX = 50;

export interface NewAssignment {
  readonly agent_id: string;
  readonly configuration_id: string | null;
  readonly version: number | null;
  readonly rollout_id: string | null;
  readonly offer_hash: string;
  /** Used when the content has failed there before: it is to be tried once more. */
  readonly retry_id: string;
}

/** What its first assignment leaves of an agent's own configuration: whether it had pipelines, and not only such that do nothing. */
const RAN_BY_ITSELF = sql<boolean | null>`(
  select bool_or(e->>'body' ~ 'pipelines:\\s*[^\\s{]' and e->>'body' !~ '\\mnop\\M')
  from agent_reports r, jsonb_array_elements(r.effective_config) e where r.agent_id = g.agent_id)`;

/** Assigns, and opens an attempt for each content; what is assigned already is left alone. Returns the agents that changed. */
export async function putAssignments(
  db: Db,
  organizationId: string,
  list: readonly NewAssignment[],
  now: Date,
): Promise<string[]> {
  const changed: string[] = [];
  const ordered = list.toSorted((a, b) => (a.agent_id < b.agent_id ? -1 : 1));
  for (let at = 0; at < ordered.length; at += CHUNK_ROWS) {
    const chunk = ordered.slice(at, at + CHUNK_ROWS);
    const { rows } = await sql<{ agent_id: string }>`
      with given as (
        select * from unnest(
          ${chunk.map((row) => row.agent_id)}::uuid[], ${chunk.map((row) => row.configuration_id)}::uuid[],
          ${chunk.map((row) => row.version)}::int[], ${chunk.map((row) => row.rollout_id)}::uuid[],
          ${chunk.map((row) => row.offer_hash)}::text[], ${chunk.map((row) => row.retry_id)}::uuid[]
        ) as g(agent_id, configuration_id, version, rollout_id, offer_hash, retry_id)
      ), changed as (
        insert into agent_assignments as x (agent_id, organization_id, configuration_id, version, rollout_id, offer_hash,
          retry_id, ran_by_itself, assigned_at, changed_at)
        select g.agent_id, ${organizationId}::uuid, g.configuration_id, g.version, g.rollout_id, g.offer_hash,
          case when t.status in ('failed', 'rolled_itself_back') then g.retry_id end,
          case when o.agent_id is null then ${RAN_BY_ITSELF} else o.ran_by_itself end,
          ${now}::timestamptz, ${now}::timestamptz
        from given g
        join agents a on a.id = g.agent_id and a.organization_id = ${organizationId}::uuid
        left join agent_assignments o on o.agent_id = g.agent_id
        left join configuration_attempts t on t.agent_id = g.agent_id and t.offer_hash = g.offer_hash
        where o.agent_id is null
          or (o.configuration_id, o.version, o.rollout_id, o.offer_hash)
            is distinct from (g.configuration_id, g.version, g.rollout_id, g.offer_hash)
        order by g.agent_id
        on conflict (agent_id) do update set configuration_id = excluded.configuration_id, version = excluded.version,
          rollout_id = excluded.rollout_id, offer_hash = excluded.offer_hash, held_reason = null,
          retry_id = excluded.retry_id, assigned_at = excluded.assigned_at, changed_at = excluded.changed_at
        returning x.agent_id, x.offer_hash
      ), opened as (
        ${openAttempts(organizationId, now)}
      )
      select agent_id from changed`.execute(db);
    changed.push(...rows.map(({ agent_id }) => agent_id));
  }
  return changed;
}

/**
 * Attempts for the rows of `given` whose agents are in `changed`. An agent that says it runs the content already has
 * applied it; for everybody else the try begins anew.
 */
function openAttempts(organizationId: string, now: Date) {
  return sql`
    insert into configuration_attempts as t (agent_id, offer_hash, organization_id, configuration_id, version, rollout_id,
      status, status_at)
    select g.agent_id, g.offer_hash, ${organizationId}::uuid, g.configuration_id, g.version, g.rollout_id,
      case when r.remote_config_status->>'hash' = g.offer_hash and r.remote_config_status->>'status' = 'applied'
        then 'applied' else 'waiting' end, ${now}::timestamptz
    from given g join changed c on c.agent_id = g.agent_id
    left join agent_reports r on r.agent_id = g.agent_id
    order by g.agent_id
    on conflict (agent_id, offer_hash) do update set configuration_id = excluded.configuration_id,
      version = excluded.version, rollout_id = excluded.rollout_id, status = excluded.status, status_at = excluded.status_at,
      error_message = '', rolled_back_to = null, offered_at = case when excluded.status = 'applied' then t.offered_at end,
      tries = t.tries + case when excluded.status = 'applied' then 0 else 1 end`;
}

/** Another content for agents that have not got theirs: a variable or secret has changed since it was composed. */
export async function moveAssignments(
  db: Db,
  organizationId: string,
  moves: readonly { agent_id: string; from: string; to: string }[],
  now: Date,
): Promise<void> {
  if (moves.length === 0) return;
  const ordered = moves.toSorted((a, b) => (a.agent_id < b.agent_id ? -1 : 1));
  await sql`
    with moved as (
      update agent_assignments x set offer_hash = m.too, held_reason = null, changed_at = ${now}::timestamptz
      from unnest(${ordered.map((move) => move.agent_id)}::uuid[], ${ordered.map((move) => move.from)}::text[],
        ${ordered.map((move) => move.to)}::text[]) as m(agent_id, was, too)
      where x.agent_id = m.agent_id and x.offer_hash = m.was
      returning x.agent_id, x.configuration_id, x.version, x.rollout_id, x.offer_hash
    ), given as (select * from moved), changed as (select * from moved)
    ${openAttempts(organizationId, now)}`.execute(db);
}

export interface Unsent {
  readonly agent_id: string;
  /** It was told once to run nothing of ours. */
  readonly had_nothing: boolean;
}

/** Of these agents those that a rollout's content was assigned to and not sent yet, locked until the transaction ends. */
export async function lockUnsent(
  db: Db,
  rolloutId: string,
  agentIds: readonly string[],
): Promise<readonly Unsent[]> {
  const { rows } = await sql<Unsent>`
    select a.agent_id, exists (
      select from configuration_attempts n where n.agent_id = a.agent_id and n.configuration_id is null) as had_nothing
    from agent_assignments a
    join configuration_attempts t on t.agent_id = a.agent_id and t.offer_hash = a.offer_hash
    where a.agent_id = any(${agentIds}::uuid[]) and a.rollout_id = ${rolloutId}::uuid
      and t.status = 'waiting' and t.offered_at is null
    order by a.agent_id for update of a, t`.execute(db);
  return rows;
}

/** Forgets what was assigned to agents and never sent; `ids` loses the try, `withNothing` of them the assignment as well. */
export async function forgetUnsent(
  db: Db,
  ids: readonly string[],
  withNothing: readonly string[],
): Promise<void> {
  await sql`delete from configuration_attempts t using agent_assignments a
    where a.agent_id = any(${ids}::uuid[]) and t.agent_id = a.agent_id and t.offer_hash = a.offer_hash
      and t.status = 'waiting' and t.tries = 1`.execute(db);
  await sql`delete from agent_assignments where agent_id = any(${withNothing}::uuid[])`.execute(db);
}

/** Notes why contents are not sent; null where nothing is in the way any more. */
export async function holdAssignments(
  db: Db,
  list: readonly { agent_id: string; reason: string | null }[],
  now: Date,
): Promise<string[]> {
  if (list.length === 0) return [];
  const ordered = list.toSorted((a, b) => (a.agent_id < b.agent_id ? -1 : 1));
  const { rows } = await sql<{ agent_id: string }>`
    update agent_assignments x set held_reason = h.reason, changed_at = ${now}::timestamptz
    from unnest(${ordered.map((row) => row.agent_id)}::uuid[], ${ordered.map((row) => row.reason)}::text[]) as h(agent_id, reason)
    where x.agent_id = h.agent_id and x.held_reason is distinct from h.reason
    returning x.agent_id`.execute(db);
  return rows.map(({ agent_id }) => agent_id);
}

/** Asks for the contents of these agents to be tried once more; only those that failed. Returns them. */
export async function retryAssignments(
  db: Db,
  list: readonly { agent_id: string; retry_id: string }[],
  now: Date,
): Promise<string[]> {
  const { rows } = await sql<{ agent_id: string }>`
    with given as (
      select * from unnest(${list.map((row) => row.agent_id)}::uuid[], ${list.map((row) => row.retry_id)}::uuid[]) as g(agent_id, retry_id)
    ), changed as (
      update agent_assignments x set retry_id = g.retry_id, held_reason = null, changed_at = ${now}::timestamptz
      from given g, configuration_attempts t
      where x.agent_id = g.agent_id and t.agent_id = x.agent_id and t.offer_hash = x.offer_hash
        and t.status in ('failed', 'rolled_itself_back')
      returning x.agent_id, x.offer_hash
    ), opened as (
      update configuration_attempts t set status = 'waiting', status_at = ${now}::timestamptz, error_message = '',
        rolled_back_to = null, offered_at = null, tries = t.tries + 1
      from changed c where t.agent_id = c.agent_id and t.offer_hash = c.offer_hash
    )
    select agent_id from changed`.execute(db);
  return rows.map(({ agent_id }) => agent_id);
}

/**
 * The rows are locked in the order of agents and hashes first, in which assigning writes them too: a worker that assigns and
 * a gateway that brings news cannot wait for each other's rows.
 */
export async function updateAttempts(
  db: Db,
  rows: readonly ({ agentId: string; hash: string } & AttemptNews)[],
): Promise<void> {
  await sql`
    with news as (
      select * from unnest(
        ${rows.map((row) => row.agentId)}::uuid[], ${rows.map((row) => row.hash)}::text[],
        ${rows.map((row) => row.status)}::text[], ${rows.map((row) => row.at)}::float8[],
        ${rows.map((row) => row.offeredAt)}::float8[], ${rows.map((row) => row.error)}::text[],
        ${rows.map((row) => row.rolledBackTo)}::text[]
      ) as r(agent_id, hash, status, at, offered_at, error, rolled_back_to)
    ), held as materialized (
      select t.agent_id, t.offer_hash from configuration_attempts t
      join news r on t.agent_id = r.agent_id and t.offer_hash = r.hash
      order by t.agent_id, t.offer_hash for update of t
    )
    update configuration_attempts t set
      status = r.status,
      status_at = to_timestamp(r.at / 1000.0),
      error_message = case when r.status = 'rolled_itself_back' and r.error = '' then t.error_message else r.error end,
      offered_at = coalesce(to_timestamp(r.offered_at / 1000.0), t.offered_at),
      rolled_back_to = coalesce(r.rolled_back_to, t.rolled_back_to)
    from news r join held on held.agent_id = r.agent_id and held.offer_hash = r.hash
    where t.agent_id = r.agent_id and t.offer_hash = r.hash
      and (r.status <> 'offered' or t.status = 'waiting')
      and (t.status, t.error_message) is distinct from (r.status, r.error)`.execute(db);
}

export interface WantedRow extends AssignmentRow {
  readonly attempt: AttemptStatus | null;
}

/** Assignments of agents with how far they have come, of any organization. */
export async function findWanted(system: Db, agentIds: readonly string[]): Promise<WantedRow[]> {
  return system
    .selectFrom("agent_assignments as a")
    .leftJoin("configuration_attempts as t", (join) =>
      join.onRef("t.agent_id", "=", "a.agent_id").onRef("t.offer_hash", "=", "a.offer_hash"),
    )
    .selectAll("a")
    .select("t.status as attempt")
    .where(sql<boolean>`a.agent_id = any(${agentIds}::uuid[])`)
    .execute();
}

/** Which assignments changed since a moment, of all organizations. */
export async function findChanged(
  system: Db,
  since: Date,
): Promise<{ agent_id: string; changed_at: Date }[]> {
  return system
    .selectFrom("agent_assignments")
    .select(["agent_id", "changed_at"])
    .where("changed_at", ">", since)
    .orderBy("changed_at")
    .limit(CHANGES_MAX)
    .execute();
}

export interface DeliveryRow {
  readonly agent_id: string;
  readonly rollout_id: string | null;
  readonly offer_hash: string;
  readonly status: AttemptStatus;
  readonly status_at: Date;
  readonly offered_at: Date | null;
  readonly error_message: string;
  readonly rolled_back_to: string | null;
  readonly held_reason: string | null;
  readonly reachable: boolean;
  readonly healthy: boolean | null;
  readonly health_status: string | null;
  readonly health_at: Date | null;
  readonly settings_offered_at: Date | null;
}

export async function findDeliveries(
  db: Db,
  agentIds: readonly string[],
  now: number,
): Promise<DeliveryRow[]> {
  const { rows } = await sql<DeliveryRow>`
    select a.agent_id, a.rollout_id, a.offer_hash, coalesce(t.status, 'waiting') as status, coalesce(t.status_at, a.assigned_at) as status_at,
      t.offered_at, coalesce(t.error_message, '') as error_message, t.rolled_back_to, a.held_reason,
      ${stateSql(now)} in ('connected', 'stale') as reachable,
      agents.healthy, agents.health_status, agents.health_at, agents.settings_offered_at
    from agent_assignments a join agents on agents.id = a.agent_id
    left join configuration_attempts t on t.agent_id = a.agent_id and t.offer_hash = a.offer_hash
    where a.agent_id = any(${agentIds}::uuid[])`.execute(db);
  return rows;
}

export async function findAssignment(db: Db, agentId: string): Promise<AssignmentRow | undefined> {
  return db.selectFrom("agent_assignments").selectAll().where("agent_id", "=", agentId).executeTakeFirst();
}

/** Newest first. */
export async function listAttempts(db: Db, agentId: string): Promise<AttemptRow[]> {
  return db
    .selectFrom("configuration_attempts")
    .selectAll()
    .where("agent_id", "=", agentId)
    .orderBy("status_at", "desc")
    .limit(ATTEMPTS_SHOWN_MAX)
    .execute();
}

/** Of agents that were assigned something before: whether they had pipelines of their own then. */
export async function findRanByThemselves(
  db: Db,
  agentIds: readonly string[],
): Promise<Map<string, boolean | null>> {
  const rows = await db
    .selectFrom("agent_assignments")
    .select(["agent_id", "ran_by_itself"])
    .where(sql<boolean>`agent_id = any(${agentIds}::uuid[])`)
    .execute();
  return new Map(rows.map((row) => [row.agent_id, row.ran_by_itself]));
}

/** The text of a version, of an archived configuration too. */
export async function findSavedVersion(db: Db, configurationId: string, version: number) {
  return db
    .selectFrom("configuration_versions")
    .select(["body", "overlays"])
    .where("configuration_id", "=", configurationId)
    .where("version", "=", version)
    .executeTakeFirst();
}

/** Agents by assigned version and state of one configuration. */
export async function countPlaces(
  db: Db,
  configurationId: string,
): Promise<{ version: number; state: DeliveryState; agents: number }[]> {
  const { rows } = await sql<{ version: number; state: DeliveryState; agents: number }>`
    select a.version, ${deliveryStateSql("a", "t")} as state, count(*)::int as agents
    from agent_assignments a
    left join configuration_attempts t on t.agent_id = a.agent_id and t.offer_hash = a.offer_hash
    where a.configuration_id = ${configurationId}::uuid
    group by 1, 2 order by 1 desc`.execute(db);
  return rows;
}
