import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { LinkEvent } from "@flowplane/link";
import { isTerminal, TERMINAL_RUN_STATES } from "@flowplane/contract";
import { metrics } from "../../platform/metrics.ts";
import { newId } from "../../platform/context.ts";
import { deadlineLooks, reconcileRuns } from "./deadlines.ts";
import { ended, iso, running, runWorld, starting, stopping, T0, type RunWorld } from "./fixtures.ts";

let world: RunWorld;
beforeAll(async () => {
  world = await runWorld();
});
beforeEach(() => {
  world.clock.now = T0;
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const timeline = async (id: string) => {
  const { body } = await world.call("GET", `/runs/${id}/events`);
  return (body.items as { type: string; title: string; reason: string | null }[]).map((event) => [
    event.type,
    event.title,
  ]);
};

test("a run goes as its agent reports", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.report(agent, starting(run.id, T0 + 10));
  expect(await world.readRun(run.id)).toMatchObject({
    state: "STARTING",
    waiting: { for: "the process to start" },
  });
  world.clock.now = T0 + 3_000;
  await world.report(agent, running(run.id, T0 + 20));
  expect(await world.readRun(run.id)).toMatchObject({
    state: "RUNNING",
    pid: 4_321,
    started_at: iso(T0 + 20),
    waiting: null,
    sentence: "Running on edge-1 for 2 s.",
  });
  world.clock.now = T0 + 20_000;
  await world.report(agent, ended(run.id, { state: "FAILED", exit_code: 3 }, T0 + 12_000, 5));
  expect(await world.readRun(run.id)).toMatchObject({
    state: "FAILED",
    exit_code: 3,
    ended_at: iso(T0 + 12_000),
    sentence: "Failed with exit code 3 after 11 s, 8 s ago.",
    log: { complete: false },
  });
  expect(await timeline(run.id)).toEqual([
    ["run.queued", "Queued for edge-1"],
    ["run.starting", "Starting"],
    ["run.running", "Running as process 4321"],
    ["run.ended", "Failed with exit code 3"],
  ]);
});

test("the latency of a launch is counted from the order, and not of a run that waited for its agent", async () => {
  const count = async () => {
    const text = await metrics.getSingleMetricAsString("flowplane_run_launch_latency_seconds");
    return Number(/_count (\d+)/.exec(text)?.[1]);
  };
  const before = await count();
  for (const connectedAt of [T0 - 60_000, T0 + 60_000]) {
    const agent = await world.addAgent();
    await world.base.storage.system
      .updateTable("agents")
      .set({ connected_at: new Date(connectedAt) })
      .where("id", "=", agent.agent_id)
      .execute();
    const run = await world.launch({ agent_id: agent.agent_id });
    world.clock.now = T0 + 90_000;
    await world.report(agent, starting(run.id), running(run.id));
    world.clock.now = T0;
  }
  expect(await count()).toBe(before + 1);
});

test("what the kernel enforces of a run's limits is kept as its agent tells", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  const event = running(run.id);
  await world.report(agent, starting(run.id), {
    ...event,
    payload: { ...event.payload, enforced: ["memory_bytes", "pids"] },
  });
  const row = await world.base.storage.system
    .selectFrom("runs")
    .select("enforced")
    .where("id", "=", run.id)
    .executeTakeFirstOrThrow();
  expect(row.enforced).toEqual(["memory_bytes", "pids"]);
});

test("many events of many runs in one batch, in order", async () => {
  const agent = await world.addAgent();
  const runs = [];
  for (let i = 0; i < 20; i += 1) runs.push(await world.launch({ agent_id: agent.agent_id }));
  const events = runs.flatMap((run) => [starting(run.id), running(run.id), ended(run.id)]);
  await world.report(agent, ...events);
  for (const run of runs)
    expect((await timeline(run.id)).map(([type]) => type)).toEqual([
      "run.queued",
      "run.starting",
      "run.running",
      "run.ended",
    ]);
});

