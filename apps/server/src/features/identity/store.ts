import { sql, type Selectable, type Updateable } from "kysely";
import type { LaunchPolicy, Role } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

export type ApiTokenRow = Selectable<Database["api_tokens"]>;
export type UserRow = Selectable<Database["auth_users"]>;
export type MembershipRow = Selectable<Database["memberships"]>;
export interface SiteRow {
  readonly id: string;
  readonly name: string;
  readonly environment: string;
  readonly agents: number;
  readonly launch_policy: Partial<LaunchPolicy>;
  readonly detection_fallback_until: Date | null;
  readonly detection_fallback_reason: string | null;
  readonly created_at: Date;
}

// Read and written by the system role: before an organization is known, and what no organization owns.

export function findApiToken(db: Db, id: string) {
  return db
    .selectFrom("api_tokens")
    .innerJoin("organizations", "organizations.id", "api_tokens.organization_id")
    .select([
      "api_tokens.id",
      "api_tokens.name",
      "role",
      "secret_hash",
      "expires_at",
      "revoked_at",
      "organization_id",
    ])
    .where("api_tokens.id", "=", id)
    .executeTakeFirst();
}

export async function touchApiToken(db: Db, id: string, at: Date): Promise<void> {
  await db.updateTable("api_tokens").set({ last_used_at: at }).where("id", "=", id).execute();
}

export function findSession(db: Db, token: string) {
  return db
    .selectFrom("auth_sessions")
    .innerJoin("auth_users", "auth_users.id", "auth_sessions.user_id")
    .select(["user_id", "expires_at", "email", "name"])
    .where("token", "=", token)
    .executeTakeFirst();
}

/** Oldest first. */
export function membershipsOf(db: Db, userId: string) {
  return db
    .selectFrom("memberships")
    .innerJoin("organizations", "organizations.id", "memberships.organization_id")
    .select(["organizations.id", "organizations.name", "memberships.role"])
    .where("user_id", "=", userId)
    .orderBy("memberships.created_at")
    .orderBy("organizations.id")
    .execute();
}

export async function usersById(db: Db, ids: readonly string[]): Promise<Map<string, UserRow>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom("auth_users").selectAll().where("id", "in", ids).execute();
  return new Map(rows.map((row) => [row.id, row]));
}

/** The user of an address, made when there is none. Having a user is not being a member of anything. */
export async function ensureUser(db: Db, id: string, email: string, name: string): Promise<UserRow> {
  return (
    db
      .insertInto("auth_users")
      .values({ id, email, name, email_verified: true })
      // Assigns the row to itself, so that it is returned either way.
      .onConflict((conflict) => conflict.column("email").doUpdateSet({ email: sql`auth_users.email` }))
      .returningAll()
      .executeTakeFirstOrThrow()
  );
}

// Read and written inside an organization. Ids are UUIDv7, so their order is that of making.

export function listSites(db: Db, after: string | undefined, limit: number): Promise<SiteRow[]> {
  return db
    .selectFrom("sites")
    .select((select) => [
      "id",
      "name",
      "environment",
      "launch_policy",
      "detection_fallback_until",
      "detection_fallback_reason",
      "created_at",
      select
        .selectFrom("agents")
        .select((count) => count.fn.countAll<number>().as("count"))
        .whereRef("agents.site_id", "=", "sites.id")
        .as("agents"),
    ])
    .$if(after !== undefined, (query) => query.where("id", ">", after ?? ""))
    .orderBy("id")
    .limit(limit)
    .execute()
    .then((rows) => rows.map((row) => ({ ...row, agents: row.agents ?? 0 })));
}

