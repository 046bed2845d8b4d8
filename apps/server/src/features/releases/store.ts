import { sql, type Insertable, type Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import { containing } from "../../platform/storage/names.ts";
import type { Database } from "../../platform/storage/schema.ts";

export type PackageRow = Selectable<Database["packages"]>;
export type ReleaseRow = Selectable<Database["releases"]>;
export type FileRow = Selectable<Database["release_files"]>;
export interface ShownPackageRow extends PackageRow {
  readonly releases: number;
  readonly newest_version: string | null;
  readonly agents: number;
  readonly installed: number;
  readonly failed: number;
}
export interface ShownReleaseRow extends ReleaseRow {
  readonly agents: number;
}

/** False when another one has the name. */
export async function insertPackage(db: Db, row: Insertable<Database["packages"]>): Promise<boolean> {
  const made = await db
    .insertInto("packages")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
  return made !== undefined;
}

/** `limit` packages by name, behind a name. */
export function listPackages(
  db: Db,
  page: { words: string | undefined; after: string | undefined; limit: number },
): Promise<ShownPackageRow[]> {
  let query = shownPackages(db);
  if (page.words !== undefined) query = query.where("packages.name", "ilike", containing(page.words));
  if (page.after !== undefined) query = query.where("packages.name", ">", page.after);
  return query.orderBy("packages.name").limit(page.limit).execute();
}

export function findPackage(db: Db, id: string): Promise<ShownPackageRow | undefined> {
  return shownPackages(db).where("packages.id", "=", id).executeTakeFirst();
}

/** Locked until the transaction ends: what is deleted is given to nobody meanwhile, and the count of its releases stands. */
export function lockPackage(db: Db, id: string): Promise<PackageRow | undefined> {
  return db.selectFrom("packages").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export async function deletePackage(db: Db, id: string): Promise<void> {
  await db.deleteFrom("packages").where("id", "=", id).execute();
}

/** False when the package has a release of that version. */
export async function insertRelease(db: Db, row: Insertable<Database["releases"]>): Promise<boolean> {
  const made = await db
    .insertInto("releases")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
  return made !== undefined;
}

export async function countReleases(db: Db, packageId: string): Promise<number> {
  const { count } = await db
    .selectFrom("releases")
    .select(({ fn }) => fn.countAll<number>().as("count"))
    .where("package_id", "=", packageId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Newest first. */
export function listReleases(db: Db, packageId: string): Promise<ShownReleaseRow[]> {
  return shownReleases(db).where("package_id", "=", packageId).orderBy("releases.id", "desc").execute();
}

export function findRelease(db: Db, packageId: string, id: string): Promise<ShownReleaseRow | undefined> {
  return shownReleases(db).where("package_id", "=", packageId).where("id", "=", id).executeTakeFirst();
}

/** Locked until the transaction ends, so that nothing is added to it while it is published. */
export function lockRelease(db: Db, packageId: string, id: string): Promise<ReleaseRow | undefined> {
  return db
    .selectFrom("releases")
    .selectAll()
    .where("package_id", "=", packageId)
    .where("id", "=", id)
    .forUpdate()
    .executeTakeFirst();
}

export async function setPublished(db: Db, id: string, at: Date): Promise<void> {
  await db.updateTable("releases").set({ published_at: at }).where("id", "=", id).execute();
}

export async function deleteRelease(db: Db, id: string): Promise<void> {
  await db.deleteFrom("releases").where("id", "=", id).execute();
}

/** In the order of platforms. */
export function listFiles(db: Db, releaseIds: readonly string[]): Promise<FileRow[]> {
  if (releaseIds.length === 0) return Promise.resolve([]);
  return db
    .selectFrom("release_files")
    .selectAll()
    .where("release_id", "in", [...releaseIds])
    .orderBy("release_id")
    .orderBy("os")
    .orderBy("arch")
    .execute();
}

export function insertFile(db: Db, row: Insertable<Database["release_files"]>): Promise<FileRow> {
  return db.insertInto("release_files").values(row).returningAll().executeTakeFirstOrThrow();
}

export async function deleteFile(db: Db, id: string): Promise<void> {
  await db.deleteFrom("release_files").where("id", "=", id).execute();
}

export function setSignature(
  db: Db,
  releaseId: string,
  id: string,
  signature: Buffer,
): Promise<FileRow | undefined> {
  return db
    .updateTable("release_files")
    .set({ signature })
    .where("release_id", "=", releaseId)
    .where("id", "=", id)
    .returningAll()
    .executeTakeFirst();
}

/** Those of these files that the database knows, of whatever organization. */
export async function findKnownFiles(system: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await system
    .selectFrom("release_files")
    .select("id")
    .where("id", "in", [...ids])
    .execute();
  return new Set(rows.map(({ id }) => id));
}

function shownPackages(db: Db) {
  const reported = (isOf: ReturnType<typeof sql>) =>
    sql<number>`(select count(*)::int from reported_packages r
      where r.organization_id = packages.organization_id and r.name = packages.name and ${isOf})`;
  return db
    .selectFrom("packages")
    .selectAll("packages")
    .select([
      sql<number>`(select count(*)::int from releases where package_id = packages.id)`.as("releases"),
      sql<string | null>`(select version from releases
        where package_id = packages.id and published_at is not null order by id desc limit 1)`.as(
        "newest_version",
      ),
      sql<number>`(select count(*)::int from package_set_releases where package_id = packages.id)`.as(
        "agents",
      ),
      reported(sql`r.has_version <> ''`).as("installed"),
      reported(sql`r.status = 'install_failed'`).as("failed"),
    ]);
}

function shownReleases(db: Db) {
  return db
    .selectFrom("releases")
    .selectAll()
    .select(
      sql<number>`(select count(*)::int from package_set_releases s
        where s.package_id = releases.package_id and s.release_id = releases.id)`.as("agents"),
    );
}
