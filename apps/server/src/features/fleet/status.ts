import { sql } from "kysely";
import { agentStateToJson, type AgentState, type PackageStatusesJson } from "@flowplane/opamp";
import type { Db } from "../../platform/storage/database.ts";

/** Columns of `agents` that a status change sets; an absent one is unchanged. Times are ms since the epoch. */
export interface AgentColumns {
  readonly transport?: "websocket" | "http";
  readonly credential?: "certificate" | "bearer" | "token";
  readonly remote_address?: string | null;
  /** Where it reached us, as it named it. */
  readonly reached_url?: string | null;
  readonly connected_at?: string;
  /** How often the agent is to be heard from, ms. */
  readonly heartbeat_ms?: number;
  /** Set when the agent left: it owns no connection then. */
  readonly disconnected_at?: string;
  readonly version?: string | null;
  readonly os?: string | null;
  readonly hostname?: string | null;
  readonly healthy?: boolean | null;
  readonly health_status?: string | null;
  /** When it said how it is, and when connection settings were last offered to it. */
  readonly health_at?: string;
  readonly settings_offered_at?: string;
  readonly capabilities?: number;
  readonly instance_uid?: string;
  readonly next_instance_uid?: string | null;
  /** Used only while the agent still has the name it was given for want of a better one. */
  readonly described_name?: string;
}

/** Columns of `agent_reports`; an absent one is unchanged. */
export interface ReportColumns {
  readonly identifying_attributes?: Record<string, unknown>;
  readonly non_identifying_attributes?: Record<string, unknown>;
  readonly health?: unknown;
  readonly effective_config?: unknown;
  readonly effective_config_at?: string;
  readonly remote_config_status?: unknown;
  readonly package_statuses?: unknown;
  readonly connection_settings_status?: unknown;
  readonly custom_capabilities?: readonly string[];
  /** Lower-case hex. */
  readonly available_components_hash?: string;
}

/** What is to be written of one agent. Later news replaces earlier news of the same column. */
export interface AgentStatus {
  readonly agentId: string;
  readonly organizationId: string;
  /** The connection that says so; rows of agents that another connection owns by now are left alone. */
  connectionId: string;
  /** True when this connection has just become the agent's owner. */
  takesOver: boolean;
  lastSeenAt: number;
  sequenceNum: number | null;
  messageDigest: number | null;
  columns: AgentColumns | null;
  report: ReportColumns | null;
  /** The session to store; null when only its counters moved. */
  session: AgentState | null;
  reportBytes: number;
  /** What it said of configurations it was brought, by their hash. */
  attempts: ReadonlyMap<string, AttemptNews> | null;
  /** What it said of its packages since the last write, in that order; the last is how things are. */
  packages: readonly PackageStatusesJson[] | null;
}

/** What came of bringing one content to an agent. Times are ms since the epoch. */
export interface AttemptNews {
  readonly status: "offered" | "applying" | "applied" | "failed" | "rolled_itself_back";
  readonly at: number;
  /** When it was sent; null when that was told before. */
  readonly offeredAt: number | null;
  readonly error: string;
  readonly rolledBackTo: string | null;
}

/**
 * Locks agents until the transaction ends, in the order of their ids, in which everybody locks several: two gateways that write the
 * same agents, one after the other's crash or while agents move, wait for each other once and never in a circle. The statements that
 * follow keep no order of their own: which row a join meets first is the planner's choice.
 */
export async function lockAgents(db: Db, agentIds: readonly string[]): Promise<void> {
  await sql`select from agents where id = any(${agentIds}::uuid[]) order by id for no key update`.execute(db);
}

/** Counters of many agents, by arrays: the smallest statement for the most frequent write. */
export async function writeHeartbeats(db: Db, entries: readonly AgentStatus[]): Promise<void> {
  await sql`
    update agents a set
      last_seen_at = greatest(a.last_seen_at, to_timestamp(r.seen / 1000.0)),
      sequence_num = coalesce(r.sequence_num, a.sequence_num),
      message_digest = coalesce(r.message_digest, a.message_digest),
      connection_id = r.connection_id,
      disconnected_at = null
    from unnest(
      ${entries.map(({ agentId }) => agentId)}::uuid[],
      ${entries.map(({ connectionId }) => connectionId)}::uuid[],
      ${entries.map(({ lastSeenAt }) => lastSeenAt)}::float8[],
      ${entries.map(({ sequenceNum }) => sequenceNum)}::bigint[],
      ${entries.map(({ messageDigest }) => messageDigest)}::bigint[]
    ) as r(id, connection_id, seen, sequence_num, message_digest)
    where a.id = r.id and (a.connection_id is null or a.connection_id = r.connection_id)`.execute(db);
}

