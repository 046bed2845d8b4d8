import type { Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

export type VariableRow = Selectable<Database["variables"]>;

/** Values by name, those of sites and of the organization alike. */
export async function readVariableRows(
  db: Db,
  names: readonly string[],
): Promise<Pick<VariableRow, "name" | "site_id" | "value">[]> {
  if (names.length === 0) return [];
  return db
    .selectFrom("variables")
    .select(["name", "site_id", "value"])
    .where("name", "in", [...names])
    .execute();
}

/** By name, the organization's before those of its sites; `limit` rows behind a name and an id. */
export async function listVariableRows(
  db: Db,
  page: {
    after: readonly [string, string] | undefined;
    site: string | undefined;
    limit: number;
  },
): Promise<VariableRow[]> {
  let query = db.selectFrom("variables").selectAll();
  if (page.site !== undefined) query = query.where("site_id", "=", page.site);
  if (page.after !== undefined) {
    const [name, id] = page.after;
    query = query.where(({ eb, refTuple, tuple }) => eb(refTuple("name", "id"), ">", tuple(name, id)));
  }
  return query.orderBy("name").orderBy("id").limit(page.limit).execute();
}

export async function findVariable(
  db: Db,
  name: string,
  siteId: string | null,
): Promise<VariableRow | undefined> {
  return db
    .selectFrom("variables")
    .selectAll()
    .where("name", "=", name)
    .where("site_id", siteId === null ? "is" : "=", siteId)
    .executeTakeFirst();
}

export async function putVariableRow(
  db: Db,
  variable: {
    id: string;
    organization_id: string;
    site_id: string | null;
    name: string;
    value: string;
    created_by: string;
    updated_at: Date;
  },
): Promise<VariableRow> {
  return db
    .insertInto("variables")
    .values(variable)
    .onConflict((conflict) =>
      conflict
        .columns(["organization_id", "name", "site_id"])
        .doUpdateSet({ value: variable.value, updated_at: variable.updated_at }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteVariableRow(db: Db, id: string): Promise<void> {
  await db.deleteFrom("variables").where("id", "=", id).execute();
}

export async function siteExists(db: Db, id: string): Promise<boolean> {
  return (await db.selectFrom("sites").select("id").where("id", "=", id).executeTakeFirst()) !== undefined;
}