test("late and impossible reports are kept as notes and change nothing", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.report(
    agent,
    ended(run.id, { exit_code: 0 }),
    running(run.id),
    ended(run.id, { state: "FAILED", exit_code: 1 }),
  );
  expect(await world.readRun(run.id)).toMatchObject({ state: "SUCCEEDED", exit_code: 0, pid: null });
  expect(await timeline(run.id)).toEqual([
    ["run.queued", "Queued for edge-1"],
    ["run.ended", "Succeeded"],
    ["run.note", "Late report, nothing changed: run.running"],
    ["run.note", "Late report, nothing changed: run.ended"],
  ]);
});

test("what an agent sends cannot break the batch it comes in", async () => {
  const agent = await world.addAgent();
  const other = await world.addAgent({ name: "other" });
  const { ctx, siteId } = await world.neighbour();
  const stranger = await world.addAgent({
    organization: { organizationId: ctx.actor.organization_id, siteId },
  });
  const run = await world.launch({ agent_id: agent.agent_id });
  const othersRun = await world.launch({ agent_id: other.agent_id });
  let deep: unknown = 1;
  for (let i = 0; i < 5_000; i += 1) deep = [deep];
  const event = (type: string, payload: Record<string, unknown>, run_id: string = run.id): LinkEvent => ({
    seq: 1,
    type,
    run_id,
    at: "0001-01-01T00:00:00.000Z",
    payload,
  });
  const note = { title: "a\0b\ud800", reason: null, payload: { "k\0": "v\0\udfff", deep, n: 1e308 } };
  await world.report(
    agent,
    event("run.running", { pid: "many" }),
    event("run.running", { pid: 2 ** 40, started_at: "9999-12-31T23:59:59.999Z" }),
    event("run.invented", { a: 1 }),
    event("run.note", note),
    event("run.note", { title: "x".repeat(3_000), reason: null, payload: {} }),
    event("run.ended", {}, othersRun.id),
    event("run.ended", {}, "not-a-uuid"),
    event("run.ended", {}, newId()),
    event("run.ended", { state: "RUNNING" }),
    event("telemetry.sample", {}, "whatever"),
    ended(run.id),
  );
  await world.report(stranger, ended(run.id, { state: "FAILED" }));
  expect(await world.readRun(run.id)).toMatchObject({ state: "SUCCEEDED", pid: null, started_at: iso(T0) });
  expect(await world.readRun(othersRun.id)).toMatchObject({ state: "QUEUED" });
  expect(await timeline(run.id)).toEqual([
    ["run.queued", "Queued for edge-1"],
    ["run.note", "Report not understood: run.running"],
    ["run.running", `Running as process ${2 ** 40}`],
    ["run.note", "Report not understood: run.invented"],
    ["run.note", "a\uFFFDb\uFFFD"],
    ["run.note", "Report not understood: run.note"],
    ["run.note", "Report not understood: run.ended"],
    ["run.ended", "Succeeded"],
  ]);
});

test("an order that the agent refuses ends the run that waits for it", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  const [order] = await world.orders(agent.agent_id);
  await world.report(agent, {
    seq: 1,
    type: "intent.refused",
    at: iso(T0),
    payload: { intent_id: order?.id, intent_type: "run.start", reason: "not by my policy" },
  });
  expect(await world.readRun(run.id)).toMatchObject({
    state: "FAILED",
    sentence: "Failed, 0 s ago: not by my policy.",
    log: { complete: true },
  });
});

