import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId } from "../../platform/context.ts";
import { createLog } from "../../platform/log.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { until } from "../../testing/gateway.ts";
import { updateAttempts } from "../delivery/store.ts";
import { writeAttempts } from "../delivery/attempts.ts";
import { insertAgents } from "../fleet/agents.ts";
import { markLost, type AgentStatus } from "../fleet/status.ts";
import { writePackages } from "../releases/reported.ts";
import { StatusWriter } from "./writer.ts";

// Rows in an order of their own, and so many that the planner hashes them: then a statement meets them in the order of the
// table, and another one, of fewer agents, in the order of its list.
const AGENTS = 1_500;
const NOW = Date.parse("2026-03-10T12:00:00Z");

let world: TestBase;
let organizationId: string;
let ids: string[];
beforeAll(async () => {
  world = await testBase();
  const { ctx, siteId } = await testOrganization(world.base);
  organizationId = ctx.actor.organization_id;
  ids = Array.from({ length: AGENTS }, newId);
  const shuffled = ids.toSorted((a, b) => (a.slice(-12) < b.slice(-12) ? -1 : 1));
  await insertAgents(
    world.base.storage.system,
    shuffled.map((id) => ({
      id,
      organization_id: organizationId,
      site_id: siteId,
      kind: "collector",
      name: "edge",
      instance_uid: newId(),
      approval: "approved",
      labels: "{}",
      connection_id: newId(),
      last_seen_at: new Date(NOW - 3_600_000),
      created_at: new Date(NOW),
    })),
  );
  await world.base.storage.systemPool.query(
    `insert into configuration_attempts (agent_id, offer_hash, organization_id, status, status_at)
     select id, 'aa', organization_id, 'waiting', now() from agents order by right(id::text, 12)`,
  );
  const owner = new pg.Client({ connectionString: world.base.storage.connectionString });
  await owner.connect();
  await owner.query("analyze agents, configuration_attempts");
  await owner.end();
});
afterAll(() => world[Symbol.asyncDispose]());

test("a batch of what agents say takes their rows in the order of their ids, heartbeats and changes alike", async () => {
  const writer = writerOf();
  for (const [index, id] of ids.toReversed().entries()) writer.put(statusOf(id, index % 2 === 0));
  await expectInOrder("agents", "id", () => writer.flush());
  await writer.close(Date.now());
});

test("so does what came of configurations", async () => {
  const news = { status: "applied", at: NOW, offeredAt: NOW, error: "", rolledBackTo: null } as const;
  await expectInOrder("configuration_attempts", "agent_id", () =>
    updateAttempts(
      world.base.storage.system,
      ids.toReversed().map((agentId) => ({ agentId, hash: "aa", ...news })),
    ),
  );
});

test("who is being written is not marked as lost, and nobody waits for it", async () => {
  const [first = ""] = ids;
  await world.base.storage.systemPool.query(
    "update agents set connection_id = id, last_seen_at = $1::timestamptz - interval '1 hour'",
    [new Date(NOW)],
  );
  await using _held = await holdRow("agents", "id", first);
  const lost = await markLost(world.base.storage.system, new Date(NOW), 100_000);
  expect(lost.map(({ id }) => id).toSorted()).toEqual(ids.slice(1));
});

/** Somebody holds the row in the middle: whoever takes rows in order has those before it by then and none behind it. */
async function expectInOrder(table: string, column: string, write: () => Promise<unknown>): Promise<void> {
  const middle = ids[AGENTS / 2] ?? "";
  const held = await holdRow(table, column, middle);
  const writing = write();
  try {
    await until("the writer to meet the row", async () => ((await held.waiting()) > 0 ? true : undefined));
    expect(await held.free()).toEqual(ids.slice(AGENTS / 2 + 1));
  } finally {
    await held[Symbol.asyncDispose]();
  }
  await writing;
}

async function holdRow(table: string, column: string, id: string) {
  const { connectionString } = world.base.storage;
  const holder = new pg.Client({ connectionString });
  const watcher = new pg.Client({ connectionString });
  await Promise.all([holder.connect(), watcher.connect()]);
  await holder.query("begin");
  await holder.query(`select from ${table} where ${column} = $1 for update`, [id]);
  return {
    /** How many wait for a lock. */
    async waiting(): Promise<number> {
      const { rows } = await watcher.query<{ count: number }>(
        "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      );
      return rows[0]?.count ?? 0;
    },
    /** Rows that nobody has locked. */
    async free(): Promise<string[]> {
      const { rows } = await watcher.query<{ id: string }>(
        `select ${column} as id from ${table} order by ${column} for update skip locked`,
      );
      return rows.map((row) => row.id);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([holder.end(), watcher.end()]);
    },
  };
}

function writerOf(): StatusWriter {
  return new StatusWriter({
    db: world.base.storage.system,
    log: createLog("silent"),
    intervalMs: 60_000,
    writeAttempts,
    writePackages,
    onWritten: () => undefined,
    onDropped: () => undefined,
  });
}

function statusOf(agentId: string, isChanged: boolean): AgentStatus {
  return {
    agentId,
    organizationId,
    connectionId: newId(),
    takesOver: true,
    lastSeenAt: NOW,
    sequenceNum: 1,
    messageDigest: 1,
    columns: isChanged ? { healthy: true } : null,
    report: isChanged ? { health: { healthy: true } } : null,
    session: null,
    reportBytes: 10,
    attempts: null,
    packages: null,
  };
}
