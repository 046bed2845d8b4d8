import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { sql } from "kysely";
import { TOTALS_LENGTH, totalIndex } from "@flowplane/telemetry";
import { newId } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { changeRetention } from "../identity/retention.ts";
import { Retention } from "@flowplane/contract";
import { ensureDays } from "./days.ts";
import { LOGS_PER_AGENT_MAX } from "./limits.ts";
import { keepTelemetry } from "./retention.ts";
import { rollUp } from "./rollup.ts";
import { insertLogs, insertReports } from "./store.ts";

const T0 = Date.parse("2026-03-10T12:00:00Z");
const MINUTE = 60_000;
const ACCEPTED = totalIndex("traces", "accepted");
const QUEUE = totalIndex("traces", "queue_size");

let world: TestBase;
let clock = T0;
let organizationId: string;
let owner: Awaited<ReturnType<typeof testOrganization>>["ctx"];
const system = () => world.base.storage.system;

beforeAll(async () => {
  world = await testBase({ now: () => clock });
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  clock = T0;
  ({ ctx: owner } = await testOrganization(world.base));
  organizationId = owner.actor.organization_id;
  await ensureDays(system(), T0);
  await sql`
    insert into own_rollup (minutes_until) values (${new Date(T0 - 60 * MINUTE)})
    on conflict (one) do update set minutes_until = excluded.minutes_until`.execute(system());
});

async function report(
  agentId: string,
  seconds: number,
  accepted: number | null,
  options: { queue?: number; startedAtMs?: number | null } = {},
): Promise<void> {
  const totals = Array.from<number | null>({ length: TOTALS_LENGTH }).fill(null);
  totals[ACCEPTED] = accepted;
  totals[QUEUE] = options.queue ?? null;
  const { startedAtMs = T0 - MINUTE } = options;
  const row = {
    organizationId,
    agentId,
    atMs: T0 + seconds * 1_000,
    startedAtMs,
    totals,
    series: [],
    amounts: [],
  };
  await insertReports(system(), [row]);
}

async function rollAll(minutes: number): Promise<void> {
  clock = T0 + minutes * MINUTE;
  while ((await rollUp(system(), clock)) > 0);
}

async function minutesOf(agentId: string) {
  const rows = await system()
    .selectFrom("own_minutes")
    .selectAll()
    .where("agent_id", "=", agentId)
    .orderBy("at")
    .execute();
  return rows.map((row) => [
    (row.at.getTime() - T0) / MINUTE,
    row.seconds,
    row.amounts[ACCEPTED] ?? null,
    row.amounts[QUEUE] ?? null,
  ]);
}

test("what came between two reports is spread over the minutes between them; queues are averaged", async () => {
  const agent = newId();
  await report(agent, 0, 100, { queue: 0 });
  await report(agent, 30, 130, { queue: 10 });
  await report(agent, 90, 190, { queue: 20 });
  await report(agent, 180, 280, { queue: 0 });
  await rollAll(10);
  expect(await minutesOf(agent)).toEqual([
    [0, 60, 60, 15],
    [1, 60, 60, 10],
    [2, 60, 60, 0],
  ]);
});

test("counters that begin again count from 0, also when they are higher at once; a part that is gone counts nothing", async () => {
  const [restarted, shrunk, silent] = [newId(), newId(), newId()];
  await report(restarted, 0, 10);
  await report(restarted, 60, 70, { startedAtMs: T0 + 30_000 });
  await report(shrunk, 0, 500);
  await report(shrunk, 60, 400);
  await report(silent, 0, 500, { startedAtMs: null });
  await report(silent, 60, 40, { startedAtMs: null });
  await rollAll(10);
  expect(await minutesOf(restarted)).toEqual([[0, 60, 70, null]]);
  expect(await minutesOf(shrunk)).toEqual([[0, 60, 0, null]]);
  expect(await minutesOf(silent)).toEqual([[0, 60, 40, null]]);
});

