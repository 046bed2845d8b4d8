import { sql, type Insertable, type Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

export type ViewRow = Selectable<Database["agent_views"]>;

export async function listViews(db: Db, userId: string, limit: number): Promise<ViewRow[]> {
  return db
    .selectFrom("agent_views")
    .selectAll()
    .where("user_id", "=", userId)
    .orderBy(sql`lower(name)`)
    .orderBy("name")
    .limit(limit)
    .execute();
}

export async function findView(db: Db, userId: string, id: string): Promise<ViewRow | undefined> {
  return db
    .selectFrom("agent_views")
    .selectAll()
    .where("user_id", "=", userId)
    .where("id", "=", id)
    .executeTakeFirst();
}

export async function findViewByName(db: Db, userId: string, name: string): Promise<ViewRow | undefined> {
  return db
    .selectFrom("agent_views")
    .selectAll()
    .where("user_id", "=", userId)
    .where("name", "=", name)
    .executeTakeFirst();
}

export async function countViews(db: Db, userId: string): Promise<number> {
  const { count } = await db
    .selectFrom("agent_views")
    .select(({ fn }) => fn.countAll<string>().as("count"))
    .where("user_id", "=", userId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function putView(db: Db, view: Insertable<Database["agent_views"]>): Promise<ViewRow> {
  return db
    .insertInto("agent_views")
    .values(view)
    .onConflict((conflict) =>
      conflict
        .columns(["organization_id", "user_id", "id"])
        .doUpdateSet({ name: view.name, search: view.search, updated_at: view.updated_at }),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
}

export async function deleteView(db: Db, userId: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom("agent_views")
    .where("user_id", "=", userId)
    .where("id", "=", id)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}
