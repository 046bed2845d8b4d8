import { afterEach, beforeEach, expect, test } from "vitest";
import type { LinkEvent } from "@flowplane/link";
import type { Run } from "@flowplane/contract";
import { newId } from "../../platform/context.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { ended, iso, running, runWorld, starting, T0, type RunWorld } from "./fixtures.ts";

let world: RunWorld;
let agent: AgentIdentity;
beforeEach(async () => {
  world = await runWorld();
  agent = await world.addAgent();
});
afterEach(() => world[Symbol.asyncDispose]());

function created(id: string, payload: Record<string, unknown> = {}, spec: object = {}, at = T0): LinkEvent {
  return {
    seq: 1,
    type: "run.created",
    run_id: id,
    at: iso(at),
    payload: {
      origin: "retry",
      name: "sh",
      spec: { command: "/bin/sh", args: [], cwd: null, grace_ms: 1_000, env_names: [], ...spec },
      job_id: null,
      attempt: 2,
      retry_of: null,
      created_at: iso(at),
      actor: "agent",
      reason: null,
      ...payload,
    },
  };
}

const RETRY = {
  retries_max: 4,
  on: ["failed"],
  backoff_ms: 1_000,
  backoff_max_ms: 60_000,
  reset_after_ms: 600_000,
};

/** A run with a retry policy that has failed; its agent says that the next attempt follows in 10 s. */
async function failedRun(body: object = {}): Promise<Run> {
  const run = await world.launch({ retry: RETRY, env: { TOKEN: "secret-of-the-run" }, ...body });
  await world.report(
    agent,
    starting(run.id),
    running(run.id),
    ended(run.id, {
      state: "FAILED",
      exit_code: 1,
      retry: { attempt: 2, at: iso(T0 + 10_000) },
    }),
  );
  return world.readRun(run.id);
}

test("the next attempt is a run of its own, in the row of the first", async () => {
  const first = await failedRun();
  expect(first.sentence).toBe("Failed with exit code 1 after 0 s, 0 s ago. Attempt 2 follows in 10 s.");
  world.clock.now += 10_000;
  const id = newId();
  await world.report(
    agent,
    created(id, { retry_of: first.id }, { retry: RETRY, env_names: ["TOKEN"] }, world.clock.now),
    starting(id, world.clock.now),
    running(id, world.clock.now),
  );
  expect(await world.readRun(id)).toMatchObject({
    state: "RUNNING",
    origin: "retry",
    attempt: 2,
    retry_of: first.id,
    env_names: ["TOKEN"],
    retry: { retries_max: 4 },
    created_by: { type: "agent", name: "edge-1" },
  });
  const titles = async (run: string) =>
    (await world.call("GET", `/runs/${run}/events`)).body.items.map(({ title }: { title: string }) => title);
  expect((await titles(id))[0]).toBe(
    "Attempt 2 of 5, started by the agent 10 s after attempt 1 failed with exit code 1",
  );
  expect((await titles(first.id)).at(-1)).toBe("Attempt 2 follows");
  expect((await world.readRun(first.id)).sentence).toBe("Failed with exit code 1 after 0 s, 10 s ago.");
  const rows = await world.base.storage.system.selectFrom("runs").select(["id", "lineage"]).execute();
  expect(rows.every(({ lineage }) => lineage === first.id)).toBe(true);

  await world.report(agent, ended(id, {}, world.clock.now));
  const again = (await world.call("POST", `/runs/${id}/restart`, { reason: "once more" })).body as Run;
  const orders = await world.orders(agent.agent_id);
  const order = orders.find(({ payload }) => payload["run_id"] === again.id);
  expect(order?.payload["spec"]).toMatchObject({
    env: { TOKEN: "secret-of-the-run" },
    attempt: 1,
    lineage: again.id,
  });
});

