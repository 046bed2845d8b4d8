import { sql } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { OFFLINE_AFTER_INTERVALS } from "@flowplane/opamp";

/** One sign of life that came as a request of its own, outside any OpAMP session. */
export interface RequestHeartbeat {
  readonly agentId: string;
  /** ms since the epoch. */
  readonly seenAt: number;
  readonly remoteAddress: string | null;
  /** How it says that it is; null when it did not say. */
  readonly health: { readonly healthy: boolean; readonly status: string } | null;
}

/**
 * Notes signs of life of many agents, in one statement. An agent that has an OpAMP session at the same time stays that
 * session's: only the time moves. Returns those that were not there before or are in other health, whose page has something
 * new to show.
 */
export async function noteRequestHeartbeats(
  db: Db,
  beats: readonly RequestHeartbeat[],
): Promise<{ id: string; organization_id: string }[]> {
  // Always in the same order, so that two processes cannot wait for each other's rows.
  const ordered = beats.toSorted((left, right) => (left.agentId < right.agentId ? -1 : 1));
  const arrives = sql`a.connection_id is null and (a.last_seen_at is null or a.disconnected_at is not null
    or a.last_seen_at < r.seen - make_interval(secs => ${sql.lit(OFFLINE_AFTER_INTERVALS)} * a.heartbeat_ms / 1000.0))`;
  const speaks = sql`(r.healthy is not null and a.connection_id is null)`;
  const { rows } = await sql<{ id: string; organization_id: string }>`
    with beat as (
      select id, to_timestamp(seen / 1000.0) as seen, remote_address, healthy, health_status
      from unnest(
        ${ordered.map(({ agentId }) => agentId)}::uuid[],
        ${ordered.map(({ seenAt }) => seenAt)}::float8[],
        ${ordered.map(({ remoteAddress }) => remoteAddress)}::text[],
        ${ordered.map(({ health }) => health?.healthy ?? null)}::boolean[],
        ${ordered.map(({ health }) => health?.status ?? null)}::text[]
      ) as r(id, seen, remote_address, healthy, health_status)
    ), before as (
      select a.id, ${arrives} or ${speaks} and (a.healthy, a.health_status) is distinct from (r.healthy, r.health_status) as is_news
      from agents a join beat r on a.id = r.id
    ), after as (
      update agents a set
        last_seen_at = greatest(a.last_seen_at, r.seen),
        connected_at = case when ${arrives} then r.seen else a.connected_at end,
        disconnected_at = null,
        transport = case when a.connection_id is null then 'http' else a.transport end,
        credential = case when a.connection_id is null then 'bearer' else a.credential end,
        remote_address = case when a.connection_id is null then r.remote_address else a.remote_address end,
        healthy = case when ${speaks} then r.healthy else a.healthy end,
        health_status = case when ${speaks} then r.health_status else a.health_status end,
        health_at = case when ${speaks} then r.seen else a.health_at end
      from beat r
      where a.id = r.id and a.revoked_at is null
      returning a.id, a.organization_id
    )
    select after.id, after.organization_id from after join before using (id) where before.is_news`.execute(
    db,
  );
  return rows;
}