test("a start that is not confirmed in time is presumed LOST, and the agent's report corrects that", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.report(agent, starting(run.id));
  world.clock.now = T0 + 59_000;
  expect(await reconcileRuns(world.base)).toBe(0);
  world.clock.now = T0 + 60_000;
  expect(await reconcileRuns(world.base)).toBe(1);
  expect(await reconcileRuns(world.base)).toBe(0);
  const lost = await world.readRun(run.id);
  expect(lost).toMatchObject({ state: "LOST", log: { complete: false } });
  expect(lost.sentence).toBe(
    "Was lost, 0 s ago: It began to start 1 min ago and nothing was heard of it since. If it runs, it shows again as soon as the agent reports it; else restart it.",
  );
  await world.report(agent, running(run.id, T0 + 61_000));
  expect(await world.readRun(run.id)).toMatchObject({ state: "RUNNING", reason: null, ended_at: null });
  await world.report(agent, ended(run.id));
  expect((await world.readRun(run.id)).state).toBe("SUCCEEDED");
  expect(await timeline(run.id)).toEqual([
    ["run.queued", "Queued for edge-1"],
    ["run.starting", "Starting"],
    ["run.presumed_ended", "Presumed LOST"],
    ["run.running", "Heard of again · Running as process 4321"],
    ["run.ended", "Succeeded"],
  ]);
});

test("a stop that is not carried out in time is presumed FAILED_STOP; the order stays", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  for (const order of await world.orders(agent.agent_id)) await world.confirm(order.id);
  await world.report(agent, starting(run.id), running(run.id));
  await world.call("POST", `/runs/${run.id}/stop`, { reason: "enough" });
  await world.setConnected(agent.agent_id, false);
  world.clock.now = T0 + 40_000;
  expect(await reconcileRuns(world.base)).toBe(1);
  const failed = await world.readRun(run.id);
  expect(failed).toMatchObject({ state: "FAILED_STOP", exit_code: null });
  expect(failed.reason).toBe(
    "The agent edge-1 is away since 2026-03-01T12:00:00.000Z, so nobody knows whether the run has ended. The stop is carried out when the agent is back; else end process 4321 on its host.",
  );
  expect((await world.call("POST", `/runs/${run.id}/kill`, { reason: "!" })).status).toBe(409);
  expect((await world.orders(agent.agent_id)).map((order) => order.type)).toEqual(["run.stop"]);
  await world.report(agent, stopping(run.id, T0 + 41_000), ended(run.id, { state: "STOPPED" }, T0 + 42_000));
  expect((await world.readRun(run.id)).state).toBe("STOPPED");
});

test("a stop whose run nobody took is a withdrawal", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.call("POST", `/runs/${run.id}/stop`, { reason: "enough" });
  world.clock.now = T0 + 40_000;
  await reconcileRuns(world.base);
  expect(await world.readRun(run.id)).toMatchObject({ state: "STOPPED", log: { complete: true } });
  expect(await world.orders(agent.agent_id)).toEqual([]);
});

test("a run that a connected agent took and never mentions is presumed LOST", async () => {
  const agent = await world.addAgent();
  const [taken, waiting] = [
    await world.launch({ agent_id: agent.agent_id }),
    await world.launch({ agent_id: agent.agent_id }),
  ];
  const [order] = await world.orders(agent.agent_id);
  await world.confirm(order?.id ?? "");
  world.clock.now = T0 + 121_000;
  await reconcileRuns(world.base);
  expect((await world.readRun(taken.id)).state).toBe("LOST");
  expect((await world.readRun(waiting.id)).state).toBe("QUEUED");
});

test("nobody waits for an agent that was revoked or deleted", async () => {
  const agent = await world.addAgent({ name: "doomed" });
  const [queued, live] = [
    await world.launch({ agent_id: agent.agent_id }),
    await world.launch({ agent_id: agent.agent_id }),
  ];
  await world.report(agent, starting(live.id), running(live.id));
  await world.base.storage.system
    .updateTable("agents")
    .set({ revoked_at: new Date(T0) })
    .where("id", "=", agent.agent_id)
    .execute();
  await reconcileRuns(world.base);
  expect(await world.readRun(queued.id)).toMatchObject({
    state: "FAILED",
    reason: expect.stringContaining("was revoked before"),
  });
  expect(await world.readRun(live.id)).toMatchObject({
    state: "LOST",
    reason: expect.stringContaining("process 4321"),
  });
});

