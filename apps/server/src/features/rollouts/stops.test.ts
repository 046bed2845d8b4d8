import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rolloutWorld, type RolloutWorld } from "./testing.ts";
import { convergeNewcomers, settleRollouts } from "./worker.ts";

let world: RolloutWorld;
beforeEach(async () => {
  world = await rolloutWorld();
});
afterEach(() => world.close());

async function act(id: string, action: string, body: object = { reason: "because a test says so" }) {
  const answer = await world.call(
    "POST",
    `/rollouts/${id}/${action}`,
    action === "approve" ? undefined : body,
  );
  return [answer.status, answer.body.detail ?? answer.body.state];
}

const FAST = { waves: [{ count: 2 }, { percent: 100 }], soak_seconds: 0 };

/** Everybody runs version 1, brought by a rollout. */
async function begin(
  agents: number,
  versions = 2,
): Promise<{ ids: string[]; configuration: string; first: string }> {
  const ids = await world.agents(agents);
  const configuration = await world.configuration("edge", versions);
  const { id } = await world.create({ configuration_id: configuration, version: 1, plan: FAST });
  await world.run(world.isState(id, "completed"));
  return { ids, configuration, first: id };
}

describe("what is refused", () => {
  test("a selector that cannot be read, that matches nobody, or everybody unasked", async () => {
    await world.agents(2, { env: "prod" });
    const configuration = await world.configuration("edge", 1);
    const ask = async (selector: string, more: object = {}) => {
      const { status, body } = await world.call("POST", "/rollouts", {
        configuration_id: configuration,
        selector,
        ...more,
      });
      return [status, body.detail];
    };
    expect(await ask('label.env == "prod"')).toEqual([
      400,
      expect.stringContaining("At column 1: There is no field label"),
    ]);
    expect(await ask('labels.env == "dev"')).toEqual([400, "The selector matches none of 2 agents."]);
    expect(await ask('labels.env == "prod"')).toEqual([
      400,
      "The selector matches all 2 agents there are. If that is meant, say so with confirm_everybody.",
    ]);
    expect(
      await ask("true", {
        plan: { window: { time_zone: "Mars/Olympus", days: ["mon"], from: "01:00", until: "02:00" } },
      }),
    ).toEqual([400, "There is no time zone Mars/Olympus."]);
    expect((await ask("true", { version: 7 }))[0]).toBe(404);
  });

  test("agents that another rollout has: refused and told, or queued until it has ended", async () => {
    const { ids, configuration } = await begin(6, 3);
    const second = await world.create({ configuration_id: configuration, version: 2, plan: FAST });
    const refused = await world.call("POST", "/rollouts", {
      configuration_id: configuration,
      version: 3,
      selector: "true",
      confirm_everybody: true,
    });
    expect([refused.status, refused.body.detail]).toEqual([
      409,
      `6 agents are in the rollout ${second.id} of edge version 2: Wave 1 of 2 has not begun: 0 of 6 agents have passed. Wait for it, end it, or queue this one behind it with on_overlap "queue".`,
    ]);
    const third = await world.create({
      configuration_id: configuration,
      version: 3,
      plan: FAST,
      on_overlap: "queue",
    });
    expect(third).toMatchObject({
      state: "queued",
      waiting: { for: "an earlier rollout that has some of its agents to end" },
    });
    await world.step();
    expect((await world.read(third.id)).state).toBe("queued");
    await world.run(world.isState(third.id, "completed"));
    expect((await world.read(second.id)).state).toBe("completed");
    expect(await world.assigned()).toEqual(new Map(ids.map((id) => [id, 3])));
  });
});

test("a silent agent counts as failed at its deadline, and what waits is said", async () => {
  const { ids, configuration } = await begin(3);
  for (const id of ids) world.behave(id, (target) => (target?.version === 2 ? { status: "offered" } : {}));
  const { id } = await world.create({
    configuration_id: configuration,
    plan: { ...FAST, verdict_timeout_seconds: 100, gate: { on_failure: "pause" } },
  });
  await world.step();
  await world.answer();
  await world.step();
  expect(await world.read(id)).toMatchObject({
    state: "running",
    waiting: { for: "verdicts of 2 agents of wave 1" },
    sentence: "Wave 1 of 2 is under way: 0 of 3 agents have passed, 2 under way.",
  });
  const { body } = await world.call("GET", `/rollouts/${id}/agents?state=offered`);
  expect(body.items).toHaveLength(2);
  expect(body.items[0].waiting).toMatchObject({
    for: "it to say that it has it",
    deadline: expect.any(String),
  });
  await world.run(world.isState(id, "paused"));
  expect(await world.read(id)).toMatchObject({
    reason: "Wave 1 did not pass: 2 agents failed; none may.",
    counts: { failed: 2, waiting: 1 },
  });
  expect((await world.call("GET", `/rollouts/${id}/failures`)).body.items).toMatchObject([
    {
      reason_code: "no_verdict",
      agents: 2,
      reason: "It was sent to it and has said nothing of it for 100 s.",
    },
  ]);
  // Words that differ in the number of a process alone are the same words.
  for (const [index, agentId] of ids.entries())
    await world.base.storage.system
      .updateTable("rollout_agents")
      .set({ reason: `Agent process PID=${4_000 + index} exited unexpectedly, exit code=1.` })
      .where("agent_id", "=", agentId)
      .execute();
  expect((await world.call("GET", `/rollouts/${id}/failures`)).body.items).toMatchObject([
    { agents: 2, reason: "Agent process PID=… exited unexpectedly, exit code=1." },
  ]);
});

