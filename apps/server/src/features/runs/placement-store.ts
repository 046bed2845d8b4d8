import { sql, type SqlBool } from "kysely";
import type { LaunchPolicy, Placement } from "@flowplane/contract";
import type { Tx } from "../../platform/context.ts";
import type { Db } from "../../platform/storage/database.ts";
import { stateSql } from "../fleet/state.ts";
import { AGENT_RUNS_LABEL, AGENT_RUNS_MAX, CANDIDATES_MAX, RETRY_FORGOTTEN_MS } from "./limits.ts";
import { launchPolicyOf } from "./order.ts";
import type { Candidate, Load } from "./placement.ts";
import { ACTIVE, type RunRow } from "./store.ts";

/** Held until the transaction ends: whoever gives runs of an organization to agents counts and decides alone. */
export async function lockPlacement(ctx: Tx): Promise<void> {
  const key = `placement/${ctx.actor.organization_id}`;
  await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(ctx.db);
}

/** As `lockPlacement`, but does not wait: false when somebody else is at it. */
export async function tryLockPlacement(ctx: Tx): Promise<boolean> {
  const key = `placement/${ctx.actor.organization_id}`;
  const { rows } = await sql<{
    locked: boolean;
  }>`select pg_try_advisory_xact_lock(hashtextextended(${key}, 0)) as locked`.execute(ctx.db);
  return rows[0]?.locked === true;
}

export interface Crowd {
  /** Runs under way in the organization. */
  readonly organization: number;
  /** Runs of the organization that wait for an agent. */
  readonly waiting: number;
  readonly ofJob: number;
  readonly waitingOfJob: number;
}

/** How much is under way and waiting, counted from what has not ended. */
export async function countCrowd(ctx: Tx, jobId: string | null): Promise<Crowd> {
  const row = await ctx.db
    .selectFrom("runs")
    .select([
      sql<number>`count(*) filter (where agent_id is not null)::int`.as("organization"),
      sql<number>`count(*) filter (where agent_id is null)::int`.as("waiting"),
      sql<number>`count(*) filter (where job_id = ${jobId} and agent_id is not null)::int`.as("ofJob"),
      sql<number>`count(*) filter (where job_id = ${jobId} and agent_id is null)::int`.as("waitingOfJob"),
    ])
    .where("organization_id", "=", ctx.actor.organization_id)
    .where(ACTIVE)
    .executeTakeFirstOrThrow();
  if (jobId === null) return row;
  const retrying = (await countRetrying(ctx, [jobId])).get(jobId) ?? 0;
  return { ...row, ofJob: row.ofJob + retrying };
}

/** Next attempts that agents are about to start, by job. */
export async function countRetrying(
  ctx: Tx,
  jobIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (jobIds.length === 0) return new Map();
  const rows = await ctx.db
    .selectFrom("runs")
    .select(["job_id", sql<number>`count(*)::int`.as("count")])
    .where("job_id", "in", [...jobIds])
    .where("retry_at", ">", new Date(ctx.now() - RETRY_FORGOTTEN_MS))
    .groupBy("job_id")
    .execute();
  return new Map(rows.map((row) => [row.job_id ?? "", row.count]));
}

/** What is under way by agent and by job; `jobIds` are those whose next attempts count too. */
export async function readLoad(ctx: Tx, jobIds: readonly string[]): Promise<Load> {
  const rows = await ctx.db
    .selectFrom("runs")
    .select(["agent_id", "job_id", sql<number>`count(*)::int`.as("count")])
    .where("organization_id", "=", ctx.actor.organization_id)
    .where("agent_id", "is not", null)
    .where(ACTIVE)
    .groupBy(["agent_id", "job_id"])
    .execute();
  const byAgent = new Map<string, number>();
  const byJob = new Map(await countRetrying(ctx, jobIds));
  let organization = 0;
  for (const { agent_id, job_id, count } of rows) {
    organization += count;
    byAgent.set(agent_id ?? "", (byAgent.get(agent_id ?? "") ?? 0) + count);
    if (job_id !== null) byJob.set(job_id, (byJob.get(job_id) ?? 0) + count);
  }
  return { organization, byAgent, byJob };
}

export interface LoadedCandidate extends Candidate {
  readonly load: number;
}

/**
 * Connected site agents that fit a placement, those with room first and the least loaded first. An agent that is named is
 * taken as it is, connected or not: its run is held for it.
 */
