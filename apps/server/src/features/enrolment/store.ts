import type { Insertable, Selectable } from "kysely";
import { sql } from "kysely";
import type { Database } from "../../platform/storage/schema.ts";
import type { AgentRow } from "../fleet/agents.ts";
import type { Db } from "../../platform/storage/database.ts";

export type TokenRow = Selectable<Database["enrolment_tokens"]>;
export type AttemptRow = Selectable<Database["enrolment_attempts"]>;
export type BearerRow = Selectable<Database["bearers"]>;

export function insertToken(db: Db, token: Insertable<Database["enrolment_tokens"]>): Promise<TokenRow> {
  return db.insertInto("enrolment_tokens").values(token).returningAll().executeTakeFirstOrThrow();
}

export function findToken(db: Db, id: string): Promise<TokenRow | undefined> {
  return db.selectFrom("enrolment_tokens").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Locks the token: whoever judges its use count holds this until the commit. */
export function lockToken(db: Db, id: string): Promise<TokenRow | undefined> {
  return db.selectFrom("enrolment_tokens").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

/** Over all organizations: nobody is known yet when a token is shown. */
export function findTokenByHash(system: Db, hash: Buffer): Promise<TokenRow | undefined> {
  return system.selectFrom("enrolment_tokens").selectAll().where("secret_hash", "=", hash).executeTakeFirst();
}

/** Newest first: ids are UUIDv7, so their order is that of making. */
export function listTokens(db: Db, after: string | undefined, limit: number): Promise<TokenRow[]> {
  let query = db.selectFrom("enrolment_tokens").selectAll();
  if (after !== undefined) query = query.where("id", "<", after);
  return query
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
}

export async function countUse(db: Db, id: string): Promise<void> {
  await db
    .updateTable("enrolment_tokens")
    .set({ uses: sql<number>`uses + 1` })
    .where("id", "=", id)
    .execute();
}

export async function revokeToken(db: Db, id: string, at: Date): Promise<void> {
  await db
    .updateTable("enrolment_tokens")
    .set({ revoked_at: at })
    .where("id", "=", id)
    .where("revoked_at", "is", null)
    .execute();
}

/** The agents that are let in by showing this very token each time. */
export async function agentsShowingToken(db: Db, tokenId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("agents")
    .select("id")
    .where("enrolment_token_id", "=", tokenId)
    .where("credential", "=", "token")
    .execute();
  return rows.map(({ id }) => id);
}

/** Attempts kept of one token; the oldest go. */
export const ATTEMPTS_PER_TOKEN_MAX = 200;

type NewAttempt = Pick<
  AttemptRow,
  | "id"
  | "organization_id"
  | "token_id"
  | "at"
  | "outcome"
  | "detail"
  | "agent_id"
  | "remote_address"
  | "hostname"
>;

/** Notes an attempt; one that says the same as the agent's newest only moves that one's time. */
export async function noteAttempt(db: Db, attempt: NewAttempt): Promise<void> {
  const last = await db
    .selectFrom("enrolment_attempts")
    .select(["id", "outcome", "detail"])
    .where("token_id", "=", attempt.token_id)
    .where("agent_id", "is not distinct from", attempt.agent_id)
    .where("remote_address", "is not distinct from", attempt.remote_address)
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
  if (last !== undefined && last.outcome === attempt.outcome && last.detail === attempt.detail) {
    await db.updateTable("enrolment_attempts").set({ at: attempt.at }).where("id", "=", last.id).execute();
    return;
  }
  await db.insertInto("enrolment_attempts").values(attempt).execute();
  const oldest = db
    .selectFrom("enrolment_attempts")
    .select("id")
    .where("token_id", "=", attempt.token_id)
    .orderBy("id", "desc")
    .offset(ATTEMPTS_PER_TOKEN_MAX)
    .limit(1);
  await db
    .deleteFrom("enrolment_attempts")
    .where("token_id", "=", attempt.token_id)
    .where("id", "<=", oldest)
    .execute();
}

export function listAttempts(
  db: Db,
  tokenId: string,
  before: string | undefined,
  limit: number,
): Promise<AttemptRow[]> {
  let query = db.selectFrom("enrolment_attempts").selectAll().where("token_id", "=", tokenId);
  if (before !== undefined) query = query.where("id", "<", before);
  return query
    .orderBy("id", "desc")
    .limit(limit + 1)
    .execute();
}

export function findFirstSite(db: Db): Promise<{ id: string } | undefined> {
  return db.selectFrom("sites").select("id").orderBy("created_at").orderBy("id").limit(1).executeTakeFirst();
}

export function findSite(db: Db, id: string): Promise<{ id: string } | undefined> {
  return db.selectFrom("sites").select("id").where("id", "=", id).executeTakeFirst();
}

export function findAgent(db: Db, id: string): Promise<AgentRow | undefined> {
  return db.selectFrom("agents").selectAll().where("id", "=", id).executeTakeFirst();
}

export function lockAgent(db: Db, id: string): Promise<AgentRow | undefined> {
  return db.selectFrom("agents").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export function lockAgentByUid(db: Db, organizationId: string, uid: string): Promise<AgentRow | undefined> {
  return db
    .selectFrom("agents")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where("instance_uid", "=", uid)
    .forUpdate()
    .executeTakeFirst();
}

/** Certificates long past are forgotten when the agent gets its next one. */
const CERTIFICATE_MEMORY_MS = 30 * 86_400_000;

export async function insertCertificate(
  db: Db,
  row: Insertable<Database["agent_certificates"]>,
  now: number,
): Promise<void> {
  await db.insertInto("agent_certificates").values(row).execute();
  await db
    .deleteFrom("agent_certificates")
    .where("agent_id", "=", row.agent_id)
    .where("not_after", "<", new Date(now - CERTIFICATE_MEMORY_MS))
    .execute();
}

export async function countCertificatesSince(db: Db, agentId: string, since: Date): Promise<number> {
  const { count } = await db
    .selectFrom("agent_certificates")
    .select(sql<number>`count(*)::int`.as("count"))
    .where("agent_id", "=", agentId)
    .where("not_before", ">=", since)
    .executeTakeFirstOrThrow();
  return count;
}

export async function revokeCertificates(db: Db, agentId: string, at: Date, reason: string): Promise<void> {
  await db
    .updateTable("agent_certificates")
    .set({ revoked_at: at, revoked_reason: reason })
    .where("agent_id", "=", agentId)
    .where("revoked_at", "is", null)
    .where("not_after", ">", at)
    .execute();
}

/** Everything the revocation list must name, of all organizations: the authority is the installation's. */
export function listRevokedCertificates(
  system: Db,
  now: Date,
): Promise<{ serial: string; revoked_at: Date }[]> {
  return system
    .selectFrom("agent_certificates")
    .select(["serial", "revoked_at"])
    .where("revoked_at", "is not", null)
    .where("not_after", ">", now)
    .orderBy("revoked_at")
    .$narrowType<{ revoked_at: Date }>()
    .execute();
}

export function insertBearer(db: Db, row: Insertable<Database["bearers"]>): Promise<BearerRow> {
  return db.insertInto("bearers").values(row).returningAll().executeTakeFirstOrThrow();
}

export function lockBearer(db: Db, id: string): Promise<BearerRow | undefined> {
  return db.selectFrom("bearers").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export async function revokeBearer(db: Db, id: string, at: Date): Promise<void> {
  await db.updateTable("bearers").set({ revoked_at: at }).where("id", "=", id).execute();
}

export async function revokeBearersOf(db: Db, agentId: string, at: Date): Promise<void> {
  await db
    .updateTable("bearers")
    .set({ revoked_at: at })
    .where("agent_id", "=", agentId)
    .where("revoked_at", "is", null)
    .execute();
}

/** Newest first, by their ids. */
export function listBearers(
  db: Db,
  after: string | undefined,
  limit: number,
): Promise<(BearerRow & { agent_name: string })[]> {
  let query = db
    .selectFrom("bearers")
    .innerJoin("agents", "agents.id", "bearers.agent_id")
    .selectAll("bearers")
    .select("agents.name as agent_name");
  if (after !== undefined) query = query.where("bearers.id", "<", after);
  return query
    .orderBy("bearers.id", "desc")
    .limit(limit + 1)
    .execute();
}
