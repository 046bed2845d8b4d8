import { afterEach, beforeEach, expect, test } from "vitest";
import type { Job, Run } from "@flowplane/contract";
import { newId } from "../../platform/context.ts";
import { putSecret } from "../secrets/secrets.ts";
import { dispatchRuns } from "../runs/dispatch.ts";
import { ended, iso, running, runWorld, starting, type RunWorld } from "../runs/fixtures.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { jobRoutes } from "./routes.ts";
import { drawBackJobs, startDueJobs } from "./scheduler.ts";

// Time is the world's clock; the database, the queue and the rows are real.

const HOUR_MS = 3_600_000;

let world: RunWorld;
let agent: AgentIdentity;
beforeEach(async () => {
  world = await runWorld(jobRoutes);
  agent = await world.addAgent();
});
afterEach(() => world[Symbol.asyncDispose]());

async function create(body: object): Promise<Job> {
  const answer = await world.call("POST", "/jobs", { name: "job", command: "/bin/true", ...body });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as Job;
}
const read = async (job: Job): Promise<Job> => (await world.call("GET", `/jobs/${job.id}`)).body as Job;
async function runs(job: Job): Promise<Run[]> {
  return (await world.call("GET", `/runs?job_id=${job.id}`)).body.items.toReversed() as Run[];
}
async function passTime(ms: number): Promise<number> {
  world.clock.now += ms;
  await world.base.storage.system
    .updateTable("agents")
    .set({ last_seen_at: new Date(world.clock.now) })
    .execute();
  const made = await startDueJobs(world.base);
  await dispatchRuns(world.base);
  return made;
}
async function end(run: Run): Promise<void> {
  const now = world.clock.now;
  await world.report(agent, starting(run.id, now), running(run.id, now), ended(run.id, {}, now));
  await dispatchRuns(world.base);
}

test("a start is made at its time, once, and the next one waits for its own", async () => {
  const job = await create({ schedule_policy: { cron: "0 * * * *" } });
  expect(await passTime(HOUR_MS - 1)).toBe(0);
  expect(await passTime(1)).toBe(1);
  expect(await startDueJobs(world.base)).toBe(0);
  const [run] = await runs(job);
  expect(run).toMatchObject({
    origin: "schedule",
    scheduled_for: iso(world.clock.now),
    created_by: { type: "system", name: "Flowplane" },
    agent_name: "edge-1",
  });
  expect(await read(job)).toMatchObject({
    next_run_at: iso(world.clock.now + HOUR_MS),
    runs_active: 1,
    last_run: { id: run?.id, state: "QUEUED" },
  });
});

test("several workers at once make each start once, and give each run away once", async () => {
  const jobs = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      create({
        name: `job ${index}`,
        schedule_policy: { every_seconds: 60, overlap: "allow", misfire: "all" },
        concurrency_max: 50,
      }),
    ),
  );
  world.clock.now += 20 * 60_000;
  await world.setConnected(agent.agent_id, true);
  const made = await Promise.all(Array.from({ length: 4 }, () => startDueJobs(world.base)));
  await Promise.all(Array.from({ length: 4 }, () => dispatchRuns(world.base)));
  // Whatever was left to another one that was at it is found at the next look.
  made.push(await startDueJobs(world.base));
  await dispatchRuns(world.base);
  expect(made.reduce((sum, each) => sum + each)).toBe(12 * 20);
  for (const job of jobs) expect(new Set((await runs(job)).map((run) => run.scheduled_for)).size).toBe(20);
  const rows = await world.base.storage.system.selectFrom("intents").select("run_id").execute();
  expect([rows.length, new Set(rows.map((row) => row.run_id)).size]).toEqual([240, 240]);
});

test("while the run before is under way a start is left out, and the job says so", async () => {
  const job = await create({ schedule_policy: { cron: "0 * * * *", overlap: "skip" } });
  await passTime(HOUR_MS);
  expect(await passTime(HOUR_MS)).toBe(0);
  expect(await runs(job)).toHaveLength(1);
  expect((await read(job)).sentence).toContain(
    "The start of 2026-03-01T14:00:00.000Z was left out: the run before had not ended.",
  );
});

