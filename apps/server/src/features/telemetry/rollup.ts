import { sql, type Transaction } from "kysely";
import { every, type Task } from "@flowplane/runtime";
import type { Base } from "../../platform/context.ts";
import type { Db } from "../../platform/storage/database.ts";
import type { Database } from "../../platform/storage/schema.ts";
import { ensureDays } from "./days.ts";
import { deltasSql, momentSql, placesSql, stepsSql } from "./deltas.ts";
import { rollupSeconds } from "./figures.ts";
import {
  MINUTE_SETTLES_SECONDS,
  MINUTES_PER_TURN,
  ROLLUP_BEGINS_SECONDS,
  ROLLUP_INTERVAL_MS,
  ROLLUP_TIMEOUT_MS,
  ROLLUP_WORK_MEMORY_MB,
} from "./limits.ts";

const MINUTE_MS = 60_000;

/** Keeps the roll-ups of agents' reports up to date. Any number of workers may run it; one of them works at a time. */
export function telemetryRollUp(base: Base): Task {
  return {
    name: "telemetry roll-up",
    run: (signal) =>
      every(ROLLUP_INTERVAL_MS, signal, async () => {
        try {
          while (!signal.aborted && (await rollUp(base.storage.system, base.now())) > 0);
        } catch (error) {
          base.log.warn({ err: error }, "rolling up agents' telemetry failed; it is tried again");
        }
      }),
  };
}

/**
 * Rolls up the minutes that have settled since the last time, at most `MINUTES_PER_TURN`; gives how many. Done again it
 * does the same: rows are written whole, not added to.
 */
export async function rollUp(system: Db, now: number): Promise<number> {
  const stop = rollupSeconds.startTimer();
  await ensureDays(system, now);
  const minutes = await system.transaction().execute(async (db) => {
    await sql`set local statement_timeout = ${sql.lit(ROLLUP_TIMEOUT_MS)}`.execute(db);
    await sql`set local work_mem = ${sql.lit(`${ROLLUP_WORK_MEMORY_MB}MB`)}`.execute(db);
    const settled = floor(now - MINUTE_SETTLES_SECONDS * 1_000, MINUTE_MS);
    const begin = new Date(settled - ROLLUP_BEGINS_SECONDS * 1_000);
    await sql`insert into own_rollup (minutes_until) values (${begin}) on conflict do nothing`.execute(db);
    const { rows } = await sql<{ minutes_until: Date }>`
      select minutes_until from own_rollup for update skip locked`.execute(db);
    const done = rows[0]?.minutes_until.getTime();
    // Another worker is at it.
    if (done === undefined) return 0;
    // After a long absence it does not begin before there can be reports.
    const from = Math.max(done, settled - 86_400_000);
    const to = Math.min(from + MINUTES_PER_TURN * MINUTE_MS, settled);
    if (to <= from) return 0;
    await writeMinutes(db, from, to);
    await writeFleetMinutes(db, from, to);
    await writeTenMinutes(db, from, to);
    await db
      .updateTable("own_rollup")
      .set({ minutes_until: new Date(to) })
      .execute();
    return (to - from) / MINUTE_MS;
  });
  if (minutes > 0) stop();
  return minutes;
}

async function writeMinutes(db: Transaction<Database>, from: number, to: number): Promise<void> {
  const [start, end] = [momentSql(from), momentSql(to)];
  await sql`
    insert into own_minutes (organization_id, agent_id, at, seconds, amounts)
    select organization_id, agent_id, at, seconds, amounts::real[] from (${stepsSql(deltasSql(sql`true`, start, end), 60, start, end)}) steps
    on conflict (agent_id, at) do update set seconds = excluded.seconds, amounts = excluded.amounts`.execute(
    db,
  );
}

/** The whole organization: items a second, averaged over the minute, and what stood in queues. */
async function writeFleetMinutes(db: Transaction<Database>, from: number, to: number): Promise<void> {
  const rates = placesSql(({ at, isCounted }) =>
    isCounted ? sql`sum(amounts[${sql.lit(at)}]::float8) / 60` : sql`sum(amounts[${sql.lit(at)}]::float8)`,
  );
  await sql`
    insert into own_fleet_minutes (organization_id, at, agents, rates)
    select organization_id, at, count(*)::int, ${rates} from own_minutes
    where at >= ${momentSql(from)} and at < ${momentSql(to)}
      and exists (select from organizations o where o.id = own_minutes.organization_id)
    group by organization_id, at
    on conflict (organization_id, at) do update set agents = excluded.agents, rates = excluded.rates`.execute(
    db,
  );
}

/** Those whose last minute is among the new ones. */
async function writeTenMinutes(db: Transaction<Database>, from: number, to: number): Promise<void> {
  const [start, end] = [momentSql(floor(from, 10 * MINUTE_MS)), momentSql(floor(to, 10 * MINUTE_MS))];
  const sums = placesSql(({ at, isCounted }) => {
    const amount = sql`amounts[${sql.lit(at)}]::float8`;
    return isCounted
      ? sql`sum(${amount})`
      : sql`sum(${amount} * seconds) / nullif(sum(seconds) filter (where ${amount} is not null), 0)`;
  });
  await sql`
    insert into own_ten_minutes (organization_id, agent_id, at, seconds, amounts)
    select organization_id, agent_id, date_bin('10 minutes', at, ${momentSql(0)}) as bin, sum(seconds), ${sums}::real[]
    from own_minutes where at >= ${start} and at < ${end}
    group by organization_id, agent_id, bin
    on conflict (agent_id, at) do update set seconds = excluded.seconds, amounts = excluded.amounts`.execute(
    db,
  );
}

function floor(ms: number, step: number): number {
  return Math.floor(ms / step) * step;
}