test("an attempt to come is called off by whoever stops the run that has ended", async () => {
  const first = await failedRun();
  const stopped = await world.call("POST", `/runs/${first.id}/stop`, { reason: "enough" });
  expect([stopped.status, stopped.body.lifecycle]).toEqual([202, "FAILED"]);
  const orders = await world.orders(agent.agent_id);
  expect(orders.at(-1)).toMatchObject({ type: "run.stop", payload: { run_id: first.id, for_good: true } });
  expect((await world.readRun(first.id)).sentence).not.toContain("follows");
  expect((await world.call("POST", `/runs/${first.id}/stop`, { reason: "enough" })).status).toBe(409);

  // The agent had begun it before it heard: what it made is stopped as soon as it tells of it.
  const id = newId();
  await world.report(agent, created(id, { retry_of: first.id }, { retry: RETRY }));
  expect(await world.readRun(id)).toMatchObject({ state: "STOPPING", stop: { reason: "enough" } });
  expect((await world.orders(agent.agent_id)).at(-1)?.payload).toMatchObject({ run_id: id, for_good: true });
});

test("the agent's word that no attempt follows ends the wait for it", async () => {
  const first = await failedRun();
  await world.report(agent, {
    seq: 9,
    type: "run.note",
    run_id: first.id,
    at: iso(T0),
    payload: { title: "No further attempt", reason: "stopped on the host", payload: { retry: null } },
  });
  expect((await world.readRun(first.id)).sentence).not.toContain("follows");
});

test("a run begun on its host is known with its names; it starts again without values nobody knows", async () => {
  const id = newId();
  await world.report(
    agent,
    created(
      id,
      { origin: "local", attempt: 1, actor: "ada", reason: "trying" },
      { env_names: ["API_KEY", "not a name"], limits: { memory_bytes: 5_000_000, pids: 10 }, user: "etl" },
    ),
    starting(id),
    running(id),
    ended(id),
  );
  expect(await world.readRun(id)).toMatchObject({
    state: "SUCCEEDED",
    origin: "local",
    env_names: ["API_KEY"],
    resource_policy: { memory_limit_mb: 5, pids_limit: 10 },
    user: "etl",
  });
  const { items } = (await world.call("GET", `/runs/${id}/events`)).body;
  expect([items[0].title, items[0].reason]).toEqual(["Started on its host by ada", "trying"]);
  const again = (await world.call("POST", `/runs/${id}/restart`, { reason: "again" })).body as Run;
  const timeline = (await world.call("GET", `/runs/${again.id}/events`)).body.items;
  expect(timeline[0].reason).toBe("again · Launched without API_KEY: set on the host, and not known here.");
});

test("what an agent says of runs it made takes nothing from others and holds nothing up", async () => {
  const other = await world.neighbour();
  const stranger = await world.addAgent({
    name: "stranger",
    organization: { organizationId: other.ctx.actor.organization_id, siteId: other.siteId },
  });
  const mate = await world.addAgent({ name: "edge-2" });
  const theirs = await world.launch({ agent_id: mate.agent_id });
  const before = await world.readRun(theirs.id);
  const good = newId();
  const huge = "x".repeat(1_000_000);
  await world.report(
    agent,
    // Ids of runs of others, in this organization; a run before that is not its own; what cannot be understood.
    created(theirs.id),
    created("not-a-uuid"),
    { ...created(newId()), payload: { origin: "retry" } },
    created(
      newId(),
      { job_id: newId(), retry_of: theirs.id },
      { command: "\0\uD800", args: [huge, "\0", huge] },
    ),
    created(
      newId(),
      { attempt: 2 ** 40, name: "" },
      { detection: { policy_id: "x", policy_name: "p", version: 1, document: { mode: 7 } } },
    ),
    created(good),
    created(good),
  );
  await world.report(stranger, created(good, { retry_of: good }));
  expect(await world.readRun(theirs.id)).toEqual(before);
  const rows = await world.base.storage.system
    .selectFrom("runs")
    .select(["id", "agent_id", "retry_of", "job_id", "attempt", "policy_mode", "organization_id"])
    .where("agent_id", "in", [agent.agent_id, stranger.agent_id])
    .orderBy("id")
    .execute();
  expect(rows).toHaveLength(3);
  expect(
    rows.every((row) => row.agent_id === agent.agent_id && row.retry_of === null && row.job_id === null),
  ).toBe(true);
  expect(Math.max(...rows.map((row) => row.attempt))).toBe(2 ** 31 - 1);
});
