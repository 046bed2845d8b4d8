import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { verifyChain } from "../audit/audit.ts";
import { subjects } from "../../platform/bus/bus.ts";
import { ended, running, runWorld, starting, T0, type RunWorld } from "./fixtures.ts";

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

test("a run is created with its order, its first event, its audit event and its notices", async () => {
  const agent = await world.addAgent({ name: "builder" });
  const notices: unknown[] = [];
  world.base.bus.subscribe(subjects.changes(world.ctx.actor.organization_id), ({ data }) =>
    notices.push(data),
  );
  const nudges: unknown[] = [];
  world.base.bus.subscribe(subjects.agentNudge(agent.agent_id), ({ data }) => nudges.push(data));

  const run = await world.launch({
    agent_id: agent.agent_id,
    command: "/usr/bin/make",
    args: ["-j", "all the things"],
    env: { TOKEN: "s3cret", A: "1" },
    cwd: "/src",
    grace_ms: 500,
    max_runtime_ms: 60_000,
  });
  expect(run).toMatchObject({
    name: "make",
    state: "QUEUED",
    agent_name: "builder",
    env_names: ["A", "TOKEN"],
    waiting: { for: "the agent builder to take it", since: "2026-03-01T12:00:00.000Z", deadline: null },
    sentence: "Queued 0 s ago; the agent builder is about to take it.",
    created_by: { type: "user", name: "owner" },
    log: { bytes: 0, lines: 0, stored_seq: 0, complete: false },
  });
  expect(JSON.stringify(run)).not.toContain("s3cret");
  expect(await world.orders(agent.agent_id)).toMatchObject([
    {
      type: "run.start",
      payload: {
        run_id: run.id,
        spec: {
          command: "/usr/bin/make",
          args: ["-j", "all the things"],
          env: { TOKEN: "s3cret", A: "1" },
          cwd: "/src",
          grace_ms: 500,
          max_runtime_ms: 60_000,
        },
      },
    },
  ]);
  const events = await world.call("GET", `/runs/${run.id}/events`);
  expect(events.body.items).toMatchObject([
    { type: "run.queued", title: "Queued for builder", actor: { name: "owner" } },
  ]);
  expect(notices).toContainEqual({ topic: "run", id: run.id });
  expect(notices).toContainEqual({ topic: "run_event", id: events.body.items[0].id, parent_id: run.id });
  expect(nudges).toHaveLength(1);
  expect(await verifyChain(world.ctx)).toMatchObject({ intact: true });
  const audit = await world.base.storage.system.selectFrom("audit_events").selectAll().execute();
  expect(audit.at(-1)).toMatchObject({ action: "run.create", target_id: run.id });
  const rows = await world.base.storage.system
    .selectFrom("runs")
    .selectAll()
    .where("id", "=", run.id)
    .execute();
  expect(rows[0]?.env_sealed?.includes("s3cret")).toBe(false);
});

test("without agent_id the only connected site agent is taken; none or several are a conflict that says so", async () => {
  await using alone = await runWorld();
  const refused = await alone.call("POST", "/runs", { command: "true" });
  expect(refused).toMatchObject({ status: 409, body: { code: "conflict" } });
  expect(refused.body.detail).toMatch(/No site agent is connected/);

  await alone.addAgent({ name: "collector", kind: "collector" });
  await alone.addAgent({ name: "away", isConnected: false });
  const only = await alone.addAgent({ name: "only" });
  expect((await alone.launch()).agent_id).toBe(only.agent_id);

  const second = await alone.addAgent({ name: "second" });
  const ambiguous = await alone.call("POST", "/runs", { command: "true" });
  expect(ambiguous.status).toBe(409);
  expect(ambiguous.body.detail).toBe(
    `2 agents are connected; choose one with --agent NAME (agent_id in the API): only (${only.agent_id}), second (${second.agent_id}).`,
  );
});

test("an agent that could never run a command is refused", async () => {
  const refuse = async (agentId: string, status: number, detail: RegExp) => {
    const answer = await world.call("POST", "/runs", { command: "true", agent_id: agentId });
    expect(answer).toMatchObject({ status });
    expect(answer.body.detail).toMatch(detail);
  };
  await refuse((await world.addAgent({ isRevoked: true })).agent_id, 409, /was revoked/);
  await refuse((await world.addAgent({ kind: "collector" })).agent_id, 409, /only site agents run commands/);
  await refuse((await world.addAgent({ approval: "pending" })).agent_id, 409, /Approve it first/);
  await refuse("019b76da-a800-7000-8000-000000000001", 404, /no agent/);
  await refuse("nonsense", 404, /no agent/);
});

test("bad commands are refused with the place", async () => {
  const agent = await world.addAgent();
  const refuse = async (body: object, status: number, pointer: string) => {
    const answer = await world.call("POST", "/runs", { agent_id: agent.agent_id, ...body });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([status, pointer]);
  };
  await refuse({ command: "" }, 400, "/command");
  await refuse({ command: "x", args: "y" }, 400, "/args");
  await refuse({ command: "x", args: ["a".repeat(128 * 1024)] }, 400, "/args");
  await refuse({ command: "x", args: Array.from({ length: 5_000 }, () => "a") }, 400, "/args");
  await refuse({ command: "x", env: { "A B": "1" } }, 400, "/env/A B");
  await refuse(
    {
      command: "x",
      env: Object.fromEntries(Array.from({ length: 4 }, (_, i) => [`E${i}`, "\u0001".repeat(30_000)])),
    },
    400,
    "/env",
  );
  await refuse({ command: "x", cwd: "relative" }, 400, "/cwd");
  const huge = await world.call("POST", "/runs", { command: "x", args: ["a".repeat(1024 * 1024)] });
  expect(huge.status).toBe(413);
  expect(await world.orders(agent.agent_id)).toEqual([]);
});

