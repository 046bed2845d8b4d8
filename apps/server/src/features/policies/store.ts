import { sql, type Insertable, type Selectable, type Updateable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

export type PolicyRow = Selectable<Database["policies"]>;
export type PolicyVersionRow = Selectable<Database["policy_versions"]>;
export type ShownPolicyRow = PolicyRow & {
  readonly document: PolicyVersionRow["document"];
  readonly runs_30d: number;
  readonly incidents_30d: number;
};

/** Uses of a policy are counted up to here; nobody reads further, and the list stays quick. */
export const USES_COUNTED_MAX = 10_000;
const MONTH_MS = 30 * 24 * 3_600_000;

/** False when another policy that is not archived has the name, or is the default already. */
export async function insertPolicy(
  db: Db,
  policy: Insertable<Database["policies"]>,
  version: Insertable<Database["policy_versions"]>,
): Promise<boolean> {
  const row = await db
    .insertInto("policies")
    .values(policy)
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
  if (row === undefined) return false;
  await insertPolicyVersion(db, version);
  return true;
}

export async function insertPolicyVersion(
  db: Db,
  version: Insertable<Database["policy_versions"]>,
): Promise<void> {
  await db.insertInto("policy_versions").values(version).execute();
}

export async function updatePolicy(
  db: Db,
  id: string,
  patch: Updateable<Database["policies"]>,
): Promise<void> {
  await db.updateTable("policies").set(patch).where("id", "=", id).execute();
}

/** The policy, archived or not, locked until the transaction ends. */
export async function lockPolicy(db: Db, id: string): Promise<PolicyRow | undefined> {
  return db.selectFrom("policies").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export async function findPolicy(db: Db, id: string): Promise<PolicyRow | undefined> {
  return db.selectFrom("policies").selectAll().where("id", "=", id).executeTakeFirst();
}

/** The organization is named, for the system role sees the defaults of all. */
export async function findDefaultPolicy(db: Db, organizationId: string): Promise<PolicyRow | undefined> {
  return db
    .selectFrom("policies")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .where("is_default", "=", true)
    .executeTakeFirst();
}

/** Nobody else is the default from now on; to be called before another one becomes it. */
export async function clearDefault(db: Db, organizationId: string, now: Date): Promise<void> {
  await db
    .updateTable("policies")
    .set({ is_default: false, updated_at: now })
    .where("organization_id", "=", organizationId)
    .where("is_default", "=", true)
    .execute();
}

export async function findShownPolicy(db: Db, id: string, now: number): Promise<ShownPolicyRow | undefined> {
  return shown(db, now).where("policies.id", "=", id).executeTakeFirst();
}

/** `limit` policies in the order in which they were made, behind one. */
export async function listPolicies(
  db: Db,
  after: string | undefined,
  limit: number,
  now: number,
): Promise<ShownPolicyRow[]> {
  let query = shown(db, now);
  if (after !== undefined) query = query.where("policies.id", ">", after);
  return query.orderBy("policies.id").limit(limit).execute();
}

export async function findPolicyVersion(
  db: Db,
  policyId: string,
  version: number,
): Promise<PolicyVersionRow | undefined> {
  return db
    .selectFrom("policy_versions")
    .selectAll()
    .where("policy_id", "=", policyId)
    .where("version", "=", version)
    .executeTakeFirst();
}

/** `limit` versions below one, newest first. */
export async function listPolicyVersions(
  db: Db,
  policyId: string,
  below: number | undefined,
  limit: number,
): Promise<PolicyVersionRow[]> {
  let query = db.selectFrom("policy_versions").selectAll().where("policy_id", "=", policyId);
  if (below !== undefined) query = query.where("version", "<", below);
  return query.orderBy("version", "desc").limit(limit).execute();
}

/** Names of jobs that use a policy, a few. */
export async function jobsUsing(db: Db, policyId: string, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom("jobs")
    .select("name")
    .where("policy_id", "=", policyId)
    .where("archived_at", "is", null)
    .orderBy("name")
    .limit(limit)
    .execute();
  return rows.map(({ name }) => name);
}

function shown(db: Db, now: number) {
  const since = new Date(now - MONTH_MS);
  return db
    .selectFrom("policies")
    .innerJoin("policy_versions", (join) =>
      join
        .onRef("policy_versions.policy_id", "=", "policies.id")
        .onRef("policy_versions.version", "=", "policies.current_version"),
    )
    .where("policies.archived_at", "is", null)
    .selectAll("policies")
    .select([
      "policy_versions.document",
      sql<number>`(select count(*)::int from (select from runs where runs.policy_id = policies.id
        and runs.created_at > ${since} limit ${USES_COUNTED_MAX}) as used)`.as("runs_30d"),
      sql<number>`(select count(*)::int from (select from incidents where incidents.policy_id = policies.id
        and incidents.opened_at > ${since} limit ${USES_COUNTED_MAX}) as used)`.as("incidents_30d"),
    ]);
}
