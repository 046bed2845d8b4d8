import { sql, type Insertable, type Selectable, type SqlBool, type Updateable } from "kysely";
import type { RunState } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { containing } from "../../platform/storage/names.ts";

export type JobRow = Selectable<Database["jobs"]>;
export type NewJobRow = Insertable<Database["jobs"]>;

export interface LastRun {
  readonly id: string;
  readonly state: RunState;
  readonly created_at: string;
  readonly state_since: string;
  readonly exit_code: number | null;
  readonly signal: string | null;
}

/** A job as it is shown: with its policy's name and what its runs do. */
export type ShownJobRow = Omit<JobRow, "env_sealed"> & {
  readonly policy_name: string | null;
  readonly last_run: LastRun | null;
  readonly runs_active: number;
};

// Not env_sealed: it may be large, and is for launches alone.
const SHOWN_COLUMNS = [
  "jobs.id",
  "jobs.organization_id",
  "jobs.site_id",
  "jobs.name",
  "jobs.description",
  "jobs.command",
  "jobs.args",
  "jobs.cwd",
  "jobs.grace_ms",
  "jobs.env_policy",
  "jobs.resource_policy",
  "jobs.run_as_user",
  "jobs.run_as_group",
  "jobs.isolation",
  "jobs.retry",
  "jobs.progress",
  "jobs.schedule_policy",
  "jobs.placement",
  "jobs.concurrency_max",
  "jobs.policy_id",
  "jobs.policy_version",
  "jobs.detection_policy_version",
  "jobs.managed_by",
  "jobs.revision",
  "jobs.next_run_at",
  "jobs.note",
  "jobs.note_at",
  "jobs.created_by",
  "jobs.created_at",
  "jobs.updated_at",
  "jobs.archived_at",
] as const;

function shown(db: Db) {
  return db
    .selectFrom("jobs")
    .leftJoin("policies", "policies.id", "jobs.policy_id")
    .select(SHOWN_COLUMNS)
    .select([
      "policies.name as policy_name",
      sql<LastRun | null>`(select to_jsonb(last) from (select id, state, created_at, state_since, exit_code, signal
        from runs where runs.job_id = jobs.id order by id desc limit 1) last)`.as("last_run"),
      sql<number>`(select count(*)::int from runs where runs.job_id = jobs.id
        and runs.state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING'))`.as("runs_active"),
    ]);
}

export async function findJob(db: Db, id: string): Promise<ShownJobRow | undefined> {
  return shown(db).where("jobs.id", "=", id).executeTakeFirst();
}

/** The job, locked until the transaction ends: whoever changes it or starts it by its schedule holds this lock. */
export async function lockJob(db: Db, id: string): Promise<JobRow | undefined> {
  return db.selectFrom("jobs").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

export interface JobFilter {
  readonly archived: boolean;
  readonly words: readonly string[];
  readonly managedBy?: string | undefined;
}

/** `limit` jobs by name behind one. */
export async function listJobs(
  db: Db,
  filter: JobFilter,
  after: readonly [name: string, id: string] | undefined,
  limit: number,
): Promise<ShownJobRow[]> {
  let query = shown(db).where("jobs.archived_at", filter.archived ? "is not" : "is", null);
  if (filter.managedBy !== undefined) query = query.where("jobs.managed_by", "=", filter.managedBy);
  for (const word of filter.words) {
    const pattern = containing(word);
    query = query.where(
      sql<SqlBool>`(jobs.name || ' ' || jobs.command || ' ' || jobs.args::text || ' ' || jobs.description) ilike ${pattern}`,
    );
  }
  if (after !== undefined)
    query = query.where(sql<SqlBool>`(jobs.name, jobs.id) > (${after[0]}, ${after[1]}::uuid)`);
  return query.orderBy("jobs.name").orderBy("jobs.id").limit(limit).execute();
}

export async function isJobNameTaken(db: Db, name: string, exceptId: string): Promise<boolean> {
  const row = await db
    .selectFrom("jobs")
    .select("id")
    .where("name", "=", name)
    .where("archived_at", "is", null)
    .where("id", "<>", exceptId)
    .executeTakeFirst();
  return row !== undefined;
}

/** False when there is a job of this name. */
export async function insertJob(db: Db, job: NewJobRow): Promise<boolean> {
  const row = await db
    .insertInto("jobs")
    .values(job)
    .onConflict((conflict) =>
      conflict.columns(["organization_id", "name"]).where("archived_at", "is", null).doNothing(),
    )
    .returning("id")
    .executeTakeFirst();
  return row !== undefined;
}

export async function updateJob(db: Db, id: string, patch: Updateable<Database["jobs"]>): Promise<void> {
  await db.updateTable("jobs").set(patch).where("id", "=", id).execute();
}

/** Turns a schedule off with a note; false when there is none that is on. */
export async function pauseSchedule(db: Db, id: string, note: string, at: Date): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable("jobs")
    .set({
      schedule_policy: sql`jsonb_set(schedule_policy, '{paused}', 'true')`,
      next_run_at: null,
      note,
      note_at: at,
      updated_at: at,
    })
    .where("id", "=", id)
    .where("archived_at", "is", null)
    .where(sql<SqlBool>`schedule_policy ->> 'paused' = 'false'`)
    .executeTakeFirstOrThrow();
  return numUpdatedRows > 0n;
}