test("a queued start waits for the one before, one at a time", async () => {
  const job = await create({ schedule_policy: { cron: "0 * * * *", overlap: "queue" }, concurrency_max: 5 });
  for (let hour = 0; hour < 3; hour += 1) await passTime(HOUR_MS);
  const [first, second, third] = await runs(job);
  expect([first, second, third].map((run) => run?.agent_name)).toEqual(["edge-1", null, null]);
  expect(second?.waiting?.for).toBe("the run of this job that is under way to end");
  await end(first as Run);
  expect((await runs(job)).map((run) => run.agent_name)).toEqual(["edge-1", "edge-1", null]);
  const { items } = (await world.call("GET", `/runs/${second?.id}/events`)).body;
  expect(items.map(({ title }: { title: string }) => title)).toEqual([
    "Queued until an agent fits",
    "Given to edge-1",
  ]);
});

test("a start that replaces stops the run before and waits for its end", async () => {
  const job = await create({ schedule_policy: { cron: "0 * * * *", overlap: "replace" } });
  await passTime(HOUR_MS);
  const [first] = (await runs(job)) as [Run];
  await world.report(agent, starting(first.id, world.clock.now), running(first.id, world.clock.now));
  await passTime(HOUR_MS);
  const [old, next] = (await runs(job)) as [Run, Run];
  expect(old).toMatchObject({ state: "STOPPING", stop: { actor: { name: "Flowplane" } } });
  expect(next.agent_id).toBeNull();
  await world.report(agent, ended(first.id, { state: "STOPPED" }, world.clock.now));
  await dispatchRuns(world.base);
  expect((await runs(job))[1]?.agent_name).toBe("edge-1");
});

test("starts that are allowed run side by side, up to the job's limit", async () => {
  const job = await create({ schedule_policy: { cron: "0 * * * *", overlap: "allow" }, concurrency_max: 2 });
  for (let hour = 0; hour < 3; hour += 1) await passTime(HOUR_MS);
  expect((await runs(job)).map((run) => run.waiting?.for)).toEqual([
    "the agent edge-1 to take it",
    "the agent edge-1 to take it",
    "one of the 2 runs of this job to end",
  ]);
});

test("after a day without a worker the schedule's own policy decides what is made up for", async () => {
  const skip = await create({ name: "skip", schedule_policy: { cron: "30 * * * *", misfire: "skip" } });
  const last = await create({ name: "last", schedule_policy: { cron: "30 * * * *", misfire: "last" } });
  const all = await create({
    name: "all",
    schedule_policy: { cron: "30 * * * *", misfire: "all", overlap: "queue" },
  });
  await passTime(24 * HOUR_MS);
  expect(await runs(skip)).toHaveLength(0);
  expect((await runs(last)).map((run) => run.scheduled_for)).toEqual(["2026-03-02T11:30:00.000Z"]);
  expect(await runs(all)).toHaveLength(24);
  expect((await read(skip)).sentence).toContain("24 missed starts were left out");
});

test("a clock that goes back a day neither repeats starts nor keeps the schedule waiting for that day", async () => {
  const job = await create({ schedule_policy: { cron: "0 * * * *", overlap: "queue" } });
  await passTime(24 * HOUR_MS);
  expect(await runs(job)).toHaveLength(1);
  world.clock.now -= 24 * HOUR_MS;
  expect(await drawBackJobs(world.base)).toBe(1);
  expect((await read(job)).next_run_at).toBe("2026-03-01T13:00:00.000Z");
  await passTime(HOUR_MS);
  expect(await runs(job)).toHaveLength(2);
  // The start that the fast clock had made is not made again.
  for (let hour = 0; hour < 23; hour += 1) await passTime(HOUR_MS);
  expect((await runs(job)).filter((run) => run.scheduled_for === "2026-03-02T12:00:00.000Z")).toHaveLength(1);
});

