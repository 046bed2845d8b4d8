import { afterAll, beforeAll, expect, test } from "vitest";
import type { Job } from "@flowplane/contract";
import { newId } from "../../platform/context.ts";
import { API_PREFIX } from "@flowplane/contract";
import { runWorld, T0, type RunWorld } from "../runs/fixtures.ts";
import { jobRoutes } from "./routes.ts";

let world: RunWorld;
beforeAll(async () => {
  world = await runWorld(jobRoutes);
});
afterAll(() => world[Symbol.asyncDispose]());

const create = async (body: object): Promise<Job> => {
  const answer = await world.call("POST", "/jobs", body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as Job;
};

test("the older document's own example works as it is written", async () => {
  const response = await world.fastify.inject({
    method: "POST",
    url: "/v1/jobs",
    headers: { "x-actor": world.ctx.actor.id, "idempotency-key": "39c0f3b7-1" },
    payload: {
      project_id: world.siteId,
      name: "nightly-embedding-refresh",
      command: "/usr/local/bin/python",
      args: ["worker.py", "--mode", "full"],
      resource_policy: { cpu_limit_millicores: 1000, memory_limit_mb: 1024, max_runtime_seconds: 14_400 },
      detection_policy_version: "v3.2.1",
    },
  });
  expect(response.statusCode).toBe(201);
  const job = response.json<Job>();
  expect(job).toMatchObject({
    job_id: job.id,
    created_at: new Date(T0).toISOString(),
    status: "CREATED",
    site_id: world.siteId,
    policy: null,
    detection_policy_version: "v3.2.1",
    sentence:
      "It starts when somebody asks. It has never run. No detection policy here has a version v3.2.1; it runs under the current version of the default one.",
  });
  const agent = await world.addAgent({ name: "edge-example" });
  const bare = await world.fastify.inject({
    method: "POST",
    url: `/v1/jobs/${job.job_id}/runs`,
    headers: { "x-actor": world.ctx.actor.id },
  });
  expect([bare.statusCode, bare.json()]).toMatchObject([
    201,
    { state: "QUEUED", job_id: job.id, origin: "job", agent_id: agent.agent_id, max_runtime_ms: 14_400_000 },
  ]);
  const [order] = await world.orders(agent.agent_id);
  expect(order?.payload["spec"]).toMatchObject({
    limits: { cpu_millicores: 1_000, memory_bytes: 1_073_741_824 },
    max_runtime_ms: 14_400_000,
    job_id: job.id,
    name: "nightly-embedding-refresh",
    attempt: 1,
    detection: { policy_name: "Default", version: 1, document: { mode: "shadow" } },
  });
  await world.setConnected(agent.agent_id, false);
});

test("what cannot be is refused with the place", async () => {
  const agent = await world.addAgent({ name: "placed" });
  await world.setConnected(agent.agent_id, false);
  const other = await world.neighbour();
  const refuse = async (body: object, status: number, pointer: string | undefined, words: string) => {
    const answer = await world.call("POST", "/jobs", { name: "bad", command: "/bin/true", ...body });
    expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([status, pointer]);
    expect(answer.body.detail).toContain(words);
  };
  const schedule = (schedule_policy: object) => ({ schedule_policy });
  await refuse(schedule({ cron: "0 0 30 2 *" }), 400, "/schedule_policy/cron", "it never comes");
  await refuse(
    schedule({ cron: "0 3 * * *", time_zone: "Nowhere/At_all" }),
    400,
    "/schedule_policy/time_zone",
    "no time zone",
  );
  await refuse(schedule({ at: "2020-01-01T00:00:00.000Z" }), 400, "/schedule_policy/at", "is over");
  await refuse(schedule({ cron: "0 3 * * *", every_seconds: 5 }), 400, "/schedule_policy", "say one of");
  await refuse(
    schedule({ every_seconds: 60, overlap: "allow" }),
    400,
    "/schedule_policy/overlap",
    "raise that",
  );
  await refuse(
    { detection_policy_version: "v9" },
    400,
    "/detection_policy_version",
    "has no version 9; it has 1",
  );
  await refuse({ project_id: other.siteId }, 404, undefined, "no site");
  await refuse({ site_id: world.siteId, project_id: newId() }, 400, "/project_id", "different sites");
  await refuse({ placement: { agent_id: newId() } }, 404, undefined, "no agent");
  await refuse({ policy: { policy_id: newId() } }, 404, undefined, "no policy");
  await refuse({ isolation: { mode: "container" } }, 400, "/isolation/image", "needs an image");
});

test("a job is read, listed by name, replaced by who knows its revision, and its name is its own", async () => {
  const job = await create({ name: "aa-first", command: "/bin/date", description: "tells the time" });
  await create({ name: "ab-second", command: "/bin/true" });
  const taken = await world.call("POST", "/jobs", { name: "aa-first", command: "/bin/true" });
  expect([taken.status, taken.body.detail]).toEqual([
    409,
    "There is a job named aa-first already. Choose another name, or change that one.",
  ]);
  const page = await world.call("GET", "/jobs?limit=1&q=a");
  expect(page.body.items.map(({ name }: Job) => name)).toEqual(["aa-first"]);
  const next = await world.call("GET", `/jobs?limit=1&q=a&cursor=${page.body.next_cursor}`);
  expect(next.body.items.map(({ name }: Job) => name)).toEqual(["ab-second"]);
  expect((await world.call("GET", "/jobs?q=tells+time")).body.items).toHaveLength(1);

  const body = { name: "aa-first", command: "/bin/date", args: ["-u"], revision: 1 };
  const replaced = await world.call("PUT", `/jobs/${job.id}`, body);
  expect(replaced.body).toMatchObject({ id: job.id, revision: 2, args: ["-u"], description: "" });
  const late = await world.call("PUT", `/jobs/${job.id}`, body);
  expect([late.status, late.body.detail]).toEqual([409, expect.stringContaining("it has revision 2, not 1")]);
});

test("values of variables are shown nowhere, kept when put back unseen, and given to the process", async () => {
  const agent = await world.addAgent({ name: "env" });
  const env = { set: { TOKEN: "hunter2-plain", MODE: "full" }, inherit: ["LANG"] };
  const placement = { agent_id: agent.agent_id };
  const job = await create({ name: "env", command: "/bin/true", env_policy: env, placement });
  expect(job.env_policy).toEqual({ set: { TOKEN: "", MODE: "" }, inherit: ["LANG"], secrets: {} });
  const shown = await world.call("GET", `/jobs/${job.id}`);
  await world.call("PUT", `/jobs/${job.id}`, {
    ...(({ name, command, placement }) => ({ name, command, placement }))(shown.body),
    env_policy: { ...shown.body.env_policy, set: { ...shown.body.env_policy.set, MODE: "half", NEW: "" } },
  });
  await world.call("POST", `/jobs/${job.id}/runs`, {});
  const [order] = await world.orders(agent.agent_id);
  expect(order?.payload["spec"]).toMatchObject({
    env: { TOKEN: "hunter2-plain", MODE: "half", NEW: "" },
    inherit_env: ["LANG"],
  });
  const tables = await Promise.all(
    (["jobs", "runs", "run_events", "audit_events"] as const).map((table) =>
      world.base.storage.system.selectFrom(table).selectAll().execute(),
    ),
  );
  expect(JSON.stringify(tables)).not.toContain("hunter2");
});

test("a schedule is paused and resumed from then on; archiving withdraws what waits and frees the name", async () => {
  const job = await create({
    name: "sched",
    command: "/bin/true",
    placement: { labels: { gpu: "none" } },
    schedule_policy: { cron: "0 3 * * *", time_zone: "Europe/Berlin" },
  });
  expect(job).toMatchObject({
    schedule_in_words: "every day at 03:00 (Europe/Berlin)",
    next_run_at: "2026-03-02T02:00:00.000Z",
    sentence:
      "It starts every day at 03:00 (Europe/Berlin), next on Mon 2026-03-02 03:00 GMT+1. It has never run.",
  });
  const paused = await world.call("POST", `/jobs/${job.id}/pause`, { reason: "holidays" });
  expect(paused.body).toMatchObject({ status: "PAUSED", next_run_at: null });
  expect(paused.body.sentence).toContain("Paused: resume it");
  const resumed = await world.call("POST", `/jobs/${job.id}/resume`);
  expect(resumed.body).toMatchObject({ status: "CREATED", next_run_at: "2026-03-02T02:00:00.000Z" });
  const plain = await create({ name: "unscheduled", command: "/bin/true" });
  expect((await world.call("POST", `/jobs/${plain.id}/pause`, { reason: "x" })).status).toBe(409);

  const run = (await world.call("POST", `/jobs/${job.id}/runs`, { args_add: ["--now"] })).body;
  expect(run).toMatchObject({
    state: "QUEUED",
    agent_id: null,
    args: ["--now"],
    waiting: { for: "an agent with labels gpu=none; none is connected" },
    sentence: "Queued 0 s ago; it waits for an agent with labels gpu=none; none is connected.",
  });
  expect((await world.call("DELETE", `/jobs/${job.id}`)).status).toBe(204);
  expect(await world.readRun(run.id)).toMatchObject({
    state: "STOPPED",
    stop: { reason: "The job was archived" },
  });
  const again = await world.call("POST", `/jobs/${job.id}/runs`, {});
  expect([again.status, again.body.detail]).toEqual([
    409,
    "The job sched is archived. Create it again to use it.",
  ]);
  expect((await world.call("GET", "/jobs?archived=true")).body.items).toHaveLength(1);
  await create({ name: "sched", command: "/bin/true" });
});

test("a schedule is previewed in words and times, and the calendar shows all jobs", async () => {
  const preview = await world.call("POST", "/jobs/schedule-preview", {
    schedule_policy: { cron: "30 2 * * SUN", time_zone: "Europe/Berlin" },
    count: 5,
  });
  expect(preview.body.in_words).toBe("on Sunday at 02:30 (Europe/Berlin)");
  expect(preview.body.times[4]).toEqual({
    at: "2026-04-05T00:30:00.000Z",
    local: "Sun 2026-04-05 02:30 GMT+2",
    note: null,
  });
  expect(preview.body.times[3].note).toContain("Clocks are put forward by an hour");

  await create({ name: "cal-often", command: "/bin/true", schedule_policy: { every_seconds: 60 } });
  await create({ name: "cal-weekly", command: "/bin/true", schedule_policy: { cron: "0 6 * * MON" } });
  const { items } = (await world.call("GET", "/jobs/calendar?days=2")).body;
  const byName = Object.fromEntries(
    items.map(({ name, times, more }: { name: string; times: string[]; more: number }) => [
      name,
      [times.length, times[0], more],
    ]),
  );
  expect(byName["cal-often"]).toEqual([100, "2026-03-01T12:01:00.000Z", 2 * 24 * 60 - 1 - 100]);
  expect(byName["cal-weekly"]).toEqual([1, "2026-03-02T06:00:00.000Z", 0]);
  const later = (await world.call("GET", "/jobs/calendar?days=1&from=2026-03-09T00:00:00.000Z")).body.items;
  expect(later.find(({ name }: { name: string }) => name === "cal-weekly").times).toEqual([
    "2026-03-09T06:00:00.000Z",
  ]);
});

test("the paths are those of the contract", () => {
  expect(world.fastify.hasRoute({ method: "POST", url: `${API_PREFIX}/jobs/:job_id/runs` })).toBe(true);
});
