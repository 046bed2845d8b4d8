import { sql, type Selectable } from "kysely";
import type { GatewayCounts, GatewayMetadata } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

/** An agent of kind gateway, and what it reported. One that was made for a bearer and never came has no report. */
export type GatewayRow = Selectable<Database["agents"]> & {
  readonly gateway_instance_id: string | null;
  readonly ip_address: string | null;
  readonly metadata: GatewayMetadata | null;
  readonly metrics: GatewayCounts | null;
  readonly metrics_at: Date | null;
  readonly config_version: number | null;
};

function selectGateways(db: Db) {
  return db
    .selectFrom("agents")
    .leftJoin("gateway_reports", "gateway_reports.agent_id", "agents.id")
    .selectAll("agents")
    .select([
      "gateway_reports.instance_id as gateway_instance_id",
      "gateway_reports.ip_address",
      "gateway_reports.metadata",
      "gateway_reports.metrics",
      "gateway_reports.metrics_at",
      "gateway_reports.config_version",
    ])
    .where("agents.kind", "=", "gateway");
}

export function findGateway(db: Db, id: string): Promise<GatewayRow | undefined> {
  return selectGateways(db).where("agents.id", "=", id).executeTakeFirst();
}

/** Newest first: ids are UUIDv7. */
export function listGateways(db: Db, after: string | undefined, limit: number): Promise<GatewayRow[]> {
  let query = selectGateways(db);
  if (after !== undefined) query = query.where("agents.id", "<", after);
  return query
    .orderBy("agents.id", "desc")
    .limit(limit + 1)
    .execute();
}

/** Holds everybody off who would take the same instance_id, until the commit. */
export async function lockInstanceId(db: Db, organizationId: string, instanceId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`gateway ${organizationId} ${instanceId}`}, 0))`.execute(
    db,
  );
}

export async function findAgentOfInstance(db: Db, instanceId: string): Promise<string | undefined> {
  const row = await db
    .selectFrom("gateway_reports")
    .select("agent_id")
    .where("instance_id", "=", instanceId)
    .executeTakeFirst();
  return row?.agent_id;
}

/** Stores who a gateway is, for the first time or anew. */
export async function putGateway(
  db: Db,
  row: {
    agent_id: string;
    organization_id: string;
    instance_id: string;
    ip_address: string | null;
    metadata: GatewayMetadata;
  },
): Promise<void> {
  const { ip_address, metadata } = row;
  await db
    .insertInto("gateway_reports")
    .values({
      ...row,
      metadata: JSON.stringify(metadata),
      metrics: null,
      metrics_at: null,
      config_version: null,
    })
    .onConflict((conflict) =>
      conflict.column("agent_id").doUpdateSet({ ip_address, metadata: JSON.stringify(metadata) }),
    )
    .execute();
}

/** What agents of any organization call themselves, by agent. */
export async function findInstanceIds(system: Db, agentIds: readonly string[]): Promise<Map<string, string>> {
  const rows = await system
    .selectFrom("gateway_reports")
    .select(["agent_id", "instance_id"])
    .where("agent_id", "in", agentIds)
    .execute();
  return new Map(rows.map(({ agent_id, instance_id }) => [agent_id, instance_id]));
}

/** What a heartbeat says beside being one; what is null was not said and stays. */
export interface Said {
  readonly agentId: string;
  readonly seenAt: number;
  readonly metadata: GatewayMetadata | null;
  readonly metrics: GatewayCounts | null;
  readonly configVersion: number | null;
}

/** Stores what many gateways said, in one statement; returns those whose metadata is other than before. */
export async function noteSaid(system: Db, said: readonly Said[]): Promise<Set<string>> {
  const records = said
    .toSorted((left, right) => (left.agentId < right.agentId ? -1 : 1))
    .map(({ agentId, seenAt, metadata, metrics, configVersion }) => ({
      id: agentId,
      seen: seenAt,
      metadata,
      metrics,
      config_version: configVersion,
    }));
  const { rows } = await sql<{ agent_id: string }>`
    with said as (
      select r.id, to_timestamp(r.seen / 1000.0) as seen, nullif(r.metadata, 'null') as metadata,
        nullif(r.metrics, 'null') as metrics, r.config_version
      from jsonb_to_recordset(${JSON.stringify(records)}::jsonb)
        as r(id uuid, seen float8, metadata jsonb, metrics jsonb, config_version int)
    ), before as (
      select g.agent_id from gateway_reports g join said on said.id = g.agent_id
      where said.metadata is distinct from g.metadata and said.metadata is not null
    ), after as (
      update gateway_reports g set
        metadata = coalesce(said.metadata, g.metadata),
        metrics = case when said.metrics is null then g.metrics else coalesce(g.metrics, '{}') || said.metrics end,
        metrics_at = case when said.metrics is null then g.metrics_at else said.seen end,
        config_version = coalesce(said.config_version, g.config_version)
      from said where said.id = g.agent_id
    )
    select agent_id from before`.execute(system);
  return new Set(rows.map(({ agent_id }) => agent_id));
}