test("a secret reaches the order and nothing else; without it the scheduled run has failed and says why", async () => {
  await putSecret(world.ctx, "DB_PASSWORD", { value: "s3cr3t-value", site_id: null });
  const job = await create({
    schedule_policy: { cron: "0 * * * *", overlap: "allow" },
    concurrency_max: 2,
    env_policy: { secrets: { PGPASSWORD: "DB_PASSWORD", TOKEN: "API_TOKEN" } },
  });
  const refused = await world.call("POST", `/jobs/${job.id}/runs`, {});
  expect([refused.status, refused.body.detail]).toEqual([
    400,
    "There is no secret API_TOKEN. Store it with `flowplane secrets set API_TOKEN`, or PUT /api/v1/secrets/API_TOKEN.",
  ]);
  await passTime(HOUR_MS);
  expect((await runs(job))[0]).toMatchObject({
    state: "FAILED",
    reason: expect.stringContaining("There is no secret API_TOKEN.") as string,
    log: { complete: true },
  });
  await putSecret(world.ctx, "API_TOKEN", { value: "t0k3n-value", site_id: world.siteId });
  await passTime(HOUR_MS);
  const [order] = await world.orders(agent.agent_id);
  expect(order?.payload["spec"]).toMatchObject({
    env: { PGPASSWORD: "s3cr3t-value", TOKEN: "t0k3n-value" },
    secret_env: ["PGPASSWORD", "TOKEN"],
  });
  const tables = await Promise.all(
    (["jobs", "runs", "run_events", "audit_events", "secrets"] as const).map((table) =>
      world.base.storage.system.selectFrom(table).selectAll().execute(),
    ),
  );
  expect(JSON.stringify(tables)).not.toMatch(/s3cr3t|t0k3n/);
  const used = await world.base.storage.system.selectFrom("secrets").select("last_used_at").execute();
  expect(used.every((row) => row.last_used_at !== null)).toBe(true);
});

test("one job that cannot be started holds up no other", async () => {
  const broken = await create({ name: "broken", schedule_policy: { cron: "0 * * * *" } });
  const fine = await create({ name: "fine", schedule_policy: { cron: "0 * * * *" } });
  // As after a restore with another master key: its variables do not open any more.
  await world.base.storage.system
    .updateTable("jobs")
    .set({ env_sealed: Buffer.from("not sealed by us, and long enough to look like it") })
    .where("id", "=", broken.id)
    .execute();
  expect(await passTime(HOUR_MS)).toBe(1);
  expect(await runs(fine)).toHaveLength(1);
});

test("a run that a policy stopped for good takes the schedule with it, until a person resumes it", async () => {
  const job = await create({ schedule_policy: { cron: "0 * * * *" } });
  await passTime(HOUR_MS);
  const [run] = (await runs(job)) as [Run];
  const now = world.clock.now;
  const incident = newId();
  const event = (type: string, payload: Record<string, unknown>) => ({
    seq: 1,
    type,
    run_id: run.id,
    at: iso(now),
    payload: { incident_id: incident, ...payload },
  });
  await world.report(
    agent,
    starting(run.id, now),
    running(run.id, now),
    event("incident.opened", {
      category: "loop",
      severity: "critical",
      score: 90,
      title: "The same error again and again",
      line: 10,
      evidence: {},
      policy: { id: null, name: "p", version: 1, mode: "enforce" },
    }),
    event("incident.intervention", {
      action: "stop_for_good",
      outcome: "done",
      why: "third incident of this kind",
      run_id: null,
    }),
  );
  expect(await read(job)).toMatchObject({ status: "PAUSED", next_run_at: null });
  expect((await read(job)).sentence).toContain(
    "The schedule was paused, because a policy stopped a run for good: third incident of this kind.",
  );
  expect((await world.call("POST", `/jobs/${job.id}/resume`)).body).toMatchObject({
    status: "CREATED",
    next_run_at: iso(now + HOUR_MS),
  });
});