test("a person resumes it past the gate, or has the failed ones tried again", async () => {
  const { ids, configuration } = await begin(4);
  let isBroken = true;
  for (const id of ids)
    world.behave(id, (target) =>
      target?.version === 2 && isBroken ? { status: "failed", errorMessage: "no" } : {},
    );
  const plan = { ...FAST, gate: { on_failure: "pause" } };
  const { id } = await world.create({ configuration_id: configuration, plan });
  await world.run(world.isState(id, "paused"));
  expect(await act(id, "resume", { retry_failed: true })).toEqual([200, "running"]);
  await world.run(world.isState(id, "paused"));
  const { body } = await world.call("GET", `/rollouts/${id}/agents?state=failed`);
  expect(body.items.map(({ attempts }: { attempts: number }) => attempts)).toEqual([2, 2]);
  isBroken = false;
  expect(await act(id, "resume", {})).toEqual([200, "running"]);
  await world.run(world.isState(id, "completed"));
  expect(await world.read(id)).toMatchObject({
    counts: { passed: 2, failed: 2 },
    sentence: "Completed: 2 of 4 agents have passed, 2 failed.",
  });
  expect(await act(id, "resume", {})).toEqual([
    409,
    "The rollout is completed; that is possible while it is paused.",
  ]);
});

test("waves wait for approval, and for their window, and say so", async () => {
  const { configuration } = await begin(4);
  const { id } = await world.create({
    configuration_id: configuration,
    plan: {
      ...FAST,
      approval: true,
      // It is Friday, 16:00 UTC.
      window: { time_zone: "Europe/Berlin", days: ["fri"], from: "22:00", until: "04:00" },
    },
  });
  await world.step();
  expect(await world.read(id)).toMatchObject({
    counts: { waiting: 4 },
    waiting: { for: "its maintenance window to open", deadline: "2026-11-20T21:00:00.000Z" },
  });
  expect((await act(id, "approve"))[0]).toBe(409);
  world.pass(5 * 3_600);
  await world.run(async () => (await world.read(id)).waves[0]?.state === "passed", { seconds: 2 });
  await world.step();
  expect(await world.read(id)).toMatchObject({
    counts: { passed: 2, waiting: 2 },
    waiting: { for: "approval of wave 2" },
  });
  expect(await act(id, "approve")).toEqual([200, "running"]);
  await world.run(world.isState(id, "completed"), { seconds: 2 });
});

test("agents that are away hold nothing up, get their turn when they come back, and after the end what was brought", async () => {
  const { ids, configuration } = await begin(6);
  const [early = "", late = ""] = ids;
  await world.connect([early, late], false);
  const { id } = await world.create({
    configuration_id: configuration,
    plan: { waves: [{ percent: 100 }], soak_seconds: 30 },
  });
  await world.run(async () => (await world.read(id)).counts.soaking === 4, { seconds: 1 });
  expect(await world.read(id)).toMatchObject({ counts: { unreachable: 2 } });
  expect((await world.assigned()).get(early)).toBe(1);
  await world.connect([early], true);
  await world.run(world.isState(id, "completed"));
  expect(await world.read(id)).toMatchObject({
    counts: { passed: 5, unreachable: 1 },
    sentence: "Completed: 5 of 6 agents have passed; 1 get it when they come back.",
  });
  expect((await world.assigned()).get(late)).toBe(2);
  await world.connect([late], true);
  await settleRollouts(world.base, world.ports);
  await world.answer();
  for (let look = 0; look < 3; look += 1) {
    await settleRollouts(world.base, world.ports);
    world.pass(40);
  }
  expect((await world.read(id)).counts).toMatchObject({ passed: 6, unreachable: 0 });
});

