import { afterEach, beforeEach, expect, test } from "vitest";
import type { LaunchPolicy, Run } from "@flowplane/contract";
import { putSecret } from "../secrets/secrets.ts";
import { dispatchRuns } from "./dispatch.ts";
import { ended, running, runWorld, starting, type RunWorld } from "./fixtures.ts";
import { AGENT_RUNS_LABEL } from "./limits.ts";

let world: RunWorld;
beforeEach(async () => {
  world = await runWorld();
});
afterEach(() => world[Symbol.asyncDispose]());

const launch = (placement: object, body: object = {}) => world.launch({ placement, ...body });
async function setLaunchPolicy(policy: Partial<LaunchPolicy>): Promise<void> {
  await world.base.storage.system
    .updateTable("sites")
    .set({ launch_policy: JSON.stringify(policy) })
    .where("id", "=", world.siteId)
    .execute();
}

test("the least loaded agent with the labels gets the run; who has none of them gets none", async () => {
  await world.addAgent({ name: "plain" });
  const [a, b] = [
    await world.addAgent({ name: "gpu-a", labels: { gpu: "a100", zone: "x" } }),
    await world.addAgent({ name: "gpu-b", labels: { gpu: "a100" } }),
  ];
  const names: (string | null)[] = [];
  for (let index = 0; index < 4; index += 1)
    names.push((await launch({ labels: { gpu: "a100" } })).agent_name);
  expect(names).toEqual(["gpu-a", "gpu-b", "gpu-a", "gpu-b"]);
  expect((await launch({ labels: { gpu: "a100", zone: "x" } })).agent_id).toBe(a.agent_id);
  await world.setConnected(a.agent_id, false);
  expect((await launch({ labels: { gpu: "a100" } })).agent_id).toBe(b.agent_id);
});

test("a run waits until an agent that fits comes, and is given to it once", async () => {
  const run = await launch({ labels: { gpu: "h100" } }, { env: { A: "1" } });
  expect(run).toMatchObject({
    state: "QUEUED",
    agent_id: null,
    site_id: world.siteId,
    waiting: { for: "an agent with labels gpu=h100; none is connected" },
  });
  expect(await dispatchRuns(world.base)).toBe(0);
  const agent = await world.addAgent({ name: "late", labels: { gpu: "h100" } });
  expect(await dispatchRuns(world.base)).toBe(1);
  expect(await dispatchRuns(world.base)).toBe(0);
  expect(await world.readRun(run.id)).toMatchObject({ state: "QUEUED", agent_name: "late" });
  const orders = await world.orders(agent.agent_id);
  expect(orders.map(({ type, payload }) => [type, payload["run_id"]])).toEqual([["run.start", run.id]]);
  expect(orders[0]?.payload["spec"]).toMatchObject({ env: { A: "1" }, isolation: { mode: "process" } });
});

test("an agent runs as many at once as its label says; the oldest goes first when one ends", async () => {
  const agent = await world.addAgent({ name: "small", labels: { [AGENT_RUNS_LABEL]: "1" } });
  const placement = { agent_id: agent.agent_id };
  const [first, second, third] = [await launch(placement), await launch(placement), await launch(placement)];
  expect([second.waiting?.for, third.waiting?.for]).toEqual([
    "the run on small that is under way to end",
    "the run on small that is under way to end",
  ]);
  await world.report(agent, starting(first.id), running(first.id), ended(first.id));
  await dispatchRuns(world.base);
  const runs = await Promise.all([second, third].map(({ id }) => world.readRun(id)));
  expect(runs.map((run) => run.agent_name)).toEqual(["small", null]);
});

test("a new run does not overtake those that wait for the same agent", async () => {
  const agent = await world.addAgent({ name: "small", labels: { [AGENT_RUNS_LABEL]: "1" } });
  const placement = { agent_id: agent.agent_id };
  const first = await launch(placement);
  const second = await launch(placement);
  await world.report(agent, starting(first.id), running(first.id), ended(first.id));
  const third = await launch(placement);
  expect(third.agent_id).toBeNull();
  await dispatchRuns(world.base);
  expect((await world.readRun(second.id)).agent_name).toBe("small");
});