test("nothing is said about a silence of more than ten minutes", async () => {
  const agent = newId();
  await report(agent, 0, 0);
  await report(agent, 60, 60);
  await report(agent, 60 + 601, 10_000);
  await report(agent, 60 + 661, 10_060);
  await rollAll(20);
  const rows = await minutesOf(agent);
  expect(rows[0]).toEqual([0, 60, 60, null]);
  expect(rows.slice(1).map(([at]) => at)).toEqual([11, 12]);
  expect(rows.slice(1).reduce((sum, [, , accepted]) => sum + (accepted ?? 0), 0)).toBeCloseTo(60, 3);
});

test("the sum over all minutes is what the counter moved, however reports fall, and in whatever order they came", async () => {
  const agent = newId();
  const times = Array.from({ length: 60 }, (_, n) => n * 47 + (n % 7) * 3);
  const shuffled = times.map((at, n) => ({ at, value: n * n })).toSorted((a, b) => (a.at % 13) - (b.at % 13));
  for (const { at, value } of shuffled) await report(agent, at, value);
  await rollAll(90);
  const rows = await minutesOf(agent);
  expect(rows.reduce((sum, [, , accepted]) => sum + (accepted ?? 0), 0)).toBeCloseTo(59 * 59, 0);
  const tens = await system()
    .selectFrom("own_ten_minutes")
    .selectAll()
    .where("agent_id", "=", agent)
    .execute();
  expect(tens.reduce((sum, row) => sum + (row.amounts[ACCEPTED] ?? 0), 0)).toBeCloseTo(59 * 59, 0);
  const fleet = await system()
    .selectFrom("own_fleet_minutes")
    .selectAll()
    .where("organization_id", "=", organizationId)
    .execute();
  expect(fleet.reduce((sum, row) => sum + (row.rates[ACCEPTED] ?? 0) * 60, 0)).toBeCloseTo(59 * 59, 0);
});

test("a minute is rolled up once it has settled, by one worker, and again to the same", async () => {
  const agent = newId();
  for (let at = 0; at <= 600; at += 60) await report(agent, at, at);
  await rollAll(5);
  expect(await minutesOf(agent)).toHaveLength(2);
  await Promise.all([rollAll(13), rollAll(13)]);
  const before = await minutesOf(agent);
  expect(before).toHaveLength(10);
  await sql`update own_rollup set minutes_until = ${new Date(T0)}`.execute(system());
  await rollAll(13);
  expect(await minutesOf(agent)).toEqual(before);
});

test("days are dropped when no organization keeps them; one that keeps less is cleared by rows", async () => {
  const other = await testOrganization(world.base);
  const agent = newId();
  await report(agent, 0, 1);
  const theirs = {
    organizationId: other.actor.organization_id,
    agentId: newId(),
    atMs: T0,
    startedAtMs: null,
    totals: [],
    series: [],
    amounts: [],
  };
  await insertReports(system(), [theirs]);
  await changeRetention(other.ctx, Retention.parse({ telemetry_report_days: 10 }));
  const count = async (agentId: string) =>
    (await system().selectFrom("own_reports").select("at").where("agent_id", "=", agentId).execute()).length;
  clock = T0 + 3 * 86_400_000;
  await keepTelemetry(world.base);
  expect([await count(agent), await count(theirs.agentId)]).toEqual([0, 1]);
  clock = T0 + 12 * 86_400_000;
  expect(await keepTelemetry(world.base)).toBeGreaterThan(0);
  expect(await count(theirs.agentId)).toBe(0);
  const { rows } = await sql<{
    day: string | null;
  }>`select to_regclass('own_reports_20260310') as day`.execute(system());
  expect(rows).toEqual([{ day: null }]);
});

test("of an agent's log the newest records stay", async () => {
  const agentId = newId();
  const rows = Array.from({ length: LOGS_PER_AGENT_MAX + 20 }, (_, n) => ({
    organizationId,
    agentId,
    atMs: T0 + n,
    severity: 9,
    body: `line ${n}`,
    attributes: "{}",
    digest: String(n),
  }));
  await insertLogs(system(), rows);
  await keepTelemetry(world.base);
  const kept = await system()
    .selectFrom("own_logs")
    .select("body")
    .where("agent_id", "=", agentId)
    .orderBy("at")
    .execute();
  expect([kept.length, kept[0]?.body]).toEqual([LOGS_PER_AGENT_MAX, "line 20"]);
});
