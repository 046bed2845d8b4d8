import {
  sql,
  type Insertable,
  type RawBuilder,
  type Selectable,
  type SqlBool,
  type Updateable,
} from "kysely";
import type { AgentState, RunState } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { containing } from "../../platform/storage/names.ts";
import { stateSql } from "../fleet/state.ts";
import { WORDS_SCAN_ROWS_MAX } from "./limits.ts";

export type RunRow = Selectable<Database["runs"]>;
export type NewRunRow = Insertable<Database["runs"]>;
export type RunEventRow = Selectable<Database["run_events"]>;
export type NewRunEventRow = Insertable<Database["run_events"]>;

/** A run as it is shown: with what is known of its agent now; null when the agent was deleted. */
export type ShownRunRow = Omit<
  RunRow,
  | "env_sealed"
  | "policy_document"
  | "evidence_expired_at"
  | "evidence_expired_chunk"
  | "evidence_expired_until"
  | "log_expired_segment"
  | "log_packed_at"
  | "traceparent"
> & {
  readonly agent_state: AgentState | null;
  readonly agent_seen_at: Date | null;
};

export interface RunFilter {
  /** Row-level security asks for the same; said with its value, the planner knows how much of the table it is. */
  readonly organizationId: string;
  readonly state?: RunState | undefined;
  readonly active?: boolean | undefined;
  readonly agentId?: string | undefined;
  readonly jobId?: string | undefined;
  /** Of what came from this run alone. */
  readonly fromRunId?: string | undefined;
  readonly words: readonly string[];
}

// The predicate of the partial index runs_active, as text, so that the planner recognises it.
export const ACTIVE = sql<SqlBool>`runs.state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING')`;

// Not env_sealed: it may be large and a list never needs it.
const SHOWN_COLUMNS = [
  "runs.id",
  "runs.organization_id",
  "runs.site_id",
  "runs.agent_id",
  "runs.agent_name",
  "runs.job_id",
  "runs.kind",
  "runs.name",
  "runs.command",
  "runs.args",
  "runs.cwd",
  "runs.env_names",
  "runs.grace_ms",
  "runs.max_runtime_ms",
  "runs.state",
  "runs.state_since",
  "runs.waiting_for",
  "runs.deadline",
  "runs.pid",
  "runs.exit_code",
  "runs.signal",
  "runs.reason",
  "runs.stop",
  "runs.restart_of",
  "runs.created_by",
  "runs.created_at",
  "runs.started_at",
  "runs.ended_at",
  "runs.log_bytes",
  "runs.log_lines",
  "runs.log_stored_seq",
  "runs.log_last_seq",
  "runs.origin",
  "runs.attempt",
  "runs.retry_of",
  "runs.lineage",
  "runs.scheduled_for",
  "runs.retry_at",
  "runs.resource_policy",
  "runs.isolation",
  "runs.run_as_user",
  "runs.run_as_group",
  "runs.retry",
  "runs.progress",
  "runs.placement",
  "runs.inherit_env",
  "runs.secret_env",
  "runs.policy_id",
  "runs.policy_name",
  "runs.policy_version",
  "runs.policy_mode",
  "runs.enforced",
  "runs.frozen_since",
  "runs.incidents_open",
  "runs.incidents_total",
  "runs.intervention",
  "runs.usage",
  "runs.log_redactions",
  "runs.log_expired_at",
  "runs.log_expired_seq",
  "runs.log_expired_until",
  "runs.evidence_last",
  "runs.holder",
] as const;

export async function insertRun(db: Db, run: NewRunRow): Promise<void> {
  await db.insertInto("runs").values(run).execute();
}

/** The row as it is stored; undefined when the id is taken, by a run of whomever. */
export async function insertAgentMade(db: Db, run: NewRunRow): Promise<RunRow | undefined> {
  return db
    .insertInto("runs")
    .values(run)
    .onConflict((conflict) => conflict.column("id").doNothing())
    .returningAll()
    .executeTakeFirst();
}

export async function findRun(db: Db, id: string, now: number): Promise<ShownRunRow | undefined> {
  return shown(db, now).where("runs.id", "=", id).executeTakeFirst();
}

/** The run, locked until the transaction ends: whoever decides about its state holds this lock. */
export async function lockRun(db: Db, id: string): Promise<RunRow | undefined> {
  return db.selectFrom("runs").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
}

/** Those of `ids` that run on the agent, locked in the order of their ids, so that two batches cannot wait for each other. */
export async function lockRunsOfAgent(db: Db, agentId: string, ids: readonly string[]): Promise<RunRow[]> {
  if (ids.length === 0) return [];
  return db
    .selectFrom("runs")
    .selectAll()
    .where("id", "in", ids)
    .where("agent_id", "=", agentId)
    .orderBy("id")
    .forUpdate()
    .execute();
}

export async function updateRun(db: Db, id: string, patch: Updateable<Database["runs"]>): Promise<void> {
  await db.updateTable("runs").set(patch).where("id", "=", id).execute();
}

/** How many runs of a job may be under way at once; undefined when the job is gone. */
export async function findJobRunsMax(db: Db, jobId: string): Promise<number | undefined> {
  const row = await db
    .selectFrom("jobs")
    .select("concurrency_max")
    .where("id", "=", jobId)
    .executeTakeFirst();
  return row?.concurrency_max;
}