test("a waiting run whose agent is revoked has failed and says so; a stopped one is gone at once", async () => {
  const agent = await world.addAgent({ name: "small", labels: { [AGENT_RUNS_LABEL]: "1" } });
  const placement = { agent_id: agent.agent_id };
  await launch(placement);
  const [waiting, stopped] = [await launch(placement), await launch(placement)];
  await world.call("POST", `/runs/${stopped.id}/stop`, { reason: "not needed" });
  expect(await world.readRun(stopped.id)).toMatchObject({
    state: "STOPPED",
    log: { complete: true },
    sentence: "Stopped by owner before it started, 0 s ago: not needed.",
  });
  await world.base.storage.system
    .updateTable("agents")
    .set({ revoked_at: new Date(world.clock.now) })
    .where("id", "=", agent.agent_id)
    .execute();
  await dispatchRuns(world.base);
  expect(await world.readRun(waiting.id)).toMatchObject({
    state: "FAILED",
    reason: `The agent ${agent.agent_id} was deleted or revoked. Launch it on another one.`,
  });
});

test("what a site forbids is refused at once, or ends a run that waited, with the reason", async () => {
  const agent = await world.addAgent();
  await setLaunchPolicy({ isolation: ["process"], inherit: ["PATH"], users: ["etl"] });
  const refuse = async (body: object, words: string) => {
    const answer = await world.call("POST", "/runs", {
      command: "/bin/true",
      agent_id: agent.agent_id,
      ...body,
    });
    expect([answer.status, answer.body.detail]).toEqual([400, expect.stringContaining(words)]);
  };
  await refuse(
    { isolation: { mode: "idle" } },
    "The site allows runs the isolation process; this one asks for idle.",
  );
  await refuse(
    { env_policy: { inherit: ["HOME", "PATH"] } },
    "does not let a run take over HOME from the agent",
  );
  await refuse({ user: "root" }, "as etl, not as root");
  await refuse({ placement: { labels: {} } }, "say either agent_id or placement");

  const run = await launch({ labels: { zone: "z" } }, { isolation: { mode: "idle" } });
  await world.addAgent({ name: "zoned", labels: { zone: "z" } });
  await dispatchRuns(world.base);
  expect(await world.readRun(run.id)).toMatchObject({
    state: "FAILED",
    reason: expect.stringContaining("this one asks for idle") as string,
  });

  await setLaunchPolicy({ isolation_default: { mode: "idle" }, deny: ["/bin/rm"] });
  await world.launch({ agent_id: agent.agent_id });
  const [order] = await world.orders(agent.agent_id);
  expect(order?.payload["spec"]).toMatchObject({
    isolation: { mode: "idle" },
    launch_policy: { deny: ["/bin/rm"], allow: [], isolation: ["process", "idle", "container"], users: null },
  });
});

test("a secret of one site is given to no other, and asks for a run that is bound to its own", async () => {
  const agent = await world.addAgent();
  const elsewhere = (await world.base.storage.system
    .insertInto("sites")
    .values({
      id: "01890000-0000-7000-8000-00000000000b",
      organization_id: world.ctx.actor.organization_id,
      name: "elsewhere",
      environment: "x",
    })
    .returning("id")
    .executeTakeFirstOrThrow()) as { id: string };
  await putSecret(world.ctx, "FAR", { value: "far-away-value", site_id: elsewhere.id });
  const env_policy = { secrets: { FAR: "FAR" } };
  const here = await world.call("POST", "/runs", {
    command: "/bin/true",
    agent_id: agent.agent_id,
    env_policy,
  });
  expect([here.status, here.body.detail]).toEqual([
    400,
    "The secret FAR is kept for another site, and not given to this one.",
  ]);
  const anywhere = await world.call("POST", "/runs", { command: "/bin/true", placement: {}, env_policy });
  expect([anywhere.status, anywhere.body.detail]).toEqual([
    400,
    expect.stringContaining(`site_id ${elsewhere.id}`),
  ]);
  const bound = (await launch({ site_id: elsewhere.id }, { env_policy })) as Run;
  expect(bound).toMatchObject({
    site_id: elsewhere.id,
    waiting: { for: "a site agent in its site; none is connected" },
  });
});

test("hundreds that wait are given away in order, in batches, and a restart waits like the run before", async () => {
  const runs: Run[] = [];
  for (let index = 0; index < 250; index += 1) runs.push(await launch({ labels: { pool: "p" } }));
  const stopped = runs[0] as Run;
  await world.call("POST", `/runs/${stopped.id}/stop`, { reason: "x" });
  const again = await world.call("POST", `/runs/${stopped.id}/restart`, { reason: "y" });
  expect(again.body).toMatchObject({ state: "QUEUED", agent_id: null, origin: "restart" });
  const agent = await world.addAgent({ name: "pool", labels: { pool: "p" } });
  expect(await dispatchRuns(world.base)).toBe(250);
  const rows = await world.base.storage.system
    .selectFrom("intents")
    .select("run_id")
    .where("agent_id", "=", agent.agent_id)
    .orderBy("id")
    .execute();
  expect(rows.map((row) => row.run_id)).toEqual([...runs.slice(1).map(({ id }) => id), again.body.id]);
});
