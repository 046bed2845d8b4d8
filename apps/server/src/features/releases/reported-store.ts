import { sql, type Insertable, type Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

export type ReportedRow = Selectable<Database["reported_packages"]>;
export type AttemptRow = Selectable<Database["package_attempts"]>;
export type NewReported = Omit<Insertable<Database["reported_packages"]>, "organization_id">;
export type NewAttempt = Omit<AttemptRow, "organization_id">;

/** Puts what agents report in place of what they reported before; deleted agents are passed over. */
export async function replaceReported(
  db: Db,
  agentIds: readonly string[],
  rows: readonly NewReported[],
): Promise<void> {
  await db
    .deleteFrom("reported_packages")
    .where("agent_id", "in", [...agentIds])
    .execute();
  if (rows.length === 0) return;
  await sql`
    insert into reported_packages
      (organization_id, agent_id, name, has_version, offered_version, offered_hash, status, error, percent, bytes_per_second, reported_at)
    select a.organization_id, r.agent_id, r.name, r.has_version, r.offered_version, r.offered_hash, r.status, r.error, r.percent,
      r.bytes_per_second, r.reported_at
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(agent_id uuid, name text, has_version text, offered_version text,
      offered_hash text, status text, error text, percent real, bytes_per_second real, reported_at timestamptz)
    join agents a on a.id = r.agent_id`.execute(db);
}

/** Of each agent and package the newest attempt. */
export async function findNewestAttempts(db: Db, agentIds: readonly string[]): Promise<AttemptRow[]> {
  return db
    .selectFrom("package_attempts")
    .selectAll()
    .distinctOn(["agent_id", "name"])
    .where("agent_id", "in", [...agentIds])
    .orderBy("agent_id")
    .orderBy("name")
    .orderBy("id", "desc")
    .execute();
}

/** Writes attempts, new and known, and forgets the oldest of these agents beyond `keptMax`. */
export async function putAttempts(db: Db, rows: readonly NewAttempt[], keptMax: number): Promise<void> {
  if (rows.length === 0) return;
  await sql`
    insert into package_attempts (id, organization_id, agent_id, name, version, hash, status, error, started_at, status_at)
    select r.id, a.organization_id, r.agent_id, r.name, r.version, r.hash, r.status, r.error, r.started_at, r.status_at
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(id uuid, agent_id uuid, name text, version text, hash text, status text,
      error text, started_at timestamptz, status_at timestamptz)
    join agents a on a.id = r.agent_id
    on conflict (id) do update set status = excluded.status, error = excluded.error, status_at = excluded.status_at`.execute(
    db,
  );
  await sql`
    delete from package_attempts t using (
      select id, row_number() over (partition by agent_id order by id desc) as place from package_attempts
      where agent_id = any(${[...new Set(rows.map(({ agent_id }) => agent_id))]}::uuid[])
    ) o where t.id = o.id and o.place > ${keptMax}`.execute(db);
}

export function listReported(db: Db, agentId: string): Promise<ReportedRow[]> {
  return db
    .selectFrom("reported_packages")
    .selectAll()
    .where("agent_id", "=", agentId)
    .orderBy("name")
    .execute();
}

/** Newest first. */
export function listAttempts(db: Db, agentId: string): Promise<AttemptRow[]> {
  return db
    .selectFrom("package_attempts")
    .selectAll()
    .where("agent_id", "=", agentId)
    .orderBy("id", "desc")
    .execute();
}

/** What an agent said of its packages as a whole, and what was last sent to it; the hashes in hex. */
export async function findReport(
  db: Db,
  agentId: string,
): Promise<{ offered: string | null; sent: string | null; error: string } | undefined> {
  const { rows } = await sql<{ offered: string | null; sent: string | null; error: string }>`
    select package_statuses->>'server_provided_all_packages_hash' as offered,
      split_part(session->'sent'->>'packages', ' ', 1) as sent,
      coalesce(package_statuses->>'error_message', '') as error
    from agent_reports where agent_id = ${agentId}`.execute(db);
  return rows[0];
}
