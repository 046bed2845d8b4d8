import { sql } from "kysely";
import { every, type Task } from "@flowplane/runtime";
import type { Base } from "../../platform/context.ts";
import { JOBS } from "../../platform/queue/queue.ts";
import { QUEUE_SCHEMA } from "../../platform/queue/install.ts";
import type { Db } from "../../platform/storage/database.ts";
import { stateSql } from "../fleet/state.ts";
import * as gauges from "./gauges.ts";

/** How often the database is asked for what no process knows by itself. Prometheus asks about as often. */
const LOOK_EVERY_MS = 15_000;
/** Agents silent for longer are counted as offline, and no longer for the heartbeat's age. */
const HEARTBEAT_MEMORY = "1 day";

/** The worker's task: sets the figures that stand in the database. */
export function figures(base: Base): Task {
  return {
    name: "figures",
    run: (signal) =>
      every(LOOK_EVERY_MS, signal, async () => {
        try {
          await lookAtFigures(base);
        } catch (error) {
          // The database may be away for a while; the figures stay as they were.
          base.log.error({ err: error }, "looking at the figures failed");
        }
      }),
  };
}

/** One look. Each query reads an index of what is under way, or a small table: none grows with history. */
export async function lookAtFigures(base: Base): Promise<void> {
  const since = performance.now();
  const db = base.storage.system;
  const now = base.now();
  await lookAtRuns(db);
  await lookAtAgents(db, now);
  await lookAtWaiting(db, now);
  await lookAtQueue(db);
  await lookAtIncidents(db, now);
  gauges.lookSeconds.set((performance.now() - since) / 1_000);
}

interface SiteRow {
  readonly organization: string;
  readonly site: string;
  readonly value: number;
}

/** The first `SITES_MAX` sites by name, the others under one name. */
function bySite<T extends SiteRow>(rows: readonly T[]): (T & SiteRow)[] {
  const names = [...new Set(rows.map((row) => `${row.organization}\0${row.site}`))].slice(
    0,
    gauges.SITES_MAX,
  );
  const own = new Set(names);
  return rows.map((row) =>
    own.has(`${row.organization}\0${row.site}`) ? row : { ...row, ...gauges.OTHER_SITES },
  );
}

async function lookAtRuns(db: Db): Promise<void> {
  const { rows } = await sql<SiteRow & { state: string; frozen: number }>`
    select organizations.name as organization, sites.name as site, runs.state, runs.value, runs.frozen
    from (
      select site_id, state, count(*)::int as value, count(frozen_since)::int as frozen from runs
      where state in ('QUEUED', 'STARTING', 'RUNNING', 'STOPPING') group by site_id, state
    ) runs join sites on sites.id = runs.site_id join organizations on organizations.id = sites.organization_id
    order by runs.value desc`.execute(db);
  gauges.runsActive.reset();
  for (const { organization, site, state, value } of bySite(rows))
    gauges.runsActive.inc({ organization, site, state }, value);
  gauges.runsFrozen.set(rows.reduce((sum, { frozen }) => sum + frozen, 0));
}

async function lookAtAgents(db: Db, now: number): Promise<void> {
  const states = await sql<{ state: string; value: number }>`
    select ${stateSql(now)} as state, count(*)::int as value from agents group by 1`.execute(db);
  gauges.agents.reset();
  for (const { state, value } of states.rows) gauges.agents.set({ state }, value);
  const at = new Date(now);
  const { rows } = await sql<SiteRow>`
    select organizations.name as organization, sites.name as site, ages.value
    from (
      select site_id, extract(epoch from ${at}::timestamptz - min(last_seen_at))::float8 as value from agents
      where approval = 'approved' and revoked_at is null and disconnected_at is null
        and last_seen_at > ${at}::timestamptz - ${HEARTBEAT_MEMORY}::interval
      group by site_id
    ) ages join sites on sites.id = ages.site_id join organizations on organizations.id = sites.organization_id
    order by ages.value desc`.execute(db);
  gauges.heartbeatAge.reset();
  // The oldest first, so of those that share a name the last to be set would be the youngest.
  for (const { organization, site, value } of bySite(rows).toReversed())
    gauges.heartbeatAge.set({ organization, site }, Math.max(0, value));
}

async function lookAtWaiting(db: Db, now: number): Promise<void> {
  const at = new Date(now);
  const intents = await sql<{ value: number; oldest: number | null }>`
    select count(*)::int as value,
      extract(epoch from ${at}::timestamptz - min(intents.created_at) filter (
        where agents.disconnected_at is null and agents.connected_at is not null))::float8 as oldest
    from intents join agents on agents.id = intents.agent_id where intents.acknowledged_at is null`.execute(
    db,
  );
  gauges.intentsOutstanding.set(intents.rows[0]?.value ?? 0);
  gauges.intentOldestAge.set(Math.max(0, intents.rows[0]?.oldest ?? 0));
  const late = await sql<{ lag: number | null }>`
    select extract(epoch from ${at}::timestamptz - min(next_run_at))::float8 as lag from jobs
    where next_run_at <= ${at} and archived_at is null`.execute(db);
  gauges.scheduleLag.set(Math.max(0, late.rows[0]?.lag ?? 0));
}

async function lookAtQueue(db: Db): Promise<void> {
  const { rows } = await sql<{ job: string; state: string; value: number }>`
    select name as job, state::text as state, count(*)::int as value from ${sql.id(QUEUE_SCHEMA, "job")}
    where state in ('created', 'retry', 'active', 'failed') group by 1, 2`.execute(db);
  gauges.queueJobs.reset();
  const known = new Set<string>(JOBS);
  for (const { job, state, value } of rows)
    if (known.has(job)) gauges.queueJobs.set({ work: job, state }, value);
}

async function lookAtIncidents(db: Db, now: number): Promise<void> {
  const { rows } = await sql<{ severity: string; value: number }>`
    select severity, count(*)::int as value from incidents where state <> 'closed' group by 1`.execute(db);
  for (const severity of ["info", "warning", "critical"])
    gauges.incidentsOpen.set({ severity }, rows.find((row) => row.severity === severity)?.value ?? 0);
  const fallback = await sql<{ value: number }>`
    select count(*)::int as value from sites where detection_fallback_until > ${new Date(now)}`.execute(db);
  gauges.fallbackSites.set(fallback.rows[0]?.value ?? 0);
}