test.each([
  ["a version", 1],
  ["nothing", null],
])(
  "agents that vanish before they were sent it are not unavailable, and come back with %s to their turn",
  async (_, before) => {
    const ids = await world.agents(6);
    const configuration = await world.configuration("edge", 2);
    if (before !== null) {
      const first = await world.create({ configuration_id: configuration, version: before, plan: FAST });
      await world.run(world.isState(first.id, "completed"));
    }
    const assignedOf = async (some: readonly string[]) => {
      const assigned = await world.assigned();
      return some.map((id) => assigned.get(id) ?? null);
    };
    const { id } = await world.create({
      configuration_id: configuration,
      plan: { waves: [{ percent: 100 }], soak_seconds: 0, max_unavailable: 2 },
    });
    await world.step();
    const assigned = await world.assigned();
    const vanished = ids.filter((each) => assigned.get(each) === 2);
    expect(vanished).toHaveLength(2);
    await world.connect(vanished, false);
    await world.step();
    expect((await world.read(id)).counts).toMatchObject({ unreachable: 2, offered: 2, waiting: 2 });
    expect(await assignedOf(vanished)).toEqual([before, before]);
    await world.connect(vanished, true);
    await world.step();
    expect((await world.read(id)).counts).toMatchObject({ unreachable: 0, offered: 2, waiting: 4 });
    expect(await assignedOf(vanished)).toEqual([before, before]);
    await world.run(world.isState(id, "completed"));
    expect((await world.read(id)).counts).toMatchObject({ passed: 6 });
    expect(await assignedOf(ids)).toEqual(ids.map(() => 2));
  },
);

test("a completed rollout is taken back: each has what it had before, those that had nothing have nothing", async () => {
  const { ids, configuration, first } = await begin(4);
  const second = await world.create({ configuration_id: configuration, plan: FAST });
  await world.run(world.isState(second.id, "completed"));
  expect(await act(first, "roll-back")).toEqual([200, "rolling_back"]);
  await world.run(world.isState(first, "rolled_back"));
  // The later rollout's agents are not the earlier one's to take back.
  expect((await world.read(first)).counts).toMatchObject({ skipped: 4, reverted: 0 });
  expect(await world.assigned()).toEqual(new Map(ids.map((id) => [id, 2])));
  expect(await act(second.id, "roll-back")).toEqual([200, "rolling_back"]);
  await world.run(world.isState(second.id, "rolled_back"));
  expect(await world.assigned()).toEqual(new Map(ids.map((id) => [id, 1])));
  const third = await world.create({ configuration_id: await world.configuration("other", 1), plan: FAST });
  await world.run(world.isState(third.id, "completed"));
  expect(await act(third.id, "roll-back")).toEqual([200, "rolling_back"]);
  await world.run(world.isState(third.id, "rolled_back"));
  expect(await world.assigned()).toEqual(new Map(ids.map((id) => [id, 1])));
});

test("aborted, agents keep what they have; those under way still get their verdict", async () => {
  const { configuration } = await begin(5);
  const { id } = await world.create({ configuration_id: configuration, plan: FAST });
  await world.step();
  expect(await act(id, "abort")).toEqual([200, "aborted"]);
  await world.answer();
  for (let look = 0; look < 3; look += 1) {
    await settleRollouts(world.base, world.ports);
    await world.step();
    world.pass(10);
  }
  expect(await world.read(id)).toMatchObject({
    state: "aborted",
    counts: { passed: 2, waiting: 3 },
    waiting: null,
  });
  expect([...(await world.assigned()).values()].filter((version) => version === 2)).toHaveLength(2);
});

test("new agents get what the newest completed rollout that they match brought, once", async () => {
  const { configuration, ids } = await begin(2, 3);
  const prod = await world.create({
    configuration_id: configuration,
    version: 2,
    plan: FAST,
    selector: 'labels.env != "dev"',
  });
  await world.run(world.isState(prod.id, "completed"));
  const [dev = ""] = await world.agents(1, { env: "dev" }, "dev");
  const [other = ""] = await world.agents(1, {}, "other");
  await convergeNewcomers(world.base, world.ports);
  expect(await world.assigned()).toEqual(
    new Map([...ids.map((id) => [id, 2] as const), [dev, 1], [other, 2]]),
  );
  await world.answer();
  for (let look = 0; look < 3; look += 1) {
    await settleRollouts(world.base, world.ports);
    world.pass(10);
  }
  expect(await world.read(prod.id)).toMatchObject({ agents: 3, counts: { passed: 3 } });
  await convergeNewcomers(world.base, world.ports);
  expect((await world.read(prod.id)).agents).toBe(3);
  const closed = await world.create({
    configuration_id: configuration,
    version: 3,
    selector: 'name == "other-1"',
    plan: { ...FAST, include_new_agents: false },
  });
  await world.run(world.isState(closed.id, "completed"));
  await convergeNewcomers(world.base, world.ports);
  expect((await world.assigned()).get(other)).toBe(3);
});

