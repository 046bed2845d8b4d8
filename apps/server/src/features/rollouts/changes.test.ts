import { afterEach, beforeEach, expect, test } from "vitest";
import { sql } from "kysely";
import pg from "pg";
import type { Rollout } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import { sweepHealth } from "../health/store.ts";
import { parseSelector } from "../fleet/selector.ts";
import { selectFirst } from "../fleet/select-agents.ts";
import { listUnsettled } from "./agents-store.ts";
import { listReturned } from "./presence-store.ts";
import { rolloutWorld, type RolloutWorld } from "./testing.ts";
import { advanceRollouts, convergeNewcomers } from "./worker.ts";

const AGENTS = 3_000;
/** Rows that a look may read where one agent changed: itself, its rollouts, and what a plan may read beside it. */
const ROWS_MAX = 20;

let world: RolloutWorld;
beforeEach(async () => {
  world = await rolloutWorld();
});
afterEach(() => world.close());

test("looking for agents that came back costs those that connected, not those that are away", async () => {
  const ids = await world.agents(AGENTS);
  const { id } = await create({ plan: { waves: [{ percent: 100 }], soak_seconds: 0 } });
  const now = new Date(world.now());
  await sql`update agents set disconnected_at = ${now}, connected_at = ${now}::timestamptz - interval '1 day'`.execute(
    system(),
  );
  await sql`update rollout_agents set state = 'unreachable', assigned_at = now()`.execute(system());
  const [back = ""] = ids;
  await reconnect(back);
  await analyze();
  const since = new Date(world.now() - 10_000);
  const looked = await rowsRead((db) =>
    listReturned(db, id, { since }, { now: world.now(), limit: 100, onlyAssigned: true }),
  );
  expect(looked.value.map(({ agent_id }) => agent_id)).toEqual([back]);
  expect(looked.rows).toBeLessThan(ROWS_MAX);
  await sql`update rollouts set state = 'completed', ended_at = now()`.execute(system());
  const unsettled = await rowsRead((db) => listUnsettled(db, { since }, 100));
  expect(unsettled.value.map((rollout) => rollout.id)).toEqual([id]);
  expect(unsettled.rows).toBeLessThan(ROWS_MAX);
  expect((await rowsRead((db) => listUnsettled(db, { since: null }, 100))).rows).toBeGreaterThanOrEqual(
    AGENTS,
  );
});

test("who connected before the last look is found by the one among all; of more than one batch nobody is left", async () => {
  const ids = await world.agents(2_100);
  const { id } = await create({ plan: { waves: [{ percent: 100 }], soak_seconds: 0 } });
  await sql`update rollouts set state = 'running', wave = 0`.execute(system());
  await sql`update rollout_waves set state = 'running', counts = counts || '{"waiting": 0, "unreachable": 2100}'`.execute(
    system(),
  );
  await sql`update rollout_agents set state = 'unreachable'`.execute(system());
  await sql`update agents set connected_at = ${new Date(world.now() - 60_000)}, last_seen_at = now()`.execute(
    system(),
  );
  const since = new Date(world.now() - 10_000);
  await advanceRollouts(world.base, world.ports, { since });
  expect((await world.read(id)).counts).toMatchObject({ unreachable: ids.length });
  await sql`update rollouts set state = 'running', ended_at = null`.execute(system());
  await sql`update agents set connected_at = ${new Date(world.now())}`.execute(system());
  await advanceRollouts(world.base, world.ports, { since });
  const { counts } = await world.read(id);
  expect(counts.unreachable).toBe(0);
  expect(counts.waiting + counts.offered).toBe(ids.length);
});

test("looking for newcomers costs the agents that changed: made, relabelled or described anew", async () => {
  const ids = await world.agents(AGENTS, { env: "dev" });
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(system());
  const changedSince = rows[0]?.now as Date;
  const [relabelled = "", described = "", touched = ""] = ids;
  await sql`update agents set labels = '{"env": "prod"}' where id = ${relabelled}`.execute(system());
  await sql`insert into agent_reports (agent_id, organization_id, identifying_attributes, non_identifying_attributes, custom_capabilities)
    select id, organization_id, '{"service.name": "edge"}', '{}', '[]' from agents where id = ${described}`.execute(
    system(),
  );
  // As a heartbeat does, and a health report.
  await sql`update agents set last_seen_at = now(), healthy = false, health_status = 'bad' where id = ${touched}`.execute(
    system(),
  );
  const [made = ""] = await world.agents(1, {}, "made");
  await analyze();
  const found = await selectChanged("true", changedSince);
  expect(found.ids).toEqual([relabelled, described, made]);
  expect(found.rows).toBeLessThan(ROWS_MAX);
});