test("silence counts only while agents could be heard", async () => {
  await using alone = await runWorld();
  const agent = await alone.addAgent();
  const run = await alone.launch({ agent_id: agent.agent_id });
  await alone.report(agent, starting(run.id));
  alone.clock.now = T0 + 3_600_000;
  const look = deadlineLooks(alone.base);
  const lookAt = async (ms: number) => {
    alone.clock.now = T0 + 3_600_000 + ms;
    await look();
    return (await alone.readRun(run.id)).state;
  };
  // Just started: the agent may be about to report.
  expect(await lookAt(0)).toBe("STARTING");
  expect(await lookAt(29_000)).toBe("STARTING");
  // Asleep for a while: as after a start.
  expect(await lookAt(90_000)).toBe("STARTING");
  expect(await lookAt(119_000)).toBe("STARTING");
  expect(await lookAt(149_000)).toBe("STARTING");
  expect(await lookAt(150_000)).toBe("LOST");
});

test("an agent that no longer knows a run it had started has lost it", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  const refusal = (intentId: string | undefined): LinkEvent => ({
    seq: 1,
    type: "intent.refused",
    at: iso(T0),
    payload: { intent_id: intentId, intent_type: "run.stop", reason: "this agent knows no run like that" },
  });
  await world.call("POST", `/runs/${run.id}/stop`, { reason: "enough" });
  const [, first] = await world.orders(agent.agent_id);
  // It looked at the stop before the start.
  await world.report(agent, refusal(first?.id));
  expect((await world.readRun(run.id)).state).toBe("STOPPING");
  await world.report(agent, starting(run.id), running(run.id));
  const [, , second] = await world.orders(agent.agent_id);
  await world.report(agent, refusal(second?.id));
  expect(await world.readRun(run.id)).toMatchObject({
    state: "LOST",
    reason:
      "The agent no longer knows it: this agent knows no run like that. Look for process 4321 on its host.",
  });
});

test("any order of reports, stops and deadlines leaves one proven end in the database", async () => {
  const agent = await world.addAgent({ name: "random" });
  const step = fc.oneof(
    fc
      .constantFrom("starting", "running", "stopping", "stop", "kill", "deadline")
      .map((what) => ({ what, state: "LOST" as const })),
    fc.constantFrom(...TERMINAL_RUN_STATES).map((state) => ({ what: "ended", state })),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      world.clock.now = T0;
      const run = await world.launch({ agent_id: agent.agent_id });
      let proven: string | null = null;
      for (const { what, state } of steps) {
        const now = world.clock.now;
        if (what === "starting") await world.report(agent, starting(run.id, now));
        if (what === "running") await world.report(agent, running(run.id, now));
        if (what === "stopping") await world.report(agent, stopping(run.id, now));
        if (what === "ended") await world.report(agent, ended(run.id, { state }, now));
        if (what === "stop" || what === "kill") {
          const { status } = await world.call("POST", `/runs/${run.id}/${what}`, { reason: "random" });
          expect([202, 409]).toContain(status);
        }
        if (what === "deadline") {
          world.clock.now += 45_000;
          await reconcileRuns(world.base);
        }
        if (what === "ended") proven ??= state;
        const shown = await world.readRun(run.id);
        if (proven !== null) expect(shown.state).toBe(proven);
        expect(shown.ended_at !== null).toBe(isTerminal(shown.state));
        expect(shown.waiting !== null).toBe(["QUEUED", "STARTING", "STOPPING"].includes(shown.state));
        if (shown.state === "STARTING" || shown.state === "STOPPING")
          expect(shown.waiting?.deadline).not.toBeNull();
      }
      const ends = (await timeline(run.id)).filter(([type]) => type === "run.ended");
      expect(ends).toHaveLength(proven === null ? 0 : 1);
    }),
    { numRuns: 40 },
  );
});