/** Jobs whose schedule is on, by name. */
export async function listScheduled(db: Db, limit: number) {
  return db
    .selectFrom("jobs")
    .select(["id", "name", "schedule_policy", "next_run_at"])
    .where("next_run_at", "is not", null)
    .where("archived_at", "is", null)
    .orderBy("name")
    .limit(limit)
    .execute();
}

/** Runs of a job that have not ended, oldest first, and next attempts that an agent is about to start. */
export async function listActiveRuns(db: Db, jobId: string, retryAfter: Date) {
  return db
    .selectFrom("runs")
    .select(["id", "agent_id", "state", "origin", "retry_at"])
    .where("job_id", "=", jobId)
    .where(({ or, eb }) =>
      or([eb("state", "in", ["QUEUED", "STARTING", "RUNNING", "STOPPING"]), eb("retry_at", ">", retryAfter)]),
    )
    .orderBy("id")
    .execute();
}

/** Whether a start was made already; the index runs_scheduled keeps it from being made twice. */
export async function isStarted(db: Db, jobId: string, scheduledFor: Date): Promise<boolean> {
  const row = await db
    .selectFrom("runs")
    .select("id")
    .where("job_id", "=", jobId)
    .where("scheduled_for", "=", scheduledFor)
    .executeTakeFirst();
  return row !== undefined;
}

/** Jobs of all organizations that are due, the longest first. */
export async function findDueJobs(system: Db, now: Date, limit: number) {
  return system
    .selectFrom("jobs")
    .select(["id", "organization_id"])
    .where("next_run_at", "<=", now)
    .where("archived_at", "is", null)
    .orderBy("next_run_at")
    .limit(limit)
    .execute();
}

/** The job if it is still due and nobody else is at it, locked. */
export async function lockDueJob(db: Db, id: string, now: Date): Promise<JobRow | undefined> {
  return db
    .selectFrom("jobs")
    .selectAll()
    .where("id", "=", id)
    .where("next_run_at", "<=", now)
    .where("archived_at", "is", null)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
}

/** Waiting runs of a job, which have no agent yet. */
export async function listWaitingRuns(db: Db, jobId: string): Promise<string[]> {
  const rows = await db
    .selectFrom("runs")
    .select("id")
    .where("job_id", "=", jobId)
    .where("state", "=", "QUEUED")
    .where("agent_id", "is", null)
    .orderBy("id")
    .execute();
  return rows.map((row) => row.id);
}

/** Jobs of all organizations whose next start is to come, by id behind one. */
export async function findFarJobs(system: Db, now: Date, after: string | undefined, limit: number) {
  return system
    .selectFrom("jobs")
    .select(["id", "organization_id", "schedule_policy", "next_run_at"])
    .where("next_run_at", ">", now)
    .where("archived_at", "is", null)
    .$if(after !== undefined, (query) => query.where("id", ">", after ?? ""))
    .orderBy("id")
    .limit(limit)
    .execute();
}