test("for selectors by state or health it costs those as well that connected or are well or unwell since", async () => {
  const ids = await world.agents(AGENTS);
  await sql`update agents set connected_at = ${new Date(world.now() - 86_400_000)}, last_seen_at = ${new Date(world.now())}`.execute(
    system(),
  );
  await sweepHealth(system(), world.now());
  const [unwell = "", back = "", touched = ""] = ids;
  await sql`update agents set changed_at = ${new Date(world.now() - 3_600_000)}`.execute(system());
  world.pass(60);
  const changedSince = new Date(world.now() - 30_000);
  await sql`update agents set last_seen_at = ${new Date(world.now())}`.execute(system());
  await sql`update agents set healthy = false, health_at = ${new Date(world.now())} where id = ${unwell}`.execute(
    system(),
  );
  await reconnect(back);
  await sql`update agents set health_status = 'still well' where id = ${touched}`.execute(system());
  await sweepHealth(system(), world.now());
  await analyze();
  const looked = await selectChanged('health == "bad" || state == "connected"', changedSince);
  expect(looked.ids).toEqual([unwell, back]);
  expect(looked.rows).toBeLessThan(2 * ROWS_MAX);
  expect((await selectChanged("true", changedSince)).ids).toEqual([]);
});

test("an agent that comes to match a completed rollout by how it is gets its version at the next look among what changed", async () => {
  const ids = await world.agents(3);
  const [unwell = ""] = ids;
  await sql`update agents set healthy = false where id = ${unwell}`.execute(system());
  await sweepHealth(system(), world.now());
  const { id } = await create({ selector: "healthy", plan: { waves: [{ percent: 100 }], soak_seconds: 0 } });
  await world.run(async () => (await world.read(id)).state === "completed");
  const known = new Map<string, string>();
  await convergeNewcomers(world.base, world.ports, { since: null }, known);
  expect((await world.assigned()).has(unwell)).toBe(false);
  const since = new Date(world.now());
  world.pass(20);
  await sql`update agents set healthy = true, last_seen_at = ${new Date(world.now())} where id = ${unwell}`.execute(
    system(),
  );
  await sweepHealth(system(), world.now());
  await convergeNewcomers(world.base, world.ports, { since }, known);
  expect((await world.assigned()).has(unwell)).toBe(true);
});

test("the whole fleet is looked at where another rollout has completed since, or newcomers are left", async () => {
  await world.agents(2, { env: "dev" });
  const known = new Map<string, string>();
  const look = { since: new Date(Date.now() + 3_600_000) };
  const first = await create({ plan: { waves: [{ percent: 100 }], soak_seconds: 0, max_unavailable: 2 } });
  await world.run(async () => (await world.read(first.id)).state === "completed");
  const late = await world.agents(5, {}, "late");
  const count = async () => {
    const all = await world.assigned();
    return late.filter((id) => all.has(id)).length;
  };
  await convergeNewcomers(world.base, world.ports, look, known);
  expect(await count()).toBe(2);
  await convergeNewcomers(world.base, world.ports, look, known);
  expect(await count()).toBe(4);
  await convergeNewcomers(world.base, world.ports, look, known);
  expect(await count()).toBe(5);
  // All are known now: the next look is among what changed, and in that hour nothing did.
  await convergeNewcomers(world.base, world.ports, look, known);
  await world.agents(1, {}, "later");
  await convergeNewcomers(world.base, world.ports, look, known);
  expect((await world.assigned()).size).toBe(7);
  await convergeNewcomers(world.base, world.ports, { since: null }, known);
  expect((await world.assigned()).size).toBe(8);
});

/** Which agents a selector matches of those that changed, and how many rows that read. */
async function selectChanged(text: string, changedSince: Date): Promise<{ ids: string[]; rows: number }> {
  const selector = parseSelector(text);
  if (!selector.ok) throw new Error(selector.problem);
  const { value, rows } = await rowsRead((db) =>
    selectFirst(db, [selector], { now: world.now(), changedSince }),
  );
  return { ids: value.agents.map(({ agent }) => agent.id), rows };
}

const system = () => world.base.storage.system;

async function create(body: Record<string, unknown>): Promise<Rollout> {
  return world.create({ configuration_id: await world.configuration("edge", 1), ...body });
}

async function reconnect(id: string): Promise<void> {
  await system()
    .updateTable("agents")
    .set({ disconnected_at: null, connected_at: new Date(world.now()), last_seen_at: new Date(world.now()) })
    .where("id", "=", id)
    .execute();
}

/** As autovacuum does by and by; only who owns the tables may. */
async function analyze(): Promise<void> {
  const owner = new pg.Client({ connectionString: world.base.storage.connectionString });
  await owner.connect();
  await owner.query("analyze agents, rollout_agents");
  await owner.end();
}

/** Rows of the fleet and of rollouts that a query reads, by scan or by index. */
async function rowsRead<T>(query: (db: Db) => Promise<T>): Promise<{ value: T; rows: number }> {
  return system()
    .transaction()
    .execute(async (db) => {
      const read = async () => {
        const { rows } = await sql<{ rows: number }>`
          select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_xact_user_tables
          where relname in ('agents', 'rollout_agents')`.execute(db);
        return rows[0]?.rows ?? 0;
      };
      const before = await read();
      const value = await query(db);
      return { value, rows: (await read()) - before };
    });
}
