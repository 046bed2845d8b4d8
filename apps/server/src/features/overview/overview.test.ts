import { RolloutPlan } from "@flowplane/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newId, type Ctx } from "../../platform/context.ts";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { readOverview } from "./overview.ts";

const NOW = Date.parse("2026-01-01T12:30:00.000Z");
const ago = (ms: number) => new Date(NOW - ms);
const HOUR_MS = 3_600_000;

let server: TestBase;
let ctx: Ctx;
let siteId: string;
beforeAll(async () => {
  server = await testBase({ now: () => NOW });
  ({ ctx, siteId } = await testOrganization(server.base));
});
afterAll(() => server[Symbol.asyncDispose]());

test("a new installation has a checklist and nothing that needs anybody", async () => {
  const overview = await readOverview(ctx);
  expect(overview).toMatchObject({
    sentence: "No agent yet. Add one to see it here.",
    needs: [],
    runs_active: 0,
    checklist: { agent_enrolled: false, first_run: false, first_collector: false },
  });
  expect(overview.runs).toHaveLength(24);
  expect(overview.runs.at(-1)?.hour).toBe("2026-01-01T12:00:00.000Z");
});

test("what waits for a person is named, worst first; many alike are one need", async () => {
  await insertAgents(1, "fine", {});
  await insertAgents(1, "sick", { healthy: false, health_status: "exporter down" });
  await insertAgents(2, "waits", { approval: "pending", last_seen_at: null });
  await insertAgents(30, "gone", { disconnected_at: ago(HOUR_MS), last_seen_at: ago(HOUR_MS) });
  await insertRun("FAILED_STOP", ago(2 * HOUR_MS));
  await insertRun("RUNNING", ago(1_000));
  const overview = await readOverview(ctx);
  expect(overview.needs.map(({ severity, title, resource }) => [severity, title, resource])).toEqual([
    ["bad", "nightly on fine could not be stopped; something of it still runs", "run"],
    ["bad", expect.stringMatching("agents are offline|exporter down") as string, expect.any(String)],
    ["bad", expect.stringMatching("agents are offline|exporter down") as string, expect.any(String)],
    ["attention", "waits-0 waits for approval", "agent"],
    ["attention", "waits-1 waits for approval", "agent"],
  ]);
  expect(overview.needs.find(({ resource }) => resource === "agents")).toMatchObject({
    title: "30 agents are offline",
    id: "state:offline",
    since: ago(HOUR_MS).toISOString(),
  });
  expect(overview.sentence).toBe("2 of 34 agents connected, 1 run active, 5 things need you.");
  expect(overview.runs.at(-1)?.states).toEqual({ RUNNING: 1 });
  expect(overview.runs.at(-3)?.states).toEqual({ FAILED_STOP: 1 });
  expect(overview.checklist).toEqual({ agent_enrolled: true, first_run: true, first_collector: false });
});

test("rollouts that stopped, ask or went back are told; those under way are not", async () => {
  const configurationId = newId();
  const actor = JSON.stringify({ type: "user", id: "u", name: "Ada" });
  await server.base.storage.system
    .insertInto("configurations")
    .values({
      id: configurationId,
      organization_id: ctx.actor.organization_id,
      name: "edge",
      description: "",
      current_version: 7,
      created_by: actor,
      created_at: ago(HOUR_MS),
      updated_at: ago(HOUR_MS),
    })
    .execute();
  await server.base.storage.system
    .insertInto("configuration_versions")
    .values({
      organization_id: ctx.actor.organization_id,
      configuration_id: configurationId,
      version: 7,
      body: "",
      hash: "00",
      bytes: 0,
      warnings: 0,
      message: "m",
      created_by: actor,
      created_at: ago(HOUR_MS),
    })
    .execute();
  const insert = async (state: "paused" | "running" | "rolled_back", more: object, approval = false) => {
    const id = newId();
    await server.base.storage.system
      .insertInto("rollouts")
      .values({
        id,
        organization_id: ctx.actor.organization_id,
        kind: "configuration",
        configuration_id: configurationId,
        version: 7,
        selector: "true",
        plan: JSON.stringify(RolloutPlan.parse({ approval })),
        message: "m",
        state,
        state_since: ago(60_000),
        created_by: actor,
        created_at: ago(HOUR_MS),
        ...more,
      })
      .execute();
    return id;
  };
  await insert("paused", { reason: "2 agents failed." });
  await insert("running", {});
  await insert("rolled_back", { ended_at: ago(HOUR_MS) });
  await insert("rolled_back", { ended_at: ago(30 * HOUR_MS) });
  const asking = await insert("running", {}, true);
  for (const [index, state] of [["passed"], ["waiting"]].entries())
    await server.base.storage.system
      .insertInto("rollout_waves")
      .values({
        organization_id: ctx.actor.organization_id,
        rollout_id: asking,
        index,
        state: state[0] as "passed" | "waiting",
        agents: 1,
        counts: "{}",
        ended_at: index === 0 ? ago(5_000) : null,
      })
      .execute();
  const { needs } = await readOverview(ctx);
  expect(needs.filter(({ resource }) => resource === "rollout").map(({ title }) => title)).toEqual([
    "The rollout of edge v7 is paused: 2 agents failed.",
    "The rollout of edge v7 waits for approval of wave 2",
    "The rollout of edge v7 was taken back",
  ]);
  expect(needs.find(({ id }) => id === asking)?.since).toBe(ago(5_000).toISOString());
});

async function insertAgents(count: number, name: string, columns: object): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const id = newId();
    await server.base.storage.system
      .insertInto("agents")
      .values({
        id,
        organization_id: ctx.actor.organization_id,
        site_id: siteId,
        kind: "site",
        name: `${name}-${index}`,
        instance_uid: id,
        approval: "approved",
        labels: "{}",
        healthy: true,
        capabilities: 0x2001,
        transport: "websocket",
        connected_at: ago(60_000),
        last_seen_at: ago(1_000),
        created_at: ago(3 * HOUR_MS),
        ...columns,
      })
      .execute();
  }
}

async function insertRun(state: "FAILED_STOP" | "RUNNING", at: Date): Promise<void> {
  const id = `${at
    .getTime()
    .toString(16)
    .padStart(12, "0")
    .replace(/^(.{8})/, "$1-")}-7000-8000-000000000001`;
  await server.base.storage.system
    .insertInto("runs")
    .values({
      id,
      organization_id: ctx.actor.organization_id,
      site_id: siteId,
      agent_id: newId(),
      agent_name: "fine",
      kind: "process",
      name: "nightly",
      command: "true",
      args: "[]",
      env_names: "[]",
      grace_ms: 10_000,
      state,
      state_since: at,
      created_by: JSON.stringify({ type: "user", id: "u", name: "Ada" }),
      created_at: at,
    })
    .execute();
}