test("a run waits for an agent that is away, and says so", async () => {
  const agent = await world.addAgent({ name: "laptop", isConnected: false });
  const run = await world.launch({ agent_id: agent.agent_id });
  expect(run.waiting).toMatchObject({ for: "the agent laptop to come back", deadline: null });
  world.clock.now += 90_000;
  expect((await world.readRun(run.id)).sentence).toBe(
    "Queued 1 min ago; it starts when the agent laptop is back, last heard from 1 min ago.",
  );
});

test("the list is newest first, pages without repeating, filters, and counts nothing twice", async () => {
  await using world = await runWorld();
  const [a, b] = [await world.addAgent({ name: "a" }), await world.addAgent({ name: "b" })];
  const ids: string[] = [];
  for (let i = 0; i < 7; i += 1)
    ids.push(
      (await world.launch({ agent_id: (i % 2 === 0 ? a : b).agent_id, name: `run ${i}`, args: [`x${i}`] }))
        .id,
    );
  await world.report(a, starting(ids[0] ?? ""), running(ids[0] ?? ""), ended(ids[0] ?? ""));

  const all = ids.toReversed();
  const list = async (query: string) => (await world.call("GET", `/runs?${query}`)).body;
  const idsOf = (page: { items: { id: string }[] }) => page.items.map((run) => run.id);
  const first = await list("limit=3");
  const second = await list(`limit=3&cursor=${first.next_cursor}`);
  const third = await list(`limit=3&cursor=${second.next_cursor}`);
  expect([...idsOf(first), ...idsOf(second), ...idsOf(third)]).toEqual(all);
  expect(third.next_cursor).toBeNull();

  expect(idsOf(await list(`agent_id=${a.agent_id}`))).toEqual(all.filter((_, i) => i % 2 === 0));
  expect(idsOf(await list("active=false"))).toEqual([ids[0]]);
  expect(idsOf(await list("active=true"))).toEqual(all.slice(0, 6));
  expect(idsOf(await list("state=SUCCEEDED"))).toEqual([ids[0]]);
  expect(idsOf(await list("q=RUN+x3"))).toEqual([ids[3]]);
  expect(idsOf(await list("q=run&limit=2"))).toEqual(all.slice(0, 2));
  expect(idsOf(await list("q=%25"))).toEqual([]);
  expect(idsOf(await list("agent_id=unknown"))).toEqual([]);
  expect((await world.call("GET", "/runs?cursor=bm9wZQ")).status).toBe(400);
  expect((await world.call("GET", `/runs?cursor=${Buffer.from('["x"]').toString("base64url")}`)).status).toBe(
    400,
  );
});

test("a neighbour finds nothing of it, whatever is asked", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({ agent_id: agent.agent_id });
  const { actor } = await world.neighbour();
  const stranger = async (method: "GET" | "POST", path: string, body?: object) =>
    (await world.call(method, path, body, actor)).status;
  expect(await stranger("GET", `/runs/${run.id}`)).toBe(404);
  expect(await stranger("GET", `/runs/${run.id}/events`)).toBe(404);
  for (const what of ["stop", "kill", "restart"])
    expect(await stranger("POST", `/runs/${run.id}/${what}`, { reason: "mine now" })).toBe(404);
  expect(await stranger("POST", "/runs", { command: "id", agent_id: agent.agent_id })).toBe(404);
  expect((await world.call("GET", "/runs", undefined, actor)).body.items).toEqual([]);
  for (const path of ["/runs/unknown", "/runs/unknown/events", `/runs/${agent.agent_id}`])
    expect((await world.call("GET", path)).status).toBe(404);
});

test("a restart launches the same again, environment included, once the run has ended", async () => {
  const agent = await world.addAgent();
  const run = await world.launch({
    agent_id: agent.agent_id,
    args: ["-c", "exit 1"],
    env: { KEY: "v" },
    name: "again",
  });
  const early = await world.call("POST", `/runs/${run.id}/restart`, { reason: "now" });
  expect(early).toMatchObject({ status: 409 });
  expect(early.body.detail).toBe("The run is queued. Stop it first, then restart it.");

  await world.report(
    agent,
    starting(run.id),
    running(run.id),
    ended(run.id, { state: "FAILED", exit_code: 1 }),
  );
  const { status, body } = await world.call("POST", `/runs/${run.id}/restart`, { reason: "flaky" });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    restart_of: run.id,
    name: "again",
    args: ["-c", "exit 1"],
    env_names: ["KEY"],
    state: "QUEUED",
  });
  expect((await world.orders(agent.agent_id)).at(-1)?.payload).toMatchObject({
    run_id: body.id,
    spec: { env: { KEY: "v" } },
  });
  const next = await world.call("GET", `/runs?from_run_id=${run.id}`);
  expect((next.body.items as { id: string }[]).map(({ id }) => id)).toEqual([body.id]);
  const old = await world.call("GET", `/runs/${run.id}/events`);
  expect(old.body.items.at(-1)).toMatchObject({
    type: "run.restarted",
    reason: "flaky",
    payload: { run_id: body.id },
  });
});