/** Changed columns of many agents. A row owned by another connection by now is left as it is. */
export async function writeAgents(db: Db, entries: readonly AgentStatus[]): Promise<void> {
  const records = entries.map((entry) => ({
    id: entry.agentId,
    connection_id: entry.connectionId,
    takes_over: entry.takesOver,
    seen: entry.lastSeenAt,
    sequence_num: entry.sequenceNum,
    message_digest: entry.messageDigest,
    c: entry.columns,
  }));
  const text = (name: string) =>
    sql`case when r.c ? ${sql.lit(name)} then r.c->>${sql.lit(name)} else a.${sql.ref(name)} end`;
  await sql`
    update agents a set
      last_seen_at = greatest(a.last_seen_at, to_timestamp(r.seen / 1000.0)),
      sequence_num = coalesce(r.sequence_num, a.sequence_num),
      message_digest = coalesce(r.message_digest, a.message_digest),
      connection_id = case when r.c ? 'disconnected_at' then null else r.connection_id end,
      disconnected_at = (r.c->>'disconnected_at')::timestamptz,
      connected_at = coalesce((r.c->>'connected_at')::timestamptz, a.connected_at),
      transport = ${text("transport")},
      credential = ${text("credential")},
      remote_address = ${text("remote_address")},
      reached_url = ${text("reached_url")},
      version = ${text("version")},
      os = ${text("os")},
      hostname = ${text("hostname")},
      healthy = case when r.c ? 'healthy' then (r.c->>'healthy')::boolean else a.healthy end,
      health_status = ${text("health_status")},
      health_at = coalesce((r.c->>'health_at')::timestamptz, a.health_at),
      settings_offered_at = coalesce((r.c->>'settings_offered_at')::timestamptz, a.settings_offered_at),
      capabilities = coalesce((r.c->>'capabilities')::bigint, a.capabilities),
      heartbeat_ms = coalesce((r.c->>'heartbeat_ms')::int, a.heartbeat_ms),
      instance_uid = coalesce((r.c->>'instance_uid')::uuid, a.instance_uid),
      next_instance_uid = case when r.c ? 'next_instance_uid' then (r.c->>'next_instance_uid')::uuid else a.next_instance_uid end,
      name = case when r.c ? 'described_name' and a.name = 'agent-' || right(a.id::text, 8) then r.c->>'described_name' else a.name end
    from jsonb_to_recordset(${JSON.stringify(records)}::jsonb)
      as r(id uuid, connection_id uuid, takes_over boolean, seen float8, sequence_num bigint, message_digest bigint, c jsonb)
    where a.id = r.id and (r.takes_over or a.connection_id is null or a.connection_id = r.connection_id)`.execute(
    db,
  );
}

/** Reports and sessions of many agents; deleted agents are passed over. */
export async function writeReports(
  db: Db,
  entries: readonly Pick<AgentStatus, "agentId" | "report" | "session">[],
): Promise<void> {
  const records = entries.map((entry) => ({
    id: entry.agentId,
    v: {
      ...entry.report,
      // Sequence and digest move with every heartbeat; agents holds them.
      ...(entry.session === null
        ? {}
        : { session: { ...agentStateToJson(entry.session), sequenceNum: null, messageDigest: null } }),
    },
  }));
  const json = (name: string) =>
    sql`case when r.v ? ${sql.lit(name)} then nullif(r.v->${sql.lit(name)}, 'null') else t.${sql.ref(name)} end`;
  const hash = sql`decode(r.v->>'available_components_hash', 'hex')`;
  await sql`
    merge into agent_reports t
    using (
      select r.id, r.v, a.organization_id
      from jsonb_to_recordset(${JSON.stringify(records)}::jsonb) as r(id uuid, v jsonb)
      join agents a on a.id = r.id
    ) r on t.agent_id = r.id
    when matched then update set
      identifying_attributes = ${json("identifying_attributes")},
      non_identifying_attributes = ${json("non_identifying_attributes")},
      health = ${json("health")},
      effective_config = ${json("effective_config")},
      effective_config_at = coalesce((r.v->>'effective_config_at')::timestamptz, t.effective_config_at),
      remote_config_status = ${json("remote_config_status")},
      package_statuses = ${json("package_statuses")},
      connection_settings_status = ${json("connection_settings_status")},
      custom_capabilities = ${json("custom_capabilities")},
      available_components_hash = coalesce(${hash}, t.available_components_hash),
      session = ${json("session")}
    when not matched then insert
      (agent_id, organization_id, identifying_attributes, non_identifying_attributes, health, effective_config,
       effective_config_at, remote_config_status, package_statuses, connection_settings_status, custom_capabilities,
       available_components_hash, session)
    values (r.id, r.organization_id,
      coalesce(r.v->'identifying_attributes', '{}'), coalesce(r.v->'non_identifying_attributes', '{}'),
      nullif(r.v->'health', 'null'), nullif(r.v->'effective_config', 'null'), (r.v->>'effective_config_at')::timestamptz,
      nullif(r.v->'remote_config_status', 'null'), nullif(r.v->'package_statuses', 'null'),
      nullif(r.v->'connection_settings_status', 'null'), coalesce(r.v->'custom_capabilities', '[]'),
      ${hash}, r.v->'session')`.execute(db);
}

/**
 * Marks agents as disconnected that some process held and nobody has heard since: their gateway crashed, or they stopped
 * polling. One that merely moves to another process is heard there within the time, and one whose row is being written is heard now.
 * Returns those it marked.
 */
export async function markLost(
  db: Db,
  now: Date,
  lostAfterMs: number,
): Promise<{ id: string; organization_id: string }[]> {
  const { rows } = await sql<{ id: string; organization_id: string }>`
    with lost as materialized (
      select id from agents where connection_id is not null
        and last_seen_at < ${now}::timestamptz - make_interval(secs => greatest(
          ${lostAfterMs}::float8, case when transport = 'http' then ${HTTP_INTERVALS} * heartbeat_ms else 0 end) / 1000)
      order by id for no key update skip locked)
    update agents set connection_id = null, disconnected_at = greatest(last_seen_at, connected_at)
    from lost where agents.id = lost.id
    returning agents.id, organization_id`.execute(db);
  return rows;
}

/** Polls an HTTP agent may miss before it is gone. */
const HTTP_INTERVALS = 10;
