import type { Insertable, Selectable, Updateable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { containing } from "../../platform/storage/names.ts";

export type ConfigurationRow = Selectable<Database["configurations"]>;
export type VersionRow = Selectable<Database["configuration_versions"]>;
export type ShownConfigurationRow = ConfigurationRow &
  Pick<VersionRow, "hash" | "warnings"> & { readonly drafts: string };
/** Lists do not read the texts. */
export type ListedVersionRow = Omit<VersionRow, "body" | "overlays">;

const LISTED = [
  "configuration_id",
  "version",
  "organization_id",
  "hash",
  "bytes",
  "warnings",
  "message",
  "created_by",
  "created_at",
] as const;

/** False when another configuration that is not archived has the name. */
export async function insertConfiguration(
  db: Db,
  configuration: Insertable<Database["configurations"]>,
  version: Insertable<Database["configuration_versions"]>,
): Promise<boolean> {
  const row = await db
    .insertInto("configurations")
    .values(configuration)
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
  if (row === undefined) return false;
  await insertVersion(db, version);
  return true;
}

export async function insertVersion(
  db: Db,
  version: Insertable<Database["configuration_versions"]>,
): Promise<void> {
  await db.insertInto("configuration_versions").values(version).execute();
}

export async function updateConfiguration(
  db: Db,
  id: string,
  patch: Updateable<Database["configurations"]>,
): Promise<void> {
  await db.updateTable("configurations").set(patch).where("id", "=", id).execute();
}

/** Locked until the transaction ends, so that two versions never get one number. */
export async function lockConfiguration(db: Db, id: string): Promise<ConfigurationRow | undefined> {
  return db.selectFrom("configurations").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

/** Archived ones are found, too: their versions stay readable. */
export async function findConfiguration(db: Db, id: string): Promise<ShownConfigurationRow | undefined> {
  return shown(db).where("configurations.id", "=", id).executeTakeFirst();
}

/** `limit` live configurations by name, behind a name and id. */
export async function listConfigurations(
  db: Db,
  page: { words: string | undefined; after: readonly [string, string] | undefined; limit: number },
): Promise<ShownConfigurationRow[]> {
  let query = shown(db).where("configurations.archived_at", "is", null);
  if (page.words !== undefined) query = query.where("configurations.name", "ilike", containing(page.words));
  if (page.after !== undefined) {
    const [name, id] = page.after;
    query = query.where(({ eb, refTuple, tuple }) =>
      eb(refTuple("configurations.name", "configurations.id"), ">", tuple(name, id)),
    );
  }
  return query.orderBy("configurations.name").orderBy("configurations.id").limit(page.limit).execute();
}

export async function findVersion(db: Db, id: string, version: number): Promise<VersionRow | undefined> {
  return db
    .selectFrom("configuration_versions")
    .selectAll()
    .where("configuration_id", "=", id)
    .where("version", "=", version)
    .executeTakeFirst();
}

/** `limit` versions below one, newest first. */
export async function listVersions(
  db: Db,
  id: string,
  below: number | undefined,
  limit: number,
): Promise<ListedVersionRow[]> {
  let query = db.selectFrom("configuration_versions").select(LISTED).where("configuration_id", "=", id);
  if (below !== undefined) query = query.where("version", "<", below);
  return query.orderBy("version", "desc").limit(limit).execute();
}

function shown(db: Db) {
  return db
    .selectFrom("configurations")
    .innerJoin("configuration_versions", (join) =>
      join
        .onRef("configuration_versions.configuration_id", "=", "configurations.id")
        .onRef("configuration_versions.version", "=", "configurations.current_version"),
    )
    .selectAll("configurations")
    .select(["configuration_versions.hash", "configuration_versions.warnings"])
    .select(({ selectFrom }) =>
      selectFrom("configuration_drafts")
        .select(({ fn }) => fn.countAll<string>().as("drafts"))
        .whereRef("configuration_drafts.configuration_id", "=", "configurations.id")
        .$asScalar()
        .$notNull()
        .as("drafts"),
    );
}
