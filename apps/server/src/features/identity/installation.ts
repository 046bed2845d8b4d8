import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { actorRef, inSystemTransaction, newId, type Base, type Tx } from "../../platform/context.ts";
import { readFolderId } from "../../platform/data-folder.ts";
import { systemActor } from "../../platform/system-actor.ts";
import { hashSecret, secretMatches } from "../../platform/secrets/secrets.ts";
import { record } from "../audit/audit.ts";
import { ensureDefaultPolicy } from "../policies/default.ts";
import { ensureUser, findApiToken } from "./store.ts";
import { newTokenSecret, readApiToken, writeApiToken } from "./token.ts";

/** A name that reaches nobody (RFC 6761), in the form of an address that every check of addresses takes. */
export const OWNER_EMAIL = "owner@flowplane.localhost";
const FIRST_ORGANIZATION = "Default";
const FIRST_SITE = "default";
/** Any number of servers may start at once on one database. */
const INSTALLATION_LOCK = 0x666c6f78;
/** How older versions named the key in `admin.key`. */
const NAMED_BY_HOST = /^admin\.key on \S+$/;

export interface Installation {
  /** The first organization, which the local owner and the admin key belong to. */
  readonly organization_id: string;
  /** Its first site: where the local site agent goes. */
  readonly site_id: string;
  readonly owner: { readonly user_id: string; readonly email: string };
  readonly adminKeyFile: string;
}

/**
 * Makes sure there is an organization with a site, an owner and the local owner's key (`admin.key` in the data folder, 0600).
 * It does nothing where all is there, so every start calls it, several at once too. A key that is missing,
 * unreadable or no longer valid is made anew, and the data folder's former one revoked; keys of other data folders over the same
 * database stay.
 */
export async function ensureInstallation(base: Base): Promise<Installation> {
  const ctx = { ...base, actor: systemActor(""), requestId: "start", remoteAddress: null };
  return inSystemTransaction(ctx, async (ctx) => {
    await sql`select pg_advisory_xact_lock(${INSTALLATION_LOCK})`.execute(ctx.db);
    const found = await findInstallation(ctx);
    const installation = found ?? (await createInstallation(ctx));
    await ensurePolicies(ctx);
    await ensureAdminKey(
      { ...ctx, actor: systemActor(installation.organization_id) },
      installation.adminKeyFile,
    );
    return installation;
  });
}

async function findInstallation(ctx: Tx): Promise<Installation | undefined> {
  const organization = await ctx.db
    .selectFrom("organizations")
    .select("id")
    .orderBy("created_at")
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  if (organization === undefined) return undefined;
  const site = await ctx.db
    .selectFrom("sites")
    .select("id")
    .where("organization_id", "=", organization.id)
    .orderBy("created_at")
    .orderBy("id")
    .limit(1)
    .executeTakeFirstOrThrow();
  const owner = await ctx.db
    .selectFrom("memberships")
    .innerJoin("auth_users", "auth_users.id", "memberships.user_id")
    .select(["user_id", "email"])
    .where("organization_id", "=", organization.id)
    .where("role", "=", "owner")
    .orderBy("memberships.created_at")
    .orderBy("user_id")
    .limit(1)
    .executeTakeFirstOrThrow();
  return { organization_id: organization.id, site_id: site.id, owner, adminKeyFile: adminKeyFile(ctx) };
}

async function createInstallation(ctx: Tx): Promise<Installation> {
  const [organizationId, siteId] = [newId(), newId()];
  await ctx.db.insertInto("organizations").values({ id: organizationId, name: FIRST_ORGANIZATION }).execute();
  await ctx.db
    .insertInto("sites")
    .values({ id: siteId, organization_id: organizationId, name: FIRST_SITE, environment: "production" })
    .execute();
  const owner = await ensureUser(ctx.db, newId(), OWNER_EMAIL, "Owner");
  await ctx.db
    .insertInto("memberships")
    .values({ organization_id: organizationId, user_id: owner.id, role: "owner" })
    .execute();
  record(
    { ...ctx, actor: systemActor(organizationId) },
    {
      action: "organization.create",
      target_type: "organization",
      target_id: organizationId,
      metadata: { name: FIRST_ORGANIZATION, owner: owner.email },
    },
  );
  return {
    organization_id: organizationId,
    site_id: siteId,
    owner: { user_id: owner.id, email: owner.email },
    adminKeyFile: adminKeyFile(ctx),
  };
}

/** Organizations made before there were policies get theirs here. */
async function ensurePolicies(ctx: Tx): Promise<void> {
  const without = await ctx.db
    .selectFrom("organizations")
    .select("id")
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("policies")
            .select("policies.id")
            .whereRef("policies.organization_id", "=", "organizations.id")
            .where("is_default", "=", true),
        ),
      ),
    )
    .execute();
  for (const { id } of without) await ensureDefaultPolicy({ ...ctx, actor: systemActor(id) });
}

function adminKeyFile(ctx: Tx): string {
  return join(ctx.config.dataDir, "admin.key");
}

/** The file is written before the commit: should that fail, the next start finds a key that opens nothing and replaces it. */
async function ensureAdminKey(ctx: Tx, file: string): Promise<void> {
  // Several data folders of one host may use one database: a key is told from the others by its folder, not by its host.
  const folder = `(${readFolderId(ctx.config.dataDir)})`;
  const name = `admin.key on ${hostname()} ${folder}`;
  const valid = await findValidKey(ctx, file);
  if (valid !== undefined) {
    chmodSync(file, 0o600);
    // So that this folder, and no other, takes the key back should its file be lost.
    if (NAMED_BY_HOST.test(valid.name))
      await ctx.db.updateTable("api_tokens").set({ name }).where("id", "=", valid.id).execute();
    return;
  }
  const [id, secret, now] = [newId(), newTokenSecret(), new Date(ctx.now())];
  await ctx.db
    .updateTable("api_tokens")
    .set({ revoked_at: now })
    .where("organization_id", "=", ctx.actor.organization_id)
    .where("name", "like", `admin.key on % ${folder}`)
    .where("revoked_at", "is", null)
    .execute();
  await ctx.db
    .insertInto("api_tokens")
    .values({
      id,
      organization_id: ctx.actor.organization_id,
      name,
      role: "owner",
      secret_hash: hashSecret(secret),
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: now,
      expires_at: null,
      last_used_at: null,
      revoked_at: null,
    })
    .execute();
  record(ctx, {
    action: "api_token.create",
    target_type: "api_token",
    target_id: id,
    metadata: { name, role: "owner" },
  });
  mkdirSync(ctx.config.dataDir, { recursive: true, mode: 0o700 });
  const temporary = `${file}.${id}`;
  writeFileSync(temporary, `${writeApiToken({ id, secret })}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}

/** The key in the file, if it is there and opens something. */
async function findValidKey(ctx: Tx, file: string) {
  const token = readApiToken(readIfThere(file).trim());
  if (token === undefined) return undefined;
  const row = await findApiToken(ctx.db, token.id);
  const isValid =
    row !== undefined &&
    row.revoked_at === null &&
    (row.expires_at === null || row.expires_at.getTime() > ctx.now()) &&
    secretMatches(token.secret, row.secret_hash);
  return isValid ? row : undefined;
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw error;
  }
}
