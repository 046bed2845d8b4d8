import type { Db } from "./database.ts";

/** Whether another one of these that is not archived has the name. */
export async function isNameTaken(
  db: Db,
  table: "configurations" | "policies",
  name: string,
  exceptId: string,
): Promise<boolean> {
  const row = await db
    .selectFrom(table)
    .select("id")
    .where("name", "=", name)
    .where("archived_at", "is", null)
    .where("id", "<>", exceptId)
    .executeTakeFirst();
  return row !== undefined;
}

/** The pattern of `like` for texts that contain this one as it stands. */
export function containing(text: string): string {
  return `%${text.replace(/[\\%_]/g, "\\$&")}%`;
}
