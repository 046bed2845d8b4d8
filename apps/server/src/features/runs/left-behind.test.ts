import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { testCtx } from "../../testing/base.ts";
import { inTransaction } from "../../platform/context.ts";
import { agentActor, type AgentIdentity } from "../gateway/agent-http.ts";
import { claimIntents } from "../gateway/intents.ts";
import { greetSpool, HOLDER_AWAY_MS, keepToken, lockSpool } from "../gateway/spools.ts";
import { reconcileRuns } from "./deadlines.ts";
import { applyRunEvents } from "./events.ts";
import { ended, running, runWorld, starting, T0, type RunWorld } from "./fixtures.ts";
import type { LinkEvent } from "@flowplane/link";

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

interface Comes {
  readonly bootId?: string;
  readonly tokens?: readonly string[];
  readonly from?: { spoolId: string; isCopy: boolean; inheritedUpTo: number };
}

/** An agent comes with a spool and takes the token it is offered; null: it is told that the spool is a copy. */
async function come(
  agent: AgentIdentity,
  spoolId: string,
  { bootId = "boot", tokens = [], from }: Comes = {},
) {
  const ctx = testCtx(world.base, agentActor(agent));
  const offer = await greetSpool(ctx, agent.agent_id, { spoolId, bootId, tokens, from: from ?? null });
  if (offer === null) return null;
  const held = await keepToken(ctx, agent.agent_id, spoolId, offer.token);
  if (held === undefined) throw new Error("the token was not kept");
  return {
    token: offer.token,
    orders: async () => (await claimIntents(world.base, agent.agent_id, held, 100)).map(({ type }) => type),
    report: (...events: LinkEvent[]) =>
      inTransaction(ctx, async (ctx) => {
        const { source } = await lockSpool(ctx, agent.agent_id, spoolId);
        await applyRunEvents(ctx, agent, events, source);
      }),
  };
}

const titles = async (id: string) =>
  ((await world.call("GET", `/runs/${id}/events`)).body.items as { title: string }[]).map(
    ({ title }) => title,
  );

test("an order to start is given to one host, and not again after that was started anew", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  const original = await come(agent, "one");
  expect(await original?.orders()).toEqual(["run.start"]);
  expect(await original?.orders()).toEqual(["run.start"]);
  const copy = await come(agent, "two", { from: { spoolId: "one", isCopy: true, inheritedUpTo: 0 } });
  expect(await copy?.orders()).toEqual([]);
  // A stop goes to who was given the start.
  await world.call("POST", `/runs/${run.id}/stop`, { reason: "enough" });
  expect(await copy?.orders()).toEqual([]);
  const again = await come(agent, "one", { tokens: [original?.token ?? ""] });
  expect(await again?.orders()).toEqual(["run.start", "run.stop"]);
  const rebooted = await come(agent, "one", { tokens: [again?.token ?? ""], bootId: "next" });
  expect(await rebooted?.orders()).toEqual(["run.stop"]);
});

test("an order on its way when the host was started anew leaves its run LOST, with what to do", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  const first = await come(agent, "one");
  await first?.orders();
  expect(await reconcileRuns(world.base)).toBe(0);
  await come(agent, "one", { tokens: [first?.token ?? ""], bootId: "next" });
  expect(await reconcileRuns(world.base)).toBe(1);
  const lost = await world.readRun(run.id);
  expect(lost.state).toBe("LOST");
  expect(lost.reason).toMatch(/was given the order to start it and came back as another .* Restart it/);
});

test("the spool of a host that went on elsewhere is refused; what an old backup of ours knows is not", async () => {
  const agent = await world.addAgent();
  const first = await come(agent, "one");
  const second = await come(agent, "one", { tokens: [first?.token ?? ""] });
  expect(await come(agent, "one", { tokens: [first?.token ?? ""] })).toBeNull();
  expect(await come(agent, "one", { tokens: [] })).toBeNull();
  expect(
    await come(agent, "one", { tokens: [first?.token ?? "", second?.token ?? "", "later", "latest"] }),
  ).not.toBeNull();
});

test("a host that comes without its records leaves its runs LOST; nobody waits for them", async () => {
  const agent = await world.addAgent();
  const [run, queued] = [
    await world.launch({ agent_id: agent.agent_id }),
    await world.launch({ agent_id: agent.agent_id }),
  ];
  const first = await come(agent, "one");
  await first?.orders();
  for (const order of await world.orders(agent.agent_id)) await world.confirm(order.id);
  await first?.report(starting(run.id), running(run.id));
  expect(await reconcileRuns(world.base)).toBe(0);
  await come(agent, "fresh");
  expect(await reconcileRuns(world.base)).toBe(2);
  const lost = await world.readRun(run.id);
  expect(lost).toMatchObject({ state: "LOST", log: { complete: false } });
  expect(lost.reason).toMatch(/came back without its records of this run: its data folder was replaced/);
  expect(await world.readRun(queued.id)).toMatchObject({ state: "LOST" });
  expect(await reconcileRuns(world.base)).toBe(0);
});

test("a copy ends none of the original's runs, until the original has been away for long; then its report still wins", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  const original = await come(agent, "one");
  await original?.orders();
  await original?.report(starting(run.id), running(run.id));
  const copy = await come(agent, "two", { from: { spoolId: "one", isCopy: true, inheritedUpTo: 1 } });
  // What the copy has from the original it tells for the original; what it says itself of the run changes nothing.
  await copy?.report({ ...starting(run.id), seq: 1 });
  await copy?.report({ ...ended(run.id), seq: 2 });
  expect(await world.readRun(run.id)).toMatchObject({ state: "RUNNING" });
  expect(await titles(run.id)).toEqual([
    "Queued for edge-1",
    "Starting",
    "Running as process 4321",
    "Told by a copy of the agent: run.ended",
  ]);
  expect(await reconcileRuns(world.base)).toBe(0);
  world.clock.now = T0 + HOLDER_AWAY_MS;
  await reconcileRuns(world.base);
  expect((await world.readRun(run.id)).state).toBe("LOST");
  const back = await come(agent, "one", { tokens: [original?.token ?? ""] });
  await back?.report(ended(run.id));
  expect((await world.readRun(run.id)).state).toBe("SUCCEEDED");
});

test("a spool renamed on its host keeps the host's runs; the same done twice is a copy", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  const first = await come(agent, "one");
  await first?.orders();
  for (const order of await world.orders(agent.agent_id)) await world.confirm(order.id);
  await first?.report(starting(run.id), running(run.id));
  const renamed = { from: { spoolId: "one", isCopy: false, inheritedUpTo: 0 }, tokens: [first?.token ?? ""] };
  const second = await come(agent, "one-renamed", renamed);
  await second?.report(ended(run.id));
  expect((await world.readRun(run.id)).state).toBe("SUCCEEDED");
  expect(await come(agent, "one", { tokens: [first?.token ?? ""] })).toBeNull();
  const other = await world.launch({ agent_id: agent.agent_id });
  expect(await second?.orders()).toEqual(["run.start"]);
  const third = await come(agent, "one-renamed-again", renamed);
  expect(await third?.orders()).toEqual([]);
  expect((await world.readRun(other.id)).state).toBe("QUEUED");
});
