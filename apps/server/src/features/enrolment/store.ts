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

/** The caller holds the token's lock and has seen that so many uses are left. */
export async function countUses(db: Db, id: string, uses: number): Promise<void> {
  await db
    .updateTable("enrolment_tokens")
    .set({ uses: sql<number>`uses + ${uses}` })
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

/**
 * Notes attempts of one token in their order; one that says the same as the newest of its agent and address only moves that
 * one's time. The same statements for one attempt and for hundreds.
 */
export async function noteAttempts(db: Db, tokenId: string, attempts: readonly NewAttempt[]): Promise<void> {
  const kept = await db
    .selectFrom("enrolment_attempts")
    .select(["id", "outcome", "detail", "agent_id", "remote_address"])
    .where("token_id", "=", tokenId)
    .orderBy("id", "desc")
    .limit(ATTEMPTS_PER_TOKEN_MAX)
    .execute();
  const newest = new Map<string, Pick<AttemptRow, "id" | "outcome" | "detail">>();
  for (const attempt of kept.toReversed()) newest.set(whoseAttempt(attempt), attempt);
  const moved = new Map<string, Date>();
  const added = new Map<string, NewAttempt>();
  for (const attempt of attempts) {
    const last = newest.get(whoseAttempt(attempt));
    if (last === undefined || last.outcome !== attempt.outcome || last.detail !== attempt.detail) {
      newest.set(whoseAttempt(attempt), attempt);
      added.set(attempt.id, attempt);
      continue;
    }
    const own = added.get(last.id);
    if (own === undefined) moved.set(last.id, attempt.at);
    else added.set(last.id, { ...own, at: attempt.at });
  }
  if (moved.size > 0)
    await sql`update enrolment_attempts set at = moved.at
      from unnest(${[...moved.keys()]}::uuid[], ${[...moved.values()]}::timestamptz[]) as moved(id, at)
      where enrolment_attempts.id = moved.id`.execute(db);
  if (added.size === 0) return;
  // What would be the oldest at once is not written at all.
  const rows = [...added.values()].slice(-ATTEMPTS_PER_TOKEN_MAX);
  await db.insertInto("enrolment_attempts").values(rows).execute();
  const oldest = db
    .selectFrom("enrolment_attempts")
    .select("id")
    .where("token_id", "=", tokenId)
    .orderBy("id", "desc")
    .offset(ATTEMPTS_PER_TOKEN_MAX)
    .limit(1);
  await db
    .deleteFrom("enrolment_attempts")
    .where("token_id", "=", tokenId)
    .where("id", "<=", oldest)
    .execute();
}

function whoseAttempt({ agent_id, remote_address }: Pick<AttemptRow, "agent_id" | "remote_address">): string {
  return `${agent_id ?? ""} ${remote_address ?? ""}`;
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

/** Agents by their id, locked in the order of their ids, in which everybody locks them. */
export async function lockAgents(db: Db, ids: readonly string[]): Promise<Map<string, AgentRow>> {
  const rows = await db
    .selectFrom("agents")
    .selectAll()
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .orderBy("id")
    .forUpdate()
    .execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** Agents by their uid, locked in the order of their ids, in which everybody locks them. */
export async function lockAgentsByUid(
  db: Db,
  organizationId: string,
  uids: readonly string[],
): Promise<Map<string, AgentRow>> {
  const rows = await db
    .selectFrom("agents")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where(sql<boolean>`instance_uid = any(${uids}::uuid[])`)
    .orderBy("id")
    .forUpdate()
    .execute();
  return new Map(rows.flatMap((row) => (row.instance_uid === null ? [] : [[row.instance_uid, row]])));
}

/** Certificates long past are forgotten when the agent gets its next one. */
const CERTIFICATE_MEMORY_MS = 30 * 86_400_000;

export async function insertCertificates(
  db: Db,
  rows: readonly Insertable<Database["agent_certificates"]>[],
  now: number,
): Promise<void> {
  if (rows.length === 0) return;
  await db.insertInto("agent_certificates").values(rows).execute();
  await db
    .deleteFrom("agent_certificates")
    .where(sql<boolean>`agent_id = any(${rows.map(({ agent_id }) => agent_id)}::uuid[])`)
    .where("not_after", "<", new Date(now - CERTIFICATE_MEMORY_MS))
    .execute();
}

/** How many certificates these agents were issued since then; those without any are absent. */
export async function countCertificatesSince(
  db: Db,
  agentIds: readonly string[],
  since: Date,
): Promise<Map<string, number>> {
  const rows = await db
    .selectFrom("agent_certificates")
    .select(["agent_id", sql<number>`count(*)::int`.as("count")])
    .where(sql<boolean>`agent_id = any(${agentIds}::uuid[])`)
    .where("not_before", ">=", since)
    .groupBy("agent_id")
    .execute();
  return new Map(rows.map(({ agent_id, count }) => [agent_id, count]));
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
