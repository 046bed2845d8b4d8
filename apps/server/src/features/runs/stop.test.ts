import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ended, running, runWorld, starting, stopping, T0, type RunWorld } from "./fixtures.ts";

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

const stop = (id: string, body: object = { reason: "enough" }) =>
  world.call("POST", `/runs/${id}/stop`, body);
const kill = (id: string) => world.call("POST", `/runs/${id}/kill`, { reason: "at once" });

async function runningRun() {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  for (const order of await world.orders(agent.agent_id)) await world.confirm(order.id);
  await world.report(agent, starting(run.id), running(run.id));
  return { agent, run };
}

test("a stop makes a run STOPPING, orders it, and is answered alike when asked again", async () => {
  const { agent, run } = await runningRun();
  world.clock.now += 5_000;
  const first = await stop(run.id, { reason: "too loud", grace_ms: 700 });
  expect(first).toEqual({
    status: 202,
    body: {
      status: "stop_requested",
      run_id: run.id,
      lifecycle: "STOPPING",
      requested_at: "2026-03-01T12:00:05.000Z",
    },
  });
  world.clock.now += 1_000;
  expect(await stop(run.id)).toEqual(first);
  const orders = await world.orders(agent.agent_id);
  expect(orders.map(({ type, payload }) => ({ type, payload }))).toEqual([
    {
      type: "run.stop",
      payload: {
        run_id: run.id,
        mode: "stop",
        grace_ms: 700,
        reason: "too loud",
        actor: "owner",
        for_good: true,
      },
    },
  ]);
  expect(await world.readRun(run.id)).toMatchObject({
    state: "STOPPING",
    stop: { mode: "stop", reason: "too loud", actor: { name: "owner" } },
    waiting: { for: "the agent to carry out the stop", deadline: "2026-03-01T12:00:35.700Z" },
    sentence: "Stopping since 1 s, asked by owner: too loud.",
  });

  await world.report(agent, stopping(run.id, world.clock.now));
  expect((await world.readRun(run.id)).waiting?.for).toBe("every process of the run to end");
  await world.report(
    agent,
    ended(run.id, { state: "STOPPED", exit_code: null, signal: "SIGTERM" }, world.clock.now),
  );
  const after = await world.readRun(run.id);
  expect(after).toMatchObject({ state: "STOPPED", signal: "SIGTERM", waiting: null });
  expect(after.sentence).toBe("Stopped by owner after 6 s, 0 s ago: too loud.");
});

test("a kill after a stop is passed on; a stop after a kill is not", async () => {
  const { agent, run } = await runningRun();
  await stop(run.id);
  world.clock.now += 1_000;
  const killed = await kill(run.id);
  expect(killed.body).toMatchObject({ lifecycle: "STOPPING", requested_at: "2026-03-01T12:00:01.000Z" });
  expect((await stop(run.id)).body.requested_at).toBe("2026-03-01T12:00:01.000Z");
  expect((await kill(run.id)).body.requested_at).toBe("2026-03-01T12:00:01.000Z");
  const orders = await world.orders(agent.agent_id);
  expect(orders.map(({ payload }) => [payload["mode"], payload["grace_ms"]])).toEqual([
    ["stop", 10_000],
    ["kill", 0],
  ]);
  const events = await world.call("GET", `/runs/${run.id}/events`);
  expect(events.body.items.map((event: { type: string }) => event.type)).toEqual([
    "run.queued",
    "run.starting",
    "run.running",
    "run.stop_requested",
    "run.kill_requested",
  ]);
});

test("an ended run cannot be stopped, and the conflict says how it ended", async () => {
  const { agent, run } = await runningRun();
  await world.report(agent, ended(run.id, { state: "FAILED", exit_code: 3 }));
  for (const answer of [await stop(run.id), await kill(run.id)]) {
    expect(answer.status).toBe(409);
    expect(answer.body.detail).toBe(
      "The run has already failed with exit code 3 at 2026-03-01T12:00:00.000Z; there is nothing to stop.",
    );
  }
  expect(await world.orders(agent.agent_id)).toEqual([]);
});

test("a run that waits for an absent agent is withdrawn at once", async () => {
  const agent = await world.addAgent({ isConnected: false });
  const run = await world.launch({ agent_id: agent.agent_id });
  expect((await stop(run.id)).body.lifecycle).toBe("STOPPED");
  expect(await world.orders(agent.agent_id)).toEqual([]);
  expect(await world.readRun(run.id)).toMatchObject({
    state: "STOPPED",
    sentence: "Stopped by owner before it started, 0 s ago: enough.",
    log: { complete: true },
  });
  expect((await stop(run.id)).status).toBe(409);
});

test("a queued run of a connected agent may be on its way: its stop follows it", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  expect((await stop(run.id)).body.lifecycle).toBe("STOPPING");
  expect((await world.orders(agent.agent_id)).map((order) => order.type)).toEqual(["run.start", "run.stop"]);
  // The reports of the start come after the stop was asked for: facts, no change of state.
  await world.report(agent, starting(run.id), running(run.id));
  expect(await world.readRun(run.id)).toMatchObject({ state: "STOPPING", pid: 4_321 });
  // An agent that looked at the stop first did not know the run and refused it; now it does.
  const orders = await world.orders(agent.agent_id);
  expect(orders.map((order) => order.type)).toEqual(["run.start", "run.stop", "run.stop"]);
});

test("so may one of an absent agent that confirmed the order before it left", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  for (const order of await world.orders(agent.agent_id)) await world.confirm(order.id);
  await world.setConnected(agent.agent_id, false);
  expect((await stop(run.id)).body.lifecycle).toBe("STOPPING");
  expect((await world.orders(agent.agent_id)).map((order) => order.type)).toEqual(["run.stop"]);
});

test("a withdrawn run that reached its agent after all is stopped there", async () => {
  const agent = await world.addAgent({ isConnected: false });
  const run = await world.launch({ agent_id: agent.agent_id });
  await stop(run.id);
  await world.report(agent, starting(run.id), running(run.id));
  expect(await world.readRun(run.id)).toMatchObject({ state: "STOPPING", ended_at: null, pid: 4_321 });
  expect((await world.orders(agent.agent_id)).map((order) => order.type)).toEqual(["run.stop"]);
  await world.report(agent, ended(run.id, { state: "STOPPED", signal: "SIGTERM", exit_code: null }));
  expect(await world.readRun(run.id)).toMatchObject({ state: "STOPPED", signal: "SIGTERM" });
});

test("two who stop at the same time make one order", async () => {
  const { agent, run } = await runningRun();
  const answers = await Promise.all([stop(run.id), stop(run.id), stop(run.id)]);
  expect(answers.map((answer) => answer.status)).toEqual([202, 202, 202]);
  expect(await world.orders(agent.agent_id)).toHaveLength(1);
});
