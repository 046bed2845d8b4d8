import type { Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

export type SecretRow = Selectable<Database["secrets"]>;
/** A secret without its value. */
export type ShownSecretRow = Omit<SecretRow, "value_sealed" | "organization_id">;

const SHOWN_COLUMNS = ["name", "site_id", "created_by", "created_at", "updated_at", "last_used_at"] as const;

/** By name; `limit` rows behind `after`. */
export function listSecretRows(db: Db, after: string | undefined, limit: number): Promise<ShownSecretRow[]> {
  return db
    .selectFrom("secrets")
    .select(SHOWN_COLUMNS)
    .$if(after !== undefined, (query) => query.where("name", ">", after ?? ""))
    .orderBy("name")
    .limit(limit)
    .execute();
}

export function findSecret(db: Db, name: string): Promise<ShownSecretRow | undefined> {
  return db.selectFrom("secrets").select(SHOWN_COLUMNS).where("name", "=", name).executeTakeFirst();
}

/** Stores a secret or replaces its value and site; who first stored it stays. */
export function putSecretRow(
  db: Db,
  secret: {
    organization_id: string;
    name: string;
    site_id: string | null;
    value_sealed: Buffer;
    created_by: string;
    at: Date;
  },
): Promise<ShownSecretRow> {
  const { at, ...values } = secret;
  return db
    .insertInto("secrets")
    .values({ ...values, created_at: at, updated_at: at, last_used_at: null })
    .onConflict((conflict) =>
      conflict
        .columns(["organization_id", "name"])
        .doUpdateSet({ value_sealed: secret.value_sealed, site_id: secret.site_id, updated_at: at }),
    )
    .returning(SHOWN_COLUMNS)
    .executeTakeFirstOrThrow();
}

export async function deleteSecretRow(db: Db, name: string): Promise<boolean> {
  const rows = await db.deleteFrom("secrets").where("name", "=", name).returning("name").execute();
  return rows.length > 0;
}

/** Secrets with their sealed values; those that are not there are left out. */
export async function readSecretRows(
  db: Db,
  names: readonly string[],
): Promise<Pick<SecretRow, "name" | "site_id" | "value_sealed">[]> {
  if (names.length === 0) return [];
  return db
    .selectFrom("secrets")
    .select(["name", "site_id", "value_sealed"])
    .where("name", "in", [...names])
    .execute();
}

/** With `unless`, only those not used since then. */
export async function touchSecrets(db: Db, names: readonly string[], at: Date, unless?: Date): Promise<void> {
  if (names.length === 0) return;
  await db
    .updateTable("secrets")
    .set({ last_used_at: at })
    .where("name", "in", [...names])
    .$if(unless !== undefined, (query) =>
      query.where((eb) => eb.or([eb("last_used_at", "is", null), eb("last_used_at", "<", unless ?? at)])),
    )
    .execute();
}

export async function siteExists(db: Db, id: string): Promise<boolean> {
  return (await db.selectFrom("sites").select("id").where("id", "=", id).executeTakeFirst()) !== undefined;
}