/** The site, locked until the transaction ends. */
export function lockSite(db: Db, id: string) {
  return db.selectFrom("sites").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export async function updateSite(db: Db, id: string, patch: Updateable<Database["sites"]>): Promise<void> {
  await db.updateTable("sites").set(patch).where("id", "=", id).execute();
}

export async function isSiteNameTaken(db: Db, name: string, exceptId: string): Promise<boolean> {
  const row = await db
    .selectFrom("sites")
    .select("id")
    .where("name", "=", name)
    .where("id", "<>", exceptId)
    .executeTakeFirst();
  return row !== undefined;
}

export async function countAgentsOfSite(db: Db, id: string): Promise<number> {
  const row = await db
    .selectFrom("agents")
    .select((count) => count.fn.countAll<number>().as("count"))
    .where("site_id", "=", id)
    .executeTakeFirst();
  return row?.count ?? 0;
}

/** Undefined when the organization has a site of this name. */
export function insertSite(
  db: Db,
  site: { id: string; organization_id: string; name: string; environment: string },
) {
  return db
    .insertInto("sites")
    .values(site)
    .onConflict((conflict) => conflict.columns(["organization_id", "name"]).doNothing())
    .returningAll()
    .executeTakeFirst();
}

export function listMemberships(db: Db, after: string | undefined, limit: number): Promise<MembershipRow[]> {
  return db
    .selectFrom("memberships")
    .selectAll()
    .$if(after !== undefined, (query) => query.where("user_id", ">", after ?? ""))
    .orderBy("user_id")
    .limit(limit)
    .execute();
}

/** Locked until the transaction ends. */
export function lockMembership(db: Db, userId: string): Promise<MembershipRow | undefined> {
  return db
    .selectFrom("memberships")
    .selectAll()
    .where("user_id", "=", userId)
    .forUpdate()
    .executeTakeFirst();
}

/** Ids of all owners, oldest first; locked, so that two owners cannot remove each other at once. */
export async function lockOwners(db: Db): Promise<string[]> {
  const rows = await db
    .selectFrom("memberships")
    .select("user_id")
    .where("role", "=", "owner")
    .orderBy("created_at")
    .orderBy("user_id")
    .forUpdate()
    .execute();
  return rows.map((row) => row.user_id);
}

/** Undefined when they are a member already. */
export function insertMembership(
  db: Db,
  membership: { organization_id: string; user_id: string; role: Role },
): Promise<MembershipRow | undefined> {
  return db
    .insertInto("memberships")
    .values(membership)
    .onConflict((conflict) => conflict.columns(["organization_id", "user_id"]).doNothing())
    .returningAll()
    .executeTakeFirst();
}

export async function setMembershipRole(db: Db, userId: string, role: Role): Promise<void> {
  await db.updateTable("memberships").set({ role }).where("user_id", "=", userId).execute();
}

export async function deleteMembership(db: Db, userId: string): Promise<void> {
  await db.deleteFrom("memberships").where("user_id", "=", userId).execute();
}

export function listApiTokens(db: Db, after: string | undefined, limit: number): Promise<ApiTokenRow[]> {
  return db
    .selectFrom("api_tokens")
    .selectAll()
    .$if(after !== undefined, (query) => query.where("id", "<", after ?? ""))
    .orderBy("id", "desc")
    .limit(limit)
    .execute();
}

export function insertApiToken(
  db: Db,
  token: {
    id: string;
    organization_id: string;
    name: string;
    role: Role;
    secret_hash: Buffer;
    created_by: string;
    created_at: Date;
    expires_at: Date | null;
  },
): Promise<ApiTokenRow> {
  return db.insertInto("api_tokens").values(token).returningAll().executeTakeFirstOrThrow();
}

export function lockApiToken(db: Db, id: string): Promise<ApiTokenRow | undefined> {
  return db.selectFrom("api_tokens").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export async function revokeApiToken(db: Db, id: string, at: Date): Promise<void> {
  await db.updateTable("api_tokens").set({ revoked_at: at }).where("id", "=", id).execute();
}

export function organizationName(db: Db, id: string): Promise<string> {
  return db
    .selectFrom("organizations")
    .select("name")
    .where("id", "=", id)
    .executeTakeFirstOrThrow()
    .then((row) => row.name);
}
