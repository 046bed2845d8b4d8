import { sql, type Insertable, type Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

// The agents table is written by this feature alone: here for who an agent is, in status.ts for what it reports.

export type AgentRow = Selectable<Database["agents"]>;

export type NewAgent = Pick<
  Insertable<Database["agents"]>,
  "id" | "organization_id" | "site_id" | "kind" | "name" | "instance_uid" | "approval" | "labels"
> &
  Partial<Insertable<Database["agents"]>>;

/** A new agent. What is not given is as of one nobody has heard from. */
export function insertAgent(db: Db, agent: NewAgent): Promise<AgentRow> {
  return db
    .insertInto("agents")
    .values({ ...NO_AGENT, ...agent })
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** As `insertAgent`, for many in one statement. */
export async function insertAgents(db: Db, agents: readonly NewAgent[]): Promise<AgentRow[]> {
  if (agents.length === 0) return [];
  return db
    .insertInto("agents")
    .values(agents.map((agent) => ({ ...NO_AGENT, ...agent })))
    .returningAll()
    .execute();
}

/** Sets columns of one agent; which, and whether it may be, the caller has judged. */
export function setAgent(
  db: Db,
  id: string,
  change: Partial<Insertable<Database["agents"]>>,
): Promise<AgentRow> {
  return db.updateTable("agents").set(change).where("id", "=", id).returningAll().executeTakeFirstOrThrow();
}

/** Notes by which key these agents prove themselves, and until when, in one statement. */
export async function setCertified(
  db: Db,
  agents: readonly { id: string; public_key_hash: Buffer; certificate_expires_at: Date }[],
): Promise<void> {
  if (agents.length === 0) return;
  await sql`update agents set public_key_hash = given.hash, certificate_expires_at = given.expires_at
    from unnest(${agents.map(({ id }) => id)}::uuid[], ${agents.map((agent) => agent.public_key_hash)}::bytea[],
      ${agents.map((agent) => agent.certificate_expires_at)}::timestamptz[]) as given(id, hash, expires_at)
    where agents.id = given.id`.execute(db);
}

/** Columns of an agent nobody has heard from yet. */
const NO_AGENT = {
  version: null,
  os: null,
  hostname: null,
  healthy: null,
  health_status: null,
  health_at: null,
  settings_offered_at: null,
  sequence_num: null,
  message_digest: null,
  next_instance_uid: null,
  transport: null,
  credential: null,
  remote_address: null,
  reached_url: null,
  token_retired_at: null,
  connection_id: null,
  connected_at: null,
  disconnected_at: null,
  last_seen_at: null,
  enrolment_token_id: null,
  public_key_hash: null,
  certificate_expires_at: null,
  revoked_at: null,
  revoked_reason: null,
} as const;