test("a secret that is missing when its turn comes fails that agent, with the reason", async () => {
  const { configuration } = await begin(3);
  const { id } = await world.create({ configuration_id: configuration, plan: FAST });
  const { body } = await world.call("GET", `/rollouts/${id}/agents?limit=1`);
  world.missing.add(body.items[0].agent_id);
  await world.run(world.isState(id, "rolled_back"));
  expect((await world.call("GET", `/rollouts/${id}/failures`)).body.items).toMatchObject([
    { reason_code: "not_delivered", reason: "The secret TOKEN is not there.", agents: 1 },
  ]);
});

test("an agent whose own errors rise fails; the versions of a split stand side by side", async () => {
  const { ids, configuration } = await begin(20);
  for (const id of ids) world.rates.set(id, { acceptedPerSecond: 100, errorPercent: 1 });
  const split = await world.create({
    configuration_id: configuration,
    split: { baseline_version: 1, percent: 50 },
    plan: FAST,
  });
  const variants = (await world.call("GET", `/rollouts/${split.id}/agents?limit=200`)).body.items;
  const onVersion = variants.filter(({ variant }: { variant: string }) => variant === "version");
  expect(onVersion.length).toBeGreaterThan(3);
  expect(onVersion.length).toBeLessThan(17);
  await world.run(world.isState(split.id, "completed"));
  expect([...(await world.assigned()).values()].filter((version) => version === 2)).toHaveLength(
    onVersion.length,
  );
  const back = await world.create({ configuration_id: configuration, version: 2, plan: FAST });
  await world.step();
  for (const id of ids) world.rates.set(id, { acceptedPerSecond: 100, errorPercent: 40 });
  await world.run(world.isState(back.id, "rolled_back"));
  expect((await world.call("GET", `/rollouts/${back.id}/failures`)).body.items).toMatchObject([
    { reason_code: "errors_rose", reason: "40.0 % of its items fail, 1.0 % did before." },
  ]);
});

test("an agent that is deleted, or assigned something else by hand, holds nothing up", async () => {
  const { configuration } = await begin(6);
  const { id } = await world.create({
    configuration_id: configuration,
    plan: { waves: [{ percent: 100 }], soak_seconds: 0, max_unavailable: 2 },
  });
  await world.step();
  const { body } = await world.call("GET", `/rollouts/${id}/agents?limit=200`);
  const [gone, moved] = body.items.map(({ agent_id }: { agent_id: string }) => agent_id);
  const waiting = body.items.at(-1).agent_id;
  await world.base.storage.system.deleteFrom("agents").where("id", "in", [gone, waiting]).execute();
  await world.base.storage.system
    .updateTable("agent_assignments")
    .set({ rollout_id: null })
    .where("agent_id", "=", moved)
    .execute();
  await world.run(world.isState(id, "completed"));
  expect((await world.read(id)).counts).toMatchObject({ passed: 3, skipped: 1, waiting: 0, offered: 0 });
});

test("a preview says what would happen, and does nothing", async () => {
  const { ids, configuration } = await begin(5);
  const [away = "", , fixed = ""] = ids;
  await world.connect([away], false);
  await world.base.storage.system
    .updateTable("agents")
    .set({ capabilities: 1 })
    .where("id", "=", fixed)
    .execute();
  const preview = async (body: object) =>
    (
      await world.call("POST", "/rollouts/preview", {
        configuration_id: configuration,
        selector: "true",
        ...body,
      })
    ).body;
  const found = await preview({});
  expect(found).toMatchObject({
    agents: 5,
    everybody: true,
    reachable: 4,
    unreachable: 1,
    problems: [],
    overlaps: [],
    skipped: [
      {
        reason_code: "not_configurable",
        agents: 1,
        sentence:
          "1 agent is left out: It does not take configurations: it lacks the capability AcceptsRemoteConfig.",
      },
    ],
    changes: [{ agents: 4, from: { configuration_id: configuration, version: 1 } }],
  });
  expect(found.changes[0].text_diff).toBe(
    [
      "@@ -1,4 +1,4 @@",
      " receivers:",
      '-  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4001"}}}',
      '+  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4002"}}}',
      " exporters:",
      "   debug:",
      " service:",
    ]
      .slice(0)
      .join("\n")
      .replace("@@ -1,4 +1,4 @@", found.changes[0].text_diff.split("\n")[0]),
  );
  expect(found.changes[0].changes).toEqual([
    { change: "changed", what: "receiver", id: "otlp", settings: [["protocols", "grpc", "endpoint"]] },
  ]);
  expect(found.items).toHaveLength(5);
  expect(await preview({ version: 1 })).toMatchObject({
    problems: ["None of the 5 agents it matches would be changed."],
    waves: [],
  });
  expect((await world.call("GET", "/rollouts")).body.items).toHaveLength(1);
});
