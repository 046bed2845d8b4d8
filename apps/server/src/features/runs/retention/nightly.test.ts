import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PolicyDocument, type LogLine, type Run } from "@flowplane/contract";
import { inTransaction, newId } from "../../../platform/context.ts";
import { changeRetention, readRetention } from "../../identity/retention.ts";
import type { AgentIdentity } from "../../gateway/agent-http.ts";
import { loopingRun, recordRun, uploadRecording } from "../evidence/recorded.ts";
import { ended, iso, linesOf, running, runWorld, T0, type RunWorld } from "../fixtures.ts";
import { systemContext } from "../system-context.ts";
import { collectGarbage, keepRetention } from "./nightly.ts";
import { markExpired } from "./store.ts";

let world: RunWorld;
let agent: AgentIdentity;
beforeAll(async () => {
  world = await runWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

const DAY = 24 * 3_600_000;
const POLICY = PolicyDocument.parse({ warm_up_ms: 0, actions: { loop: [{ do: "stop" }] } });
const db = () => world.base.storage.system;

beforeEach(async () => {
  world.clock.now = T0;
  agent = await world.addAgent();
});

/** A run with three segments, evidence and a sample, that has ended. */
async function endedRun(): Promise<Run> {
  world.clock.now = T0;
  const run = await world.launch({ agent_id: agent.agent_id, name: "etl" });
  await world.report(agent, running(run.id));
  const recording = recordRun(run.id, POLICY, [
    ...loopingRun(),
    { kind: "sample", at: 151_000, rss_bytes: 5, cpu_ms: 3 },
  ]);
  world.clock.now = T0 + 3_600_000;
  await uploadRecording(world, agent, run.id, recording);
  await world.report(agent, ended(run.id, { last_evidence: recording.chunks.length }, T0 + 200_000, 150));
  return run;
}

async function addIncident(run: Run): Promise<void> {
  const payload = {
    incident_id: newId(),
    category: "loop",
    severity: "warning",
    score: 80,
    title: "loop",
    line: 1,
    evidence: {},
    policy: null,
  };
  await world.report(agent, { seq: 1, type: "incident.opened", run_id: run.id, at: iso(T0), payload });
}

async function night(days: number): Promise<void> {
  world.clock.now = T0 + days * DAY;
  await keepRetention(world.base);
  // Objects go a little after their rows.
  world.clock.now += 2 * 3_600_000;
  await collectGarbage(world.base);
}

async function objectsOf(run: Run): Promise<string[]> {
  const keys: string[] = [];
  for (const kind of ["runs", "evidence", "packs"])
    for await (const key of world.base.objects.list(`${kind}/${world.ctx.actor.organization_id}/${run.id}/`))
      keys.push(key);
  return keys.map((key) => key.split("/")[0] ?? "");
}

async function rowsOf(run: Run) {
  const count = async (
    table: "log_segments" | "evidence_chunks" | "run_samples" | "run_events" | "incidents",
  ) => (await db().selectFrom(table).select("run_id").where("run_id", "=", run.id).execute()).length;
  return {
    log_segments: await count("log_segments"),
    evidence: (await count("evidence_chunks")) > 0,
    run_samples: await count("run_samples"),
    incidents: await count("incidents"),
  };
}

const lines = async (run: Run) =>
  (await world.call("GET", `/runs/${run.id}/logs?limit=2000`)).body.items as LogLine[];
const replay = async (run: Run) => (await world.call("POST", `/runs/${run.id}/replay`, {})).body;

test("what is no longer hot is packed into fewer objects, and reads and replays as before", async () => {
  const run = await endedRun();
  const before = await lines(run);
  expect(before).toHaveLength(150);
  await night(6);
  expect((await objectsOf(run)).filter((kind) => kind === "runs")).toHaveLength(3);
  await night(8);
  expect((await objectsOf(run)).filter((kind) => kind !== "evidence")).toEqual(["packs"]);
  expect(await lines(run)).toEqual(before);
  expect(await replay(run)).toMatchObject({ equal: true, intact: true });
  const found = await world.call("GET", `/logs/search?q=permission%20denied&from=${iso(T0 - 1)}`);
  expect(found.body.items.length).toBeGreaterThanOrEqual(60);
  await night(9);
  expect((await objectsOf(run)).filter((kind) => kind !== "evidence")).toEqual(["packs"]);
});

test("a segment sent again after it was packed is the one that is there", async () => {
  const run = await endedRun();
  await night(8);
  const recording = recordRun(run.id, POLICY, [...loopingRun()]);
  expect((await world.upload(agent, run.id, 1, recording.segments[0] ?? [])).status).toBe(204);
  expect(await lines(run)).toHaveLength(150);
});

test("each thing goes when its time is over, and says so; nothing dangles", async () => {
  const run = await endedRun();
  await night(31);
  expect(await rowsOf(run)).toEqual({ log_segments: 3, evidence: true, run_samples: 0, incidents: 0 });
  await night(89);
  expect(await lines(run)).toHaveLength(150);
  await night(91);
  expect(await rowsOf(run)).toEqual({ log_segments: 0, evidence: false, run_samples: 0, incidents: 0 });
  expect(await objectsOf(run)).toEqual([]);
  expect((await world.readRun(run.id)).log).toMatchObject({ expired: true, lines: 150 });
  expect(await lines(run)).toEqual([]);
  expect((await world.call("GET", `/runs/${run.id}/logs/download`)).body).toBe("");
  expect(await replay(run)).toMatchObject({
    equal: null,
    problem: expect.stringContaining("deleted when its time was over"),
  });
  await night(394);
  expect((await world.call("GET", `/runs/${run.id}`)).status).toBe(200);
  await night(396);
  expect((await world.call("GET", `/runs/${run.id}`)).status).toBe(404);
  expect(await db().selectFrom("object_garbage").selectAll().execute()).toEqual([]);
});

test("runs with incidents are kept as long as incidents", async () => {
  const [plain, troubled] = [await endedRun(), await endedRun()];
  await addIncident(troubled);
  await night(200);
  expect((await rowsOf(plain)).log_segments).toBe(0);
  expect(await rowsOf(troubled)).toEqual({ log_segments: 3, evidence: true, run_samples: 1, incidents: 1 });
  expect(await lines(troubled)).toHaveLength(150);
  await night(396);
  expect((await world.call("GET", `/runs/${troubled.id}`)).status).toBe(404);
  expect(await objectsOf(troubled)).toEqual([]);
});

test("what was cut off in the middle is finished the next night", async () => {
  const run = await endedRun();
  const ctx = systemContext(world.base, world.ctx.actor.organization_id);
  await inTransaction(ctx, (ctx) => markExpired(ctx.db, "log_expired_at", [run.id], new Date(T0)));
  expect(await lines(run)).toEqual([]);
  await night(1);
  expect((await rowsOf(run)).log_segments).toBe(0);
  expect((await objectsOf(run)).includes("runs")).toBe(false);
});

test("a run that goes on is left alone, however old", async () => {
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.report(agent, running(run.id));
  await world.upload(agent, run.id, 1, linesOf(1, 10));
  await night(2_000);
  expect(await lines(run)).toHaveLength(10);
});

test("an organization says how long; what contradicts itself is refused where it does", async () => {
  const { ctx } = await world.neighbour();
  expect(await readRetention(ctx)).toMatchObject({ log_days: 90, log_hot_days: 7 });
  const kept = { ...(await readRetention(ctx)), log_days: 10 };
  await changeRetention(ctx, kept);
  expect(await readRetention(ctx)).toEqual(kept);
});
