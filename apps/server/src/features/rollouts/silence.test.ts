import { afterEach, beforeEach, expect, test } from "vitest";
import { BEAT_MS, GatewayBeats, readHeardSince } from "../gateway/beats.ts";
import { rolloutWorld, type RolloutWorld } from "./testing.ts";
import { advanceRollouts } from "./worker.ts";

const TIMEOUT_SECONDS = 300;

let world: RolloutWorld;
let gateway: GatewayBeats;
beforeEach(async () => {
  world = await rolloutWorld();
  gateway = startGateway();
});
afterEach(async () => {
  gateway.close();
  await world.close();
});

test("a control plane that is away or overloaded for longer than it waits for a word fails no agent by that", async () => {
  const [, back = "", gone = ""] = await offered(3);
  // A minute after it was offered everything stands still; then the fleet comes back, later than a word was waited for.
  await pass(60);
  await world.connect([back, gone], false);
  world.pass(TIMEOUT_SECONDS + 40);
  gateway.close();
  gateway = startGateway();
  await gateway.beat();
  await step();
  expect((await read()).counts).toMatchObject({ failed: 0, offered: 3 });
  // Handshakes go on to time out, and some are told to come later.
  isOverloaded = true;
  await pass(TIMEOUT_SECONDS);
  isOverloaded = false;
  await pass(TIMEOUT_SECONDS - BEAT_MS / 1_000);
  expect((await read()).counts).toMatchObject({ failed: 0, offered: 3 });
  await world.connect([back], true);
  await world.answer();
  await step();
  expect((await read()).counts).toMatchObject({ failed: 0 });
  // Its silence since then is its own.
  await pass(TIMEOUT_SECONDS);
  const { counts } = await read();
  expect(counts.failed).toBe(1);
  const { body } = await world.call("GET", `/rollouts/${id}/agents?state=failed`);
  expect(body.items).toMatchObject([{ agent_id: gone, reason_code: "no_verdict" }]);
});

test("an agent that is silent while everybody could be heard fails when its time is over", async () => {
  await offered(1);
  await pass(TIMEOUT_SECONDS - BEAT_MS / 1_000);
  expect((await read()).counts).toMatchObject({ failed: 0 });
  await pass(2 * (BEAT_MS / 1_000));
  expect((await read()).counts).toMatchObject({ failed: 1 });
});

let id: string;
let isOverloaded = false;

function startGateway(): GatewayBeats {
  return new GatewayBeats(world.base, {
    isWriting: () => !isOverloaded,
    stalledAfterMs: Number.POSITIVE_INFINITY,
    awayUntil: () => 0,
  });
}

const read = () => world.read(id);
const step = () => advanceRollouts(world.base, { ...world.ports, heardSince: readHeardSince });

/** Time goes on with gateway and worker at work. */
async function pass(seconds: number): Promise<void> {
  for (let passed = 0; passed < seconds; passed += BEAT_MS / 1_000) {
    world.pass(BEAT_MS / 1_000);
    await gateway.beat();
    await step();
  }
}

/** Agents that were sent a version and have said nothing of it. */
async function offered(count: number): Promise<string[]> {
  await gateway.beat();
  const ids = await world.agents(count);
  const made = await world.create({
    configuration_id: await world.configuration("edge", 1),
    plan: {
      waves: [{ percent: 100 }],
      soak_seconds: 0,
      verdict_timeout_seconds: TIMEOUT_SECONDS,
      gate: { min_pass_percent: 0, max_failures: 10 },
    },
  });
  id = made.id;
  await step();
  for (const agent of ids) world.behave(agent, () => ({ status: "offered" }));
  await world.answer();
  for (const agent of ids) world.behave(agent, () => ({}));
  return ids;
}
