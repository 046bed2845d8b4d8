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
