import type { Insertable, Selectable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";

export type DraftRow = Selectable<Database["configuration_drafts"]>;

export async function findDraft(
  db: Db,
  configurationId: string,
  userId: string,
): Promise<DraftRow | undefined> {
  return db
    .selectFrom("configuration_drafts")
    .selectAll()
    .where("configuration_id", "=", configurationId)
    .where("user_id", "=", userId)
    .executeTakeFirst();
}

/** Drafts of everybody but one person, the newest first; without their texts. */
export async function listOtherDrafts(
  db: Db,
  configurationId: string,
  exceptUserId: string,
  limit: number,
): Promise<Pick<DraftRow, "user_name" | "based_on" | "updated_at">[]> {
  return db
    .selectFrom("configuration_drafts")
    .select(["user_name", "based_on", "updated_at"])
    .where("configuration_id", "=", configurationId)
    .where("user_id", "<>", exceptUserId)
    .orderBy("updated_at", "desc")
    .orderBy("user_id")
    .limit(limit)
    .execute();
}

/** Of the transaction's organization. */
export async function countDrafts(db: Db): Promise<number> {
  const { drafts } = await db
    .selectFrom("configuration_drafts")
    .select(({ fn }) => fn.countAll<string>().as("drafts"))
    .executeTakeFirstOrThrow();
  return Number(drafts);
}

/** Puts it in the place of the one that the person had. */
export async function putDraft(db: Db, draft: Insertable<Database["configuration_drafts"]>): Promise<void> {
  const { body, overlays, based_on, revision, updated_at, user_name } = draft;
  await db
    .insertInto("configuration_drafts")
    .values(draft)
    .onConflict((conflict) =>
      conflict
        .columns(["configuration_id", "user_id"])
        .doUpdateSet({ body, overlays, based_on, revision, updated_at, user_name }),
    )
    .execute();
}

/** False when there was none, or, where a revision is given, when it was changed since. */
export async function deleteDraft(
  db: Db,
  configurationId: string,
  userId: string,
  revision?: number,
): Promise<boolean> {
  let query = db
    .deleteFrom("configuration_drafts")
    .where("configuration_id", "=", configurationId)
    .where("user_id", "=", userId);
  if (revision !== undefined) query = query.where("revision", "=", revision);
  return (await query.executeTakeFirst()).numDeletedRows > 0n;
}

/** Everybody's of one configuration. */
export async function deleteDrafts(db: Db, configurationId: string): Promise<void> {
  await db.deleteFrom("configuration_drafts").where("configuration_id", "=", configurationId).execute();
}
