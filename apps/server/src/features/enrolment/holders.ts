import { sql } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";

/** Whose credential it is, and why it is not good any more, if it isn't. */
export interface Holder {
  readonly identity: AgentIdentity;
  readonly problem: string | null;
}

interface HolderRow {
  key: string;
  agent_id: string;
  organization_id: string;
  site_id: string;
  name: string;
  agent_revoked_at: Date | null;
  credential_revoked_at: Date | null;
}

/** The holders of certificates by serial number, over all organizations. Unknown serials are missing. */
export async function findCertificateHolders(
  system: Db,
  serials: readonly string[],
): Promise<Map<string, Holder>> {
  const { rows } = await sql<HolderRow>`
    select c.serial as key, a.id as agent_id, a.organization_id, a.site_id, a.name,
      a.revoked_at as agent_revoked_at, c.revoked_at as credential_revoked_at
    from agent_certificates c join agents a on a.id = c.agent_id
    where c.serial = any(${serials}::text[])`.execute(system);
  return new Map(rows.map((row) => [row.key, holderOf(row, "certificate")]));
}

/** A credential's last use is for people to look at, so it is written once in this time at most. */
const LAST_USED_EVERY_SECONDS = 60;

/** The holders of bearers by id, noting that the good ones were used. */
export async function findBearerHolders(
  system: Db,
  ids: readonly string[],
  now: Date,
): Promise<Map<string, Holder>> {
  const { rows } = await sql<HolderRow>`
    with used as (
      update bearers set last_used_at = ${now}
      where id = any(${ids}::uuid[]) and revoked_at is null
        and (last_used_at is null or last_used_at < ${now}::timestamptz - make_interval(secs => ${LAST_USED_EVERY_SECONDS}))
    )
    select b.id as key, a.id as agent_id, a.organization_id, a.site_id, a.name,
      a.revoked_at as agent_revoked_at, b.revoked_at as credential_revoked_at
    from bearers b join agents a on a.id = b.agent_id
    where b.id = any(${ids}::uuid[])`.execute(system);
  return new Map(rows.map((row) => [row.key, holderOf(row, "bearer")]));
}

/** Agents by `ID EPOCH`, for credentials that name the agent itself and that epoch of it. */
export async function findTelemetryHolders(
  system: Db,
  keys: readonly string[],
): Promise<Map<string, Holder>> {
  const ids = [...new Set(keys.map((key) => key.split(" ")[0] ?? ""))];
  const { rows } = await sql<HolderRow>`
    select a.id || ' ' || a.telemetry_epoch as key, a.id as agent_id, a.organization_id, a.site_id, a.name,
      a.revoked_at as agent_revoked_at, null::timestamptz as credential_revoked_at
    from agents a where a.id = any(${ids}::uuid[])`.execute(system);
  return new Map(rows.map((row) => [row.key, holderOf(row, "bearer")]));
}

/**
 * Agents that lost a credential since, and when: they themselves (`proof` is null), one of their bearers or certificates, or the
 * token they show each time.
 */
export async function findRevokedSince(
  system: Db,
  since: Date,
): Promise<{ agent_id: string; revoked_at: Date; proof: string | null }[]> {
  const { rows } = await sql<{ agent_id: string; revoked_at: Date; proof: string | null }>`
    select id as agent_id, revoked_at, null as proof from agents where revoked_at >= ${since}
    union all
    select agent_id, revoked_at, id::text from bearers where revoked_at >= ${since}
    union all
    select agent_id, revoked_at, serial from agent_certificates where revoked_at >= ${since}
    union all
    select a.id, t.revoked_at, t.id::text from enrolment_tokens t
      join agents a on a.enrolment_token_id = t.id and a.credential = 'token'
      where t.revoked_at >= ${since}
    union all
    select id, token_retired_at, enrolment_token_id::text from agents where token_retired_at >= ${since}`.execute(
    system,
  );
  return rows;
}

function holderOf(row: HolderRow, credential: "certificate" | "bearer"): Holder {
  return {
    identity: {
      agent_id: row.agent_id,
      organization_id: row.organization_id,
      site_id: row.site_id,
      name: row.name,
      credential,
    },
    problem:
      row.agent_revoked_at !== null
        ? `The agent ${row.name} was revoked at ${row.agent_revoked_at.toISOString()}.`
        : row.credential_revoked_at !== null
          ? `This ${credential} was revoked at ${row.credential_revoked_at.toISOString()}.`
          : null,
  };
}
