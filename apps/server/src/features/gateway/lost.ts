import { sql } from "kysely";
import type { Base } from "../../platform/context.ts";

/**
 * Marks agents as disconnected that some process held and nobody has heard since: their gateway crashed, or they stopped
 * polling. One that merely moves to another process is heard there within the time. Returns those it marked.
 */
export async function markLost(
  base: Base,
  lostAfterMs: number,
): Promise<{ id: string; organization_id: string }[]> {
  const now = new Date(base.now());
  const { rows } = await sql<{ id: string; organization_id: string }>`
    update agents set connection_id = null, disconnected_at = greatest(last_seen_at, connected_at)
    where connection_id is not null
      and last_seen_at < ${now}::timestamptz - make_interval(secs => greatest(
        ${lostAfterMs}::float8, case when transport = 'http' then ${HTTP_INTERVALS} * heartbeat_ms else 0 end) / 1000)
    returning id, organization_id`.execute(base.storage.system);
  return rows;
}

/** Polls an HTTP agent may miss before it is gone. */
const HTTP_INTERVALS = 10;
