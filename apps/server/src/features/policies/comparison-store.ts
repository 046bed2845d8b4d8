import { sql, type Insertable, type Selectable, type Updateable } from "kysely";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { FEEDBACK_MAX } from "./limits.ts";

export type ComparisonRow = Selectable<Database["policy_comparisons"]>;

export async function insertComparison(
  db: Db,
  row: Insertable<Database["policy_comparisons"]>,
): Promise<void> {
  await db.insertInto("policy_comparisons").values(row).execute();
}

export async function findComparison(db: Db, id: string): Promise<ComparisonRow | undefined> {
  return db.selectFrom("policy_comparisons").selectAll().where("id", "=", id).executeTakeFirst();
}

export async function updateComparison(
  db: Db,
  id: string,
  patch: Updateable<Database["policy_comparisons"]>,
): Promise<void> {
  await db.updateTable("policy_comparisons").set(patch).where("id", "=", id).execute();
}

export async function countOpenComparisons(db: Db): Promise<number> {
  const row = await db
    .selectFrom("policy_comparisons")
    .select(sql<number>`count(*)::int`.as("count"))
    .where("state", "in", ["waiting", "running"])
    .executeTakeFirstOrThrow();
  return row.count;
}

/**
 * Newest ended runs with evidence: those that the policy was used on, or, when it was used on none, any. At most `limit`.
 */
export async function runsToCompare(
  db: Db,
  organizationId: string,
  policyId: string,
  since: Date,
  limit: number,
): Promise<string[]> {
  const newest = () =>
    db
      .selectFrom("runs")
      .select("id")
      .where("organization_id", "=", organizationId)
      .where("created_at", ">=", since)
      .where("ended_at", "is not", null)
      .where(({ exists, selectFrom }) =>
        exists(
          selectFrom("evidence_chunks")
            .select("evidence_chunks.run_id")
            .whereRef("evidence_chunks.run_id", "=", "runs.id"),
        ),
      )
      .orderBy("id", "desc")
      .limit(limit);
  const own = await newest().where("policy_id", "=", policyId).execute();
  const rows = own.length > 0 ? own : await newest().execute();
  return rows.map(({ id }) => id);
}

/** A past run, and whether somebody said that one of its incidents was wrong. */
export async function findPastRun(db: Db, id: string) {
  return db
    .selectFrom("runs")
    .select(["id", "name", "state", "created_at", "started_at", "ended_at"])
    .select(({ exists, selectFrom }) =>
      exists(
        selectFrom("incidents")
          .select("incidents.id")
          .whereRef("incidents.run_id", "=", "runs.id")
          .where(sql<boolean>`incidents.feedback->>'verdict' = 'wrong'`),
      ).as("was_wrong"),
    )
    .where("id", "=", id)
    .executeTakeFirst();
}

/** What people said about the incidents of a policy, newest first. */
export async function listFeedback(db: Db, policyId: string, since: Date) {
  return db
    .selectFrom("incidents")
    .select([
      "id",
      "category",
      "evidence",
      "policy_mode",
      sql<"right" | "wrong">`feedback->>'verdict'`.as("verdict"),
    ])
    .where("policy_id", "=", policyId)
    .where("opened_at", ">=", since)
    .where("feedback", "is not", null)
    .orderBy("opened_at", "desc")
    .limit(FEEDBACK_MAX)
    .execute();
}
