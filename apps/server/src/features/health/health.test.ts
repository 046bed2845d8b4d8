import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import fc from "fast-check";
import { newId, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { changeConfiguration, createConfiguration } from "../configurations/configurations.ts";
import { insertAgent, setAgent } from "../fleet/agents.ts";
import { readFacets } from "../fleet/fleet.ts";
import { readHealthHistory } from "./history.ts";
import { healthLevel, isUnknownSinceOffer, OFFER_SETTLES_MS, OFFER_UNKNOWN_MS_MAX } from "./levels.ts";
import { findHealth, sweepHealth } from "./store.ts";

const T0 = Date.parse("2026-03-10T12:00:00Z");
const SECOND = 1_000;

let world: TestBase;
let ctx: Ctx;
let siteId: string;
let clock = T0;
const system = () => world.base.storage.system;
const at = (ms: number) => new Date(ms);

beforeAll(async () => {
  world = await testBase({ now: () => clock });
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  clock = T0;
  ({ ctx, siteId } = await testOrganization(world.base));
});

async function newAgent(columns: Parameters<typeof setAgent>[2] = {}): Promise<string> {
  const id = newId();
  await insertAgent(system(), {
    id,
    organization_id: ctx.actor.organization_id,
    site_id: siteId,
    kind: "collector",
    name: "edge",
    instance_uid: null,
    approval: "approved",
    labels: "{}",
    created_at: at(T0 - 3_600_000),
  });
  await setAgent(system(), id, { last_seen_at: at(T0), ...columns });
  return id;
}

const sweep = (seconds: number) => {
  clock = T0 + seconds * SECOND;
  return sweepHealth(system(), clock);
};
const history = (id: string) => readHealthHistory(ctx, id, {});

test("silence takes an agent from healthy over warning to unhealthy; hearing it brings it back; all of it is kept", async () => {
  const id = await newAgent({ healthy: true });
  expect((await sweep(60)).map((each) => each.id)).toEqual([id]);
  expect(await history(id)).toMatchObject({ level: "healthy", score: 100, flaps: 0 });
  expect(await sweep(60)).toEqual([]);
  expect(await sweep(61)).toHaveLength(1);
  expect(await history(id)).toMatchObject({
    level: "warning",
    score: 50,
    reason: "Nothing was heard of it for more than 60 s.",
  });
  await sweep(300);
  expect(await history(id)).toMatchObject({ level: "warning" });
  await sweep(301);
  expect(await history(id)).toMatchObject({ level: "unhealthy", score: 20 });
  await setAgent(system(), id, { last_seen_at: at(T0 + 400 * SECOND) });
  await sweep(401);
  await setAgent(system(), id, { disconnected_at: at(T0 + 500 * SECOND) });
  await sweep(501);
  clock = T0 + 601 * SECOND;
  const { spans, seconds, flaps, level, score, since } = await history(id);
  expect(spans.map((span) => span.level)).toEqual(["healthy", "warning", "unhealthy", "healthy", "offline"]);
  expect(spans.every((span, index) => index === 0 || span.from === spans[index - 1]?.to)).toBe(true);
  expect(seconds).toEqual({ healthy: 101, warning: 240, unhealthy: 100, offline: 100, unknown: 0 });
  expect([flaps, level, score, since]).toEqual([3, "offline", 0, at(T0 + 501 * SECOND).toISOString()]);
  const part = await readHealthHistory(ctx, id, {
    from: at(T0 + 350 * SECOND).toISOString(),
    to: at(T0 + 451 * SECOND).toISOString(),
  });
  expect(part.seconds).toMatchObject({ unhealthy: 51, healthy: 50, warning: 0 });
});

test("what was not swept yet shows all the same", async () => {
  const id = await newAgent({ healthy: true });
  expect(await history(id)).toMatchObject({ level: "healthy", spans: [{ to: null }] });
  await sweep(1);
  await setAgent(system(), id, { healthy: false, health_status: "disk full", health_at: at(T0) });
  clock = T0 + 30 * SECOND;
  expect(await history(id)).toMatchObject({
    level: "unhealthy",
    reason: "It says that it is not healthy: disk full",
    spans: [
      { level: "healthy", to: at(clock).toISOString() },
      { level: "unhealthy", to: null },
    ],
  });
});

test("an unhealthy component is the reason", async () => {
  const id = await newAgent({ healthy: false, health_status: "StatusRecoverableError", health_at: at(T0) });
  const part = (healthy: boolean) => ({
    healthy,
    status: "",
    last_error: "",
    start_time: null,
    status_time: null,
    components: {},
  });
  await system()
    .insertInto("agent_reports")
    .values({
      agent_id: id,
      organization_id: ctx.actor.organization_id,
      identifying_attributes: "{}",
      non_identifying_attributes: "{}",
      health: JSON.stringify({
        ...part(false),
        components: { extensions: part(true), "pipeline:traces": part(false) },
      }),
      custom_capabilities: "[]",
    } as never)
    .execute();
  await sweep(1);
  const reason = "It says that it is not healthy: pipeline:traces: StatusRecoverableError";
  expect(await history(id)).toMatchObject({ level: "unhealthy", reason });
  const row = await system()
    .selectFrom("agent_health")
    .select("reason")
    .where("agent_id", "=", id)
    .executeTakeFirst();
  expect(row?.reason).toBe(reason);
});

test("a configuration says when its agents count as healthy", async () => {
  const body =
    "receivers: {nop: }\nexporters: {nop: }\nservice: {pipelines: {logs: {receivers: [nop], exporters: [nop]}}}\n";
  const made = await createConfiguration(ctx, { name: "edge", description: "", body, message: "first" });
  const health_thresholds = { healthy_seconds: 600, warning_seconds: 1_200 };
  expect(await changeConfiguration(ctx, made.id, { health_thresholds })).toMatchObject({ health_thresholds });
  const [slow, usual] = [await newAgent({ healthy: true }), await newAgent({ healthy: true })];
  await system()
    .insertInto("agent_assignments")
    .values({
      agent_id: slow,
      organization_id: ctx.actor.organization_id,
      configuration_id: made.id,
      version: 1,
      offer_hash: "x",
      assigned_at: at(T0),
      changed_at: at(T0),
    } as never)
    .execute();
  await sweep(400);
  expect([await history(slow), await history(usual)]).toMatchObject([
    { level: "healthy" },
    { level: "unhealthy" },
  ]);
  await sweep(1_000);
  expect(await history(slow)).toMatchObject({
    level: "warning",
    reason: "Nothing was heard of it for more than 600 s.",
  });
  expect(await changeConfiguration(ctx, made.id, { health_thresholds: null })).toMatchObject({
    health_thresholds: null,
  });
  expect(await history(slow)).toMatchObject({ level: "unhealthy" });
});

describe("after an offer of connection settings", () => {
  const offered = {
    settings_offered_at: at(T0),
    healthy: true as boolean | null,
    health_at: at(T0 - 1) as Date | null,
  };

  test("health is unknown until it is reported anew; a quick `unhealthy` is not believed at once, nor anything for ever", () => {
    const is = (change: Partial<typeof offered>, seconds: number) =>
      isUnknownSinceOffer({ ...offered, ...change }, T0 + seconds * SECOND);
    expect(is({}, 5)).toBe(true);
    expect(is({ health_at: at(T0 + 2_000) }, 5)).toBe(false);
    expect(is({ healthy: false, health_at: at(T0 + 2_000) }, 5)).toBe(true);
    expect(is({ healthy: false, health_at: at(T0 + 2_000) }, 400)).toBe(true);
    expect(is({ healthy: false, health_at: at(T0 + OFFER_SETTLES_MS) }, 61)).toBe(false);
    expect(is({ healthy: false, health_at: at(T0 + 2_000) }, OFFER_UNKNOWN_MS_MAX / SECOND)).toBe(false);
    expect(is({ healthy: null, health_at: null }, 5)).toBe(false);
  });

  test("it has no score and its history says so", async () => {
    const id = await newAgent({ ...offered, last_seen_at: at(T0 + 5 * SECOND) });
    await sweep(5);
    expect(await history(id)).toMatchObject({ level: "unknown", score: null });
    await setAgent(system(), id, { healthy: true, health_at: at(T0 + 8 * SECOND) });
    await sweep(10);
    clock += SECOND;
    expect(await history(id)).toMatchObject({ level: "healthy", spans: [{ level: "unknown" }, {}] });
  });
});

test("the same rule in SQL and in code, for all kinds of agents", async () => {
  const moment = fc.option(fc.constantFrom(0, 1, 59, 60, 61, 299, 300, 301, 599, 600, 5_000), { nil: null });
  const ago = (seconds: number | null) => (seconds === null ? null : at(T0 - seconds * SECOND));
  const rows = fc.sample(
    fc.record({
      seen: moment,
      gone: fc.constantFrom(null, null, null, null, 3),
      revoked: fc.constantFrom(null, null, null, null, null, 3),
      healthy: fc.constantFrom(true, false, null),
      status: fc.constantFrom(null, "", "bad"),
      healthAt: moment,
      offered: moment,
    }),
    { numRuns: 300, seed: 7 },
  );
  for (const row of rows)
    await newAgent({
      last_seen_at: ago(row.seen),
      disconnected_at: ago(row.gone),
      revoked_at: ago(row.revoked),
      healthy: row.healthy,
      health_status: row.status,
      health_at: ago(row.healthAt),
      settings_offered_at: ago(row.offered),
    });
  await sweep(0);
  const swept = await system()
    .selectFrom("agent_health")
    .selectAll()
    .where("organization_id", "=", ctx.actor.organization_id)
    .execute();
  expect(swept).toHaveLength(rows.length);
  for (const { agent_id, level, reason } of swept) {
    const row = await findHealth(system(), agent_id);
    if (row === undefined) throw new Error("gone");
    const thresholds = { healthyMs: row.healthy_ms, warningMs: row.warning_ms };
    expect(healthLevel(row, T0, thresholds, row.component)).toEqual({ level, reason });
  }
  expect(new Set(swept.map(({ level }) => level)).size).toBe(5);
  const facets = await readFacets(ctx, {});
  expect(facets.health_level.reduce((sum, { count }) => sum + count, 0)).toBe(rows.length);
});

test("another organization's agent has no history here; a range without sense is refused", async () => {
  const id = await newAgent();
  const other = await testOrganization(world.base);
  await expect(readHealthHistory(other.ctx, id, {})).rejects.toMatchObject({ code: "not_found" });
  await expect(
    readHealthHistory(ctx, id, { from: at(T0 + 1).toISOString(), to: at(T0).toISOString() }),
  ).rejects.toMatchObject({ code: "invalid_input" });
});
