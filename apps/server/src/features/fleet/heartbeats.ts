import { sql } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { OFFLINE_AFTER_INTERVALS } from "@flowplane/opamp";

/** One sign of life that came as a request of its own, outside any OpAMP session. */
export interface RequestHeartbeat {
  readonly agentId: string;
  /** ms since the epoch. */
  readonly seenAt: number;
  readonly remoteAddress: string | null;
}

/**
 * Notes signs of life of many agents, in one statement. An agent that has an OpAMP session at the same time stays that
 * session's: only the time moves. Returns those that were not there before, whose page has something new to show.
 */
export async function noteRequestHeartbeats(
  db: Db,
  beats: readonly RequestHeartbeat[],
): Promise<{ id: string; organization_id: string }[]> {
  // Always in the same order, so that two processes cannot wait for each other's rows.
  const ordered = beats.toSorted((left, right) => (left.agentId < right.agentId ? -1 : 1));
  const arrives = sql`a.connection_id is null and (a.last_seen_at is null or a.disconnected_at is not null
    or a.last_seen_at < r.seen - make_interval(secs => ${sql.lit(OFFLINE_AFTER_INTERVALS)} * a.heartbeat_ms / 1000.0))`;
  const { rows } = await sql<{ id: string; organization_id: string }>`
    with beat as (
      select id, to_timestamp(seen / 1000.0) as seen, remote_address
      from unnest(
        ${ordered.map(({ agentId }) => agentId)}::uuid[],
        ${ordered.map(({ seenAt }) => seenAt)}::float8[],
        ${ordered.map(({ remoteAddress }) => remoteAddress)}::text[]
      ) as r(id, seen, remote_address)
    ), before as (
      select a.id, ${arrives} as arrives from agents a join beat r on a.id = r.id
    ), after as (
      update agents a set
        last_seen_at = greatest(a.last_seen_at, r.seen),
        connected_at = case when ${arrives} then r.seen else a.connected_at end,
        disconnected_at = null,
        transport = case when a.connection_id is null then 'http' else a.transport end,
        credential = case when a.connection_id is null then 'bearer' else a.credential end,
        remote_address = case when a.connection_id is null then r.remote_address else a.remote_address end
      from beat r
      where a.id = r.id and a.revoked_at is null
      returning a.id, a.organization_id
    )
    select after.id, after.organization_id from after join before using (id) where before.arrives`.execute(
    db,
  );
  return rows;
}
