import { afterEach, beforeEach, expect, test } from "vitest";
import { runAll } from "@flowplane/runtime";
import { archiveConfiguration } from "../configurations/configurations.ts";
import { rolloutWorld, type RolloutWorld } from "./testing.ts";
import { runRollouts } from "./worker.ts";

let world: RolloutWorld;
beforeEach(async () => {
  world = await rolloutWorld();
});
afterEach(() => world.close());

test("a good version goes through its waves to the end", async () => {
  const ids = await world.agents(20);
  const configuration = await world.configuration("edge", 2);
  const first = await world.create({ configuration_id: configuration, version: 1 });
  expect(first).toMatchObject({
    state: "running",
    agents: 20,
    waves: [{ agents: 1 }, { agents: 1 }, { agents: 8 }, { agents: 10 }],
    sentence: "Wave 1 of 4 has not begun: 0 of 20 agents have passed.",
  });
  await world.run(world.isState(first.id, "completed"));
  expect(await world.read(first.id)).toMatchObject({
    counts: { passed: 20, failed: 0 },
    sentence: "Completed: 20 of 20 agents have passed.",
    waiting: null,
    wave: null,
  });
  const second = await world.create({ configuration_id: configuration });
  await world.run(world.isState(second.id, "completed"));
  expect(await world.assigned()).toEqual(new Map(ids.map((id) => [id, 2])));
  const { body: agents } = await world.call("GET", `/rollouts/${second.id}/agents?limit=200`);
  expect(agents.items.map((agent: { from: unknown }) => agent.from)).toEqual(
    ids.map(() => ({ configuration_id: configuration, version: 1 })),
  );
  expect((await world.call("GET", `/rollouts/${second.id}/squares`)).body.waves.join("")).toBe(
    "p".repeat(20),
  );
});

test("a bad version is stopped in wave one: the others are untouched, those that got it go back", async () => {
  const ids = await world.agents(20);
  const configuration = await world.configuration("edge", 2);
  const first = await world.create({ configuration_id: configuration, version: 1 });
  await world.run(world.isState(first.id, "completed"));
  for (const id of ids)
    world.behave(id, (target) =>
      target?.version === 2 ? { status: "failed", errorMessage: "bind: address already in use" } : {},
    );
  const second = await world.create({
    configuration_id: configuration,
    plan: { waves: [{ count: 3 }, { percent: 100 }] },
  });
  await world.run(world.isState(second.id, "rolled_back"));
  expect(await world.read(second.id)).toMatchObject({
    reason: "Wave 1 did not pass: 3 agents failed; none may.",
    waves: [
      { state: "failed", counts: { reverted: 3 } },
      { state: "waiting", counts: { waiting: 17 } },
    ],
  });
  expect(await world.assigned()).toEqual(new Map(ids.map((id) => [id, 1])));
  const { body: failures } = await world.call("GET", `/rollouts/${second.id}/failures`);
  expect(failures.items).toMatchObject([
    { reason_code: "rejected", reason: "bind: address already in use", agents: 3 },
  ]);
  expect(failures.items[0].examples).toHaveLength(3);
});

test("two workers at once step it as one would", async () => {
  const ids = await world.agents(30);
  const configuration = await world.configuration("edge", 1);
  const { id } = await world.create({
    configuration_id: configuration,
    plan: { waves: [{ count: 10 }, { percent: 100 }], soak_seconds: 0, max_unavailable: 5 },
  });
  const stopping = new AbortController();
  const workers = runAll(
    [runRollouts(world.base, world.ports), { ...runRollouts(world.base, world.ports), name: "another" }],
    stopping.signal,
  );
  await expect
    .poll(
      async () => {
        await world.answer();
        world.pass(20);
        return (await world.read(id)).state;
      },
      { timeout: 25_000, interval: 20 },
    )
    .toBe("completed");
  stopping.abort();
  await workers;
  expect((await world.read(id)).counts.passed).toBe(30);
  const rows = await world.base.storage.system
    .selectFrom("rollout_agents")
    .select(["agent_id", "attempts"])
    .execute();
  expect(rows.filter(({ attempts }) => attempts !== 1)).toEqual([]);
  expect(await world.assigned()).toEqual(new Map(ids.map((id) => [id, 1])));
});

test("a configuration that is on its way, or that agents run, is not archived", async () => {
  await world.agents(1);
  const configuration = await world.configuration("edge", 1);
  const { id } = await world.create({ configuration_id: configuration });
  await expect(archiveConfiguration(world.ctx, configuration)).rejects.toThrow(
    "1 rollout of edge is under way.",
  );
  await world.run(world.isState(id, "completed"));
  await expect(archiveConfiguration(world.ctx, configuration)).rejects.toThrow("1 agent runs edge.");
});
