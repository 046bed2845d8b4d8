import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { sql } from "kysely";
import { collectorMetrics, metricsRequest, type TestMetric } from "@flowplane/telemetry/testing";
import { reportsOf } from "@flowplane/telemetry";
import { inTransaction, newId, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { insertAgent } from "../fleet/agents.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { ensureDays } from "./days.ts";
import { listOwnLogs } from "./own-log-api.ts";
import { rollUp } from "./rollup.ts";
import { SeriesNumbers } from "./series.ts";
import { listMetrics, readSeries } from "./series-api.ts";
import { changeSettings, readSettings } from "./settings.ts";
import { insertLogs, insertReports } from "./store.ts";
import { readAgentThroughput, readFleetThroughput, readRates, rollUpFor } from "./throughput.ts";

const T0 = Date.parse("2026-03-10T12:00:00Z");
const MINUTE = 60_000;
const iso = (ms: number) => new Date(ms).toISOString();

let world: TestBase;
let ctx: Ctx;
let siteId: string;
let clock = T0;
let numbers: SeriesNumbers;
const system = () => world.base.storage.system;

beforeAll(async () => {
  world = await testBase({ now: () => clock });
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  clock = T0;
  ({ ctx, siteId } = await testOrganization(world.base));
  numbers = new SeriesNumbers(world.base);
  await ensureDays(system(), T0);
  await sql`
    insert into own_rollup (minutes_until) values (${new Date(T0 - 120 * MINUTE)})
    on conflict (one) do update set minutes_until = excluded.minutes_until`.execute(system());
});

async function newAgent(name = "edge"): Promise<AgentIdentity> {
  const id = newId();
  await insertAgent(system(), {
    id,
    organization_id: ctx.actor.organization_id,
    site_id: siteId,
    kind: "collector",
    name,
    instance_uid: null,
    approval: "approved",
    labels: "{}",
  });
  return {
    agent_id: id,
    organization_id: ctx.actor.organization_id,
    site_id: siteId,
    name,
    credential: "bearer",
  };
}

/** As a body of the agent's would be stored. */
async function report(agent: AgentIdentity, atMs: number, metrics: readonly TestMetric[]): Promise<void> {
  for (const each of reportsOf(metricsRequest(atMs, T0 - 90 * MINUTE, metrics), clock).reports) {
    const ids = await numbers.of(agent, each.points);
    await insertReports(system(), [
      {
        organizationId: agent.organization_id,
        agentId: agent.agent_id,
        atMs: each.atMs,
        startedAtMs: each.startedAtMs,
        totals: each.totals,
        series: ids.map((id) => id ?? 0),
        amounts: each.points.map(({ value }) => value),
      },
    ]);
  }
}

/** Minute after minute up to now: 10 spans a second in, 9 out, 1 failed. */
async function steady(agent: AgentIdentity, minutes: number): Promise<void> {
  for (let minute = minutes; minute >= 0; minute -= 1) {
    const seconds = (minutes - minute) * 60;
    await report(
      agent,
      T0 - minute * MINUTE,
      collectorMetrics({ accepted: seconds * 10, sent: seconds * 9, failed: seconds, queue: 50 }),
    );
  }
}

const stored = (values: readonly (number | null)[]) => values.filter((value) => value !== null);

describe("an agent's throughput", () => {
  test("is in items a second, by signal, with what its components do now", async () => {
    const agent = await newAgent();
    await steady(agent, 30);
    const result = await readAgentThroughput(ctx, agent.agent_id, {});
    expect([result.step_seconds, result.start, result.accepted.length]).toEqual([
      60,
      iso(T0 - 60 * MINUTE),
      60,
    ]);
    expect(stored(result.accepted)).toEqual(Array.from({ length: 30 }).fill(10));
    expect(new Set(stored(result.sent))).toEqual(new Set([9]));
    expect(new Set(stored(result.failed))).toEqual(new Set([1]));
    expect(new Set(stored(result.queue_size))).toEqual(new Set([50]));
    expect(result.last_reported_at).toBe(iso(T0));
    expect(result.components).toEqual([
      expect.objectContaining({
        kind: "exporter",
        component: "otlp_http",
        signal: "traces",
        sent_per_second: 9,
        failed_per_second: 1,
        queue_size: 50,
        queue_capacity: 1_000,
      }),
      expect.objectContaining({ kind: "receiver", component: "otlp", accepted_per_second: 10 }),
    ]);
    const logs = await readAgentThroughput(ctx, agent.agent_id, { signal: "logs" });
    expect(stored(logs.accepted)).toEqual([]);
  });

  test("of a longer time has wider steps; where reports are gone it comes from the roll-ups", async () => {
    const agent = await newAgent();
    await steady(agent, 90);
    clock = T0 + 10 * MINUTE;
    while ((await rollUp(system(), clock)) > 0);
    const day = await readAgentThroughput(ctx, agent.agent_id, {
      from: iso(T0 - 24 * 60 * MINUTE),
      to: iso(T0),
    });
    expect(day.step_seconds).toBe(300);
    for (const rate of stored(day.accepted)) expect(rate).toBeCloseTo(10, 6);
    for (const [later, from] of [
      [4, T0 - 90 * MINUTE],
      [30, T0 - 90 * MINUTE],
    ] as const) {
      clock = T0 + later * 86_400_000;
      const old = await readAgentThroughput(ctx, agent.agent_id, { from: iso(from), to: iso(T0) });
      expect(stored(old.accepted).length).toBeGreaterThan(5);
      for (const rate of stored(old.accepted)) expect(rate).toBeCloseTo(10, 3);
    }
  });

  test("a range without sense is refused; another organization's agent is not there", async () => {
    const agent = await newAgent();
    const ask = (query: object) => readAgentThroughput(ctx, agent.agent_id, query);
    await expect(ask({ from: iso(T0), to: iso(T0 - 1) })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(ask({ from: iso(0), to: iso(T0) })).rejects.toMatchObject({ code: "invalid_input" });
    const other = await testOrganization(world.base);
    await expect(readAgentThroughput(other.ctx, agent.agent_id, {})).rejects.toMatchObject({
      code: "not_found",
    });
  });
});

describe("the fleet's throughput", () => {
  test("adds up all agents, the newest minutes included, and only those a filter names", async () => {
    const [first, second] = [await newAgent("north"), await newAgent("south")];
    await steady(first, 30);
    await steady(second, 30);
    clock = T0 + 1_000;
    while ((await rollUp(system(), clock)) > 0);
    const all = await readFleetThroughput(ctx, {});
    expect(all.agents).toBe(2);
    expect(stored(all.accepted).length).toBeGreaterThanOrEqual(29);
    for (const rate of stored(all.accepted)) expect(rate).toBeCloseTo(20, 3);
    for (const size of stored(all.queue_size)) expect(size).toBeCloseTo(100, 3);
    const north = await readFleetThroughput(ctx, { q: "north" });
    expect(north.agents).toBe(1);
    expect(stored(north.accepted).length).toBeGreaterThanOrEqual(29);
    for (const rate of stored(north.accepted)) expect(rate).toBeCloseTo(10, 3);
    expect((await readFleetThroughput(ctx, { q: "nobody" })).agents).toBe(0);
    expect((await readFleetThroughput(ctx, { configuration_id: newId() })).agents).toBe(0);
    const other = await testOrganization(world.base);
    expect(await readFleetThroughput(other.ctx, {})).toMatchObject({ agents: 0 });
  });
});

test("rates of agents over a time are what they moved in it and what they lost", async () => {
  const [good, silent] = [await newAgent(), await newAgent()];
  await steady(good, 30);
  const rates = await inTransaction(ctx, (ctx) =>
    readRates(ctx, [good.agent_id, silent.agent_id], {
      from: new Date(T0 - 10 * MINUTE - 30_000),
      to: new Date(T0),
    }),
  );
  expect([...rates.keys()]).toEqual([good.agent_id]);
  expect(rates.get(good.agent_id)?.acceptedPerSecond).toBeCloseTo(10, 6);
  expect(rates.get(good.agent_id)?.errorPercent).toBeCloseTo(10, 6);
});

test("every series can be listed and read over time", async () => {
  const agent = await newAgent();
  await steady(agent, 10);
  const { reported_at, items } = await listMetrics(ctx, agent.agent_id);
  expect(reported_at).toBe(iso(T0));
  expect(items.map(({ name }) => name)).toContain("otelcol_process_uptime");
  const query = { agent_id: agent.agent_id, name: "otelcol_exporter_sent_spans" };
  const { series } = await readSeries(ctx, query);
  expect(series).toHaveLength(1);
  expect(series[0]).toMatchObject({ attributes: { exporter: "otlp_http" }, kind: "counter" });
  expect(stored(series[0]?.values ?? [])).toEqual(Array.from({ length: 10 }).fill(9));
  const gauges = await readSeries(ctx, { ...query, name: "otelcol_exporter_queue_size" });
  expect(new Set(stored(gauges.series[0]?.values ?? []))).toEqual(new Set([50]));
  await expect(
    readSeries(ctx, { ...query, from: iso(T0 - 5 * 86_400_000), to: iso(T0) }),
  ).rejects.toMatchObject({
    message: expect.stringContaining("telemetry_report_days"),
  });
  const other = await testOrganization(world.base);
  expect(await listMetrics(other.ctx, agent.agent_id)).toEqual({ reported_at: null, items: [] });
  expect(await readSeries(other.ctx, query)).toMatchObject({ series: [] });
});

test("an agent's log is read newest first, page by page, from a severity on", async () => {
  const agent = await newAgent();
  await insertLogs(
    system(),
    Array.from({ length: 7 }, (_, n) => ({
      organizationId: agent.organization_id,
      agentId: agent.agent_id,
      atMs: T0 + Math.floor(n / 2),
      severity: n % 2 === 0 ? 9 : 17,
      body: `line ${n}`,
      attributes: "{}",
      digest: String(n - 3),
    })),
  );
  const first = await listOwnLogs(ctx, agent.agent_id, { limit: 4, severity_min: 0 });
  const second = await listOwnLogs(ctx, agent.agent_id, {
    limit: 4,
    severity_min: 0,
    cursor: first.next_cursor ?? "",
  });
  expect([...first.items, ...second.items].map(({ body }) => body)).toEqual(
    [6, 5, 4, 3, 2, 1, 0].map((n) => `line ${n}`),
  );
  expect(second.next_cursor).toBeNull();
  const errors = await listOwnLogs(ctx, agent.agent_id, { limit: 10, severity_min: 17 });
  expect(errors.items.map(({ body }) => body)).toEqual(["line 5", "line 3", "line 1"]);
});

test("what is offered can be changed, and the change is audited", async () => {
  expect(await readSettings(ctx)).toEqual({
    metrics: true,
    logs: true,
    traces: false,
    endpoint: null,
    sites_off: [],
  });
  const changed = { metrics: true, logs: false, traces: true, endpoint: null, sites_off: [siteId] };
  expect(await changeSettings(ctx, changed)).toEqual(changed);
  expect(await readSettings(ctx)).toEqual(changed);
  const events = await system()
    .selectFrom("audit_events")
    .select("action")
    .where("organization_id", "=", ctx.actor.organization_id)
    .execute();
  expect(events.map(({ action }) => action)).toContain("own_telemetry.change");
});

test("part of a fleet is read by the minute where that is no more rows than a page may wait for", () => {
  const hours = (agents: number) => [1, 2, 6, 7].map((each) => rollUpFor(agents, each * 3_600_000));
  const [minutes, ten] = ["own_minutes", "own_ten_minutes"];
  expect(hours(0)).toEqual([minutes, minutes, minutes, ten]);
  expect(hours(4_000)).toEqual([minutes, minutes, minutes, ten]);
  expect(hours(24_000)).toEqual([minutes, ten, ten, ten]);
  expect(hours(100_000)).toEqual([ten, ten, ten, ten]);
});