export async function findCandidates(
  ctx: Tx,
  placement: Placement,
  limit = CANDIDATES_MAX,
): Promise<LoadedCandidate[]> {
  const load = ctx.db
    .selectFrom("runs")
    .select(["agent_id", sql<number>`count(*)::int`.as("count")])
    .where("organization_id", "=", ctx.actor.organization_id)
    .where("agent_id", "is not", null)
    .$if(placement.agent_id !== undefined, (query) =>
      query.where("agent_id", "=", placement.agent_id ?? null),
    )
    .where(ACTIVE)
    .groupBy("agent_id");
  const runsMax = sql<number>`case when agents.labels ->> ${AGENT_RUNS_LABEL} ~ '^[0-9]{1,6}$'
    then (agents.labels ->> ${AGENT_RUNS_LABEL})::int else ${AGENT_RUNS_MAX} end`;
  const loadOf = sql<number>`coalesce(load.count, 0)`;
  let query = ctx.db
    .selectFrom("agents")
    .leftJoin(load.as("load"), "load.agent_id", "agents.id")
    .select(["agents.id", "agents.name", "agents.site_id", runsMax.as("runsMax"), loadOf.as("load")])
    .where("agents.organization_id", "=", ctx.actor.organization_id)
    .where("agents.kind", "=", "site");
  if (placement.agent_id === undefined) {
    query = query.where(stateSql(ctx.now()), "=", "connected");
    if (placement.site_id !== undefined) query = query.where("agents.site_id", "=", placement.site_id);
    const { labels } = placement;
    if (labels !== undefined && Object.keys(labels).length > 0)
      query = query.where(sql<SqlBool>`agents.labels @> ${JSON.stringify(labels)}::jsonb`);
  } else {
    query = query
      .where("agents.id", "=", placement.agent_id)
      .where("agents.approval", "=", "approved")
      .where("agents.revoked_at", "is", null);
  }
  return query
    .orderBy(sql`${loadOf} >= ${runsMax}`)
    .orderBy(loadOf)
    .orderBy("agents.id")
    .limit(limit)
    .execute();
}

export interface SiteRow {
  readonly id: string;
  readonly launch_policy: LaunchPolicy;
}

export async function readSites(db: Db, ids: readonly string[]): Promise<ReadonlyMap<string, SiteRow>> {
  if (ids.length === 0) return new Map();
  const rows = await db.selectFrom("sites").select(["id", "launch_policy"]).where("id", "in", ids).execute();
  return new Map(
    rows.map(({ id, launch_policy }) => [id, { id, launch_policy: launchPolicyOf(launch_policy) }]),
  );
}

/** The oldest site of the organization: where a run belongs that may go anywhere, until it has an agent. */
export async function firstSiteId(ctx: Tx): Promise<string | undefined> {
  const row = await ctx.db
    .selectFrom("sites")
    .select("id")
    .where("organization_id", "=", ctx.actor.organization_id)
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

/** Runs that wait for an agent, oldest first; small columns only, for there may be many. */
export async function listWaiting(ctx: Tx, limit: number) {
  return ctx.db
    .selectFrom("runs")
    .leftJoin("jobs", "jobs.id", "runs.job_id")
    .select([
      "runs.id",
      "runs.job_id",
      "runs.placement",
      "runs.waiting_for",
      sql<number>`coalesce(jobs.concurrency_max, 1)`.as("jobRunsMax"),
      sql<boolean>`runs.origin = 'schedule' and coalesce(jobs.schedule_policy ->> 'overlap' in ('queue', 'replace'), false)`.as(
        "isAlone",
      ),
    ])
    .where("runs.organization_id", "=", ctx.actor.organization_id)
    .where("runs.agent_id", "is", null)
    .where("runs.state", "=", "QUEUED")
    .orderBy("runs.id")
    .limit(limit)
    .execute();
}

/** Those of `ids` that still wait, locked; one that somebody is about to change is left for the next look. */
export async function lockWaiting(db: Db, ids: readonly string[]): Promise<RunRow[]> {
  if (ids.length === 0) return [];
  return db
    .selectFrom("runs")
    .selectAll()
    .where("id", "in", ids)
    .where("agent_id", "is", null)
    .where("state", "=", "QUEUED")
    .orderBy("id")
    .forUpdate()
    .skipLocked()
    .execute();
}

/** Gives runs their agents, in one statement. */
export async function setAgents(
  db: Db,
  runs: readonly { id: string; agent: Candidate; isolation: unknown }[],
): Promise<void> {
  if (runs.length === 0) return;
  const rows = runs.map(({ id, agent, isolation }) => ({
    id,
    agent_id: agent.id,
    agent_name: agent.name,
    site_id: agent.site_id,
    isolation,
  }));
  await sql`update runs set agent_id = given.agent_id, agent_name = given.agent_name, site_id = given.site_id,
      isolation = given.isolation, waiting_for = null
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as given(id uuid, agent_id uuid, agent_name text, site_id uuid, isolation jsonb)
    where runs.id = given.id and runs.agent_id is null and runs.state = 'QUEUED'`.execute(db);
}

/** Says what runs wait for, in one statement; returns those for which that is news. */
export async function setWaitingFor(
  db: Db,
  runs: readonly { id: string; waits_for: string }[],
): Promise<string[]> {
  if (runs.length === 0) return [];
  const { rows } = await sql<{ id: string }>`update runs set waiting_for = given.waits_for
    from jsonb_to_recordset(${JSON.stringify(runs)}::jsonb) as given(id uuid, waits_for text)
    where runs.id = given.id and runs.agent_id is null and runs.state = 'QUEUED'
      and runs.waiting_for is distinct from given.waits_for
    returning runs.id`.execute(db);
  return rows.map((row) => row.id);
}

/** Organizations with runs that wait for an agent. */
export async function findOrganizationsWaiting(system: Db, limit: number): Promise<string[]> {
  const rows = await system
    .selectFrom("runs")
    .select("organization_id")
    .distinct()
    .where("agent_id", "is", null)
    .where("state", "=", "QUEUED")
    .limit(limit)
    .execute();
  return rows.map((row) => row.organization_id);
}
