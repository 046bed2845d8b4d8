import { sql, type Insertable, type Selectable, type Updateable } from "kysely";
import type { Incident } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { AFTER_MAX, EARLIER_RUNS_MAX } from "./limits.ts";

export type IncidentRow = Selectable<Database["incidents"]>;
export type IncidentPatch = Updateable<Database["incidents"]>;

export interface IncidentFilter {
  readonly state?: Incident["state"] | undefined;
  readonly category?: string | undefined;
  readonly severity?: Incident["severity"] | undefined;
  readonly run_id?: string | undefined;
  readonly job_id?: string | undefined;
  readonly agent_id?: string | undefined;
  readonly site_id?: string | undefined;
  readonly since?: string | undefined;
}

/** False when the id is taken, by whomever. */
export async function insertIncident(db: Db, row: Insertable<Database["incidents"]>): Promise<boolean> {
  const inserted = await db
    .insertInto("incidents")
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning("id")
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function findIncident(db: Db, id: string): Promise<IncidentRow | undefined> {
  return db.selectFrom("incidents").selectAll().where("id", "=", id).executeTakeFirst();
}

/** Only under the lock of its run: whoever changes an incident holds that. */
export async function updateIncident(db: Db, id: string, patch: IncidentPatch): Promise<void> {
  await db.updateTable("incidents").set(patch).where("id", "=", id).execute();
}

export async function countIncidents(db: Db, runId: string): Promise<number> {
  const { count } = await db
    .selectFrom("incidents")
    .select(sql<number>`count(*)::int`.as("count"))
    .where("run_id", "=", runId)
    .executeTakeFirstOrThrow();
  return count;
}

export async function findFailedStop(db: Db, runId: string): Promise<IncidentRow | undefined> {
  return db
    .selectFrom("incidents")
    .selectAll()
    .where("run_id", "=", runId)
    .where("category", "=", "failed_stop")
    .orderBy("id", "desc")
    .limit(1)
    .executeTakeFirst();
}

/** `limit` incidents behind one, newest first. */
export async function listIncidents(
  db: Db,
  organizationId: string,
  filter: IncidentFilter,
  before: string | undefined,
  limit: number,
): Promise<IncidentRow[]> {
  let query = db.selectFrom("incidents").selectAll().where("organization_id", "=", organizationId);
  if (before !== undefined) query = query.where("id", "<", before);
  if (filter.state !== undefined) query = query.where("state", "=", filter.state);
  // The predicate of the partial index incidents_open, as text, so that the planner recognises it.
  if (filter.state === "open" || filter.state === "acknowledged")
    query = query.where(sql<boolean>`state <> 'closed'`);
  if (filter.category !== undefined)
    query = query.where("category", "=", filter.category as Incident["category"]);
  if (filter.severity !== undefined) query = query.where("severity", "=", filter.severity);
  if (filter.run_id !== undefined) query = query.where("run_id", "=", filter.run_id);
  if (filter.job_id !== undefined) query = query.where("job_id", "=", filter.job_id);
  if (filter.agent_id !== undefined) query = query.where("agent_id", "=", filter.agent_id);
  if (filter.site_id !== undefined) query = query.where("site_id", "=", filter.site_id);
  if (filter.since !== undefined) query = query.where("opened_at", ">=", new Date(filter.since));
  return query.orderBy("id", "desc").limit(limit).execute();
}

const COMPARED_COLUMNS = [
  "id",
  "state",
  "command",
  "args",
  "cwd",
  "env_names",
  "run_as_user",
  "agent_id",
  "agent_name",
  "resource_policy",
  "policy_name",
  "policy_version",
  "policy_mode",
  "attempt",
  "exit_code",
  "signal",
  "created_at",
  "started_at",
  "ended_at",
] as const;

export async function findComparedRun(db: Db, id: string) {
  return db
    .selectFrom("runs")
    .select([...COMPARED_COLUMNS, "job_id", "name", "lineage", "retry_of", "restart_of"])
    .where("id", "=", id)
    .executeTakeFirst();
}
export type ComparedRun = Pick<
  NonNullable<Awaited<ReturnType<typeof findComparedRun>>>,
  (typeof COMPARED_COLUMNS)[number]
>;

/**
 * The run before this one of the same job; without a job, of the same command on the same agent, among that agent's
 * newest ones. With `good`, the last that succeeded.
 */
export async function findEarlierRun(
  db: Db,
  run: NonNullable<Awaited<ReturnType<typeof findComparedRun>>>,
  good: boolean,
): Promise<ComparedRun | undefined> {
  const earlier = db
    .selectFrom((eb) => {
      const among = eb
        .selectFrom("runs")
        .select([...COMPARED_COLUMNS, "name"])
        .where("id", "<", run.id);
      return (
        run.job_id === null
          ? among.where("agent_id", "=", run.agent_id)
          : among.where("job_id", "=", run.job_id)
      )
        .orderBy("id", "desc")
        .limit(EARLIER_RUNS_MAX)
        .as("earlier");
    })
    .select([...COMPARED_COLUMNS]);
  let query =
    run.job_id === null ? earlier.where("command", "=", run.command).where("name", "=", run.name) : earlier;
  if (good) query = query.where("state", "=", "SUCCEEDED");
  return query.orderBy("id", "desc").limit(1).executeTakeFirst();
}

/** Runs that this one's end led to: retries, restarts by a policy or a person. */
export async function findFollowers(db: Db, runId: string) {
  return db
    .selectFrom("runs")
    .select(["id", "origin", "state", "exit_code", "signal", "created_at", "ended_at"])
    .where(({ or, eb }) => or([eb("retry_of", "=", runId), eb("restart_of", "=", runId)]))
    .where("id", ">", runId)
    .orderBy("id")
    .limit(AFTER_MAX)
    .execute();
}