/** Whose the run is, and how far its log is stored. */
export async function findRunLog(db: Db, id: string) {
  return db
    .selectFrom("runs")
    .select([
      "id",
      "organization_id",
      "agent_id",
      "name",
      "state",
      "exit_code",
      "log_last_seq",
      "log_expired_at",
      "log_expired_seq",
      "log_expired_until",
      // What was deleted is not looked for; its rows go a little later.
      sql<number>`case when log_expired_at is null then log_stored_seq else 0 end`.as("log_stored_seq"),
    ])
    .where("id", "=", id)
    .executeTakeFirst();
}

/** `limit + 1` rows, newest first, behind the run `before`. */
export async function listRuns(
  db: Db,
  page: { filter: RunFilter; before: string | undefined; limit: number },
  now: number,
): Promise<ShownRunRow[]> {
  return matching(db, page.filter, page.before, now)
    .orderBy("runs.id", "desc")
    .limit(page.limit + 1)
    .execute();
}

/**
 * As `listRuns`, looking for words. No index can answer that, so only so many runs are looked through;
 * `scannedTo` is the last of those when there may be more behind it.
 */
export async function searchRuns(
  db: Db,
  page: { filter: RunFilter; before: string | undefined; limit: number },
  now: number,
): Promise<{ rows: ShownRunRow[]; scannedTo: string | null }> {
  const last = await candidates(db, page.filter, page.before)
    .orderBy("runs.id", "desc")
    .offset(WORDS_SCAN_ROWS_MAX - 1)
    .limit(1)
    .executeTakeFirst();
  let query = matching(db, page.filter, page.before, now);
  if (last !== undefined) query = query.where("runs.id", ">=", last.id);
  const rows = await query
    .orderBy("runs.id", "desc")
    .limit(page.limit + 1)
    .execute();
  return { rows, scannedTo: last?.id ?? null };
}

export async function insertRunEvents(db: Db, events: readonly NewRunEventRow[]): Promise<void> {
  if (events.length > 0) await db.insertInto("run_events").values(events).execute();
}

/** The prints of what an agent has reported about runs. */
export async function findPrints(db: Db, runIds: readonly string[]): Promise<Set<string>> {
  if (runIds.length === 0) return new Set();
  const rows = await db
    .selectFrom("run_events")
    .select("print")
    .where("run_id", "in", runIds)
    .where("print", "is not", null)
    .execute();
  return new Set(rows.flatMap(({ print }) => print ?? []));
}

/** `limit + 1` entries of a run's timeline behind the entry `after`, oldest first. */
export async function listRunEvents(
  db: Db,
  runId: string,
  after: string | undefined,
  limit: number,
): Promise<RunEventRow[]> {
  let query = db.selectFrom("run_events").selectAll().where("run_id", "=", runId);
  if (after !== undefined) query = query.where("id", ">", after);
  return query
    .orderBy("id")
    .limit(limit + 1)
    .execute();
}

function shown(db: Db, now: number) {
  return db
    .selectFrom("runs")
    .leftJoin("agents", "agents.id", "runs.agent_id")
    .select(SHOWN_COLUMNS)
    .select([
      sql<AgentState | null>`case when agents.id is null then null else ${stateSql(now)} end`.as(
        "agent_state",
      ),
      sql<Date | null>`coalesce(agents.disconnected_at, agents.last_seen_at)`.as("agent_seen_at"),
    ]);
}

function cameFrom(runId: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`(runs.retry_of = ${runId}::uuid or runs.restart_of = ${runId}::uuid)`;
}

function matching(db: Db, filter: RunFilter, before: string | undefined, now: number) {
  let query = shown(db, now).where("runs.organization_id", "=", filter.organizationId);
  if (before !== undefined) query = query.where("runs.id", "<", before);
  if (filter.state !== undefined) query = query.where("runs.state", "=", filter.state);
  if (filter.active !== undefined)
    query = query.where(filter.active ? ACTIVE : sql<SqlBool>`not (${ACTIVE})`);
  if (filter.agentId !== undefined) query = query.where("runs.agent_id", "=", filter.agentId);
  if (filter.jobId !== undefined) query = query.where("runs.job_id", "=", filter.jobId);
  if (filter.fromRunId !== undefined) query = query.where(cameFrom(filter.fromRunId));
  for (const word of filter.words) {
    const pattern = containing(word);
    query = query.where(
      sql<SqlBool>`(runs.name || ' ' || runs.command || ' ' || runs.args::text) ilike ${pattern}`,
    );
  }
  return query;
}

/** The runs among which words are looked for. */
function candidates(db: Db, filter: RunFilter, before: string | undefined) {
  let query = db
    .selectFrom("runs")
    .select("runs.id")
    .where("runs.organization_id", "=", filter.organizationId);
  if (before !== undefined) query = query.where("runs.id", "<", before);
  if (filter.state !== undefined) query = query.where("runs.state", "=", filter.state);
  if (filter.active !== undefined)
    query = query.where(filter.active ? ACTIVE : sql<SqlBool>`not (${ACTIVE})`);
  if (filter.agentId !== undefined) query = query.where("runs.agent_id", "=", filter.agentId);
  if (filter.jobId !== undefined) query = query.where("runs.job_id", "=", filter.jobId);
  if (filter.fromRunId !== undefined) query = query.where(cameFrom(filter.fromRunId));
  return query;
}
