import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PolicyDocument, type LogLine, type Run, type RunEvent } from "@flowplane/contract";
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
const times = (kind: string, count: number) => Array.from({ length: count }, () => kind);
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
  expect((await world.call("GET", `/runs/${run.id}/logs/download?format=raw`)).body).toBe("");
  expect((await world.call("GET", `/runs/${run.id}/logs/download`)).body).toBe(
    "# Its lines have expired. What is known about the run is kept.\n",
  );
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

/** A run under way that is watched from its start: a segment and evidence a month, each stored when it was made. */
async function serviceOf(months: number): Promise<Run> {
  world.clock.now = T0;
  const run = await world.launch({ agent_id: agent.agent_id, name: "service" });
  await world.report(agent, running(run.id));
  for (let month = 0; month < months; month += 1) {
    world.clock.now = T0 + month * 30 * DAY;
    const lines = linesOf(month * 10 + 1, month * 10 + 10).map((line) => ({
      ...line,
      atMs: world.clock.now,
    }));
    expect((await world.upload(agent, run.id, month + 1, lines)).status).toBe(204);
    const chunk = `{"chunk":${month + 1},"format":"flowplane-evidence/1","previous":null,"run_id":"${run.id}","type":"chunk"}\n`;
    expect((await world.uploadEvidence(agent, run.id, month + 1, Buffer.from(chunk))).status).toBe(204);
  }
  return run;
}

test("of a run that never ends the oldest lines expire, and every reader says so", async () => {
  const run = await serviceOf(12);
  await night(335);
  // 335 - 90 = 245: what was stored on day 240 and before is gone.
  expect(await rowsOf(run)).toMatchObject({ log_segments: 3 });
  const sentence = "Lines before 91 (until 27 October 2026) have expired.";
  expect((await world.readRun(run.id)).log).toMatchObject({
    lines: 120,
    stored_seq: 120,
    expired: false,
    first_seq: 91,
    expired_until: iso(T0 + 240 * DAY),
    sentence,
  });
  const page = (await world.call("GET", `/runs/${run.id}/logs?limit=2`)).body;
  expect(page).toMatchObject({
    items: [{ seq: 91 }, { seq: 92 }],
    next_seq: 93,
    first_seq: 91,
    last_seq: 120,
  });
  const search = (await world.call("GET", `/runs/${run.id}/logs/search?q=line%20&limit=5`)).body;
  expect(search).toEqual({ seqs: [91, 92, 93, 94, 95], searched_to: 95, more: true });
  const everywhere = (await world.call("GET", `/logs/search?q=line%20&limit=1&from=${iso(T0)}`)).body;
  expect(everywhere.items).toMatchObject([{ run_id: run.id, line: { seq: 91 } }]);
  const text = (await world.call("GET", `/runs/${run.id}/logs/download`)).body as string;
  expect(text.split("\n").slice(0, 2)).toEqual([`# ${sentence}`, expect.stringContaining(" line 91")]);
  const raw = (await world.call("GET", `/runs/${run.id}/logs/download?format=raw&stream=stdout`)).body;
  expect(raw).toMatch(/^line 91\n/);
  const json = (await world.call("GET", `/runs/${run.id}/logs/download?format=jsonl`)).body as string;
  expect(JSON.parse(json.split("\n")[0] ?? "")).toMatchObject({ seq: 91 });
  expect(await replay(run)).toMatchObject({
    equal: null,
    intact: true,
    sentence:
      "The decisions about this run can no longer be repeated: each follows from everything since the start, and lines before 91 (until 27 October 2026) and chunks of evidence up to 9 (until 27 October 2026) have expired.",
  });
  expect(await objectsOf(run)).toEqual([...times("runs", 3), ...times("evidence", 3)]);
});

test("a log that has expired up to its last line goes on where it was, and what is sent again stays away", async () => {
  const run = await serviceOf(2);
  await night(400);
  expect(await lines(run)).toEqual([]);
  expect((await world.readRun(run.id)).log).toMatchObject({ first_seq: 21, stored_seq: 20 });
  expect((await world.upload(agent, run.id, 1, linesOf(1, 10))).status).toBe(204);
  expect(await lines(run)).toEqual([]);
  expect((await world.upload(agent, run.id, 3, linesOf(21, 25))).status).toBe(204);
  expect((await lines(run)).map(({ seq }) => seq)).toEqual([21, 22, 23, 24, 25]);
  expect((await world.readRun(run.id)).log).toMatchObject({ lines: 25, stored_seq: 25 });
  await world.report(agent, ended(run.id, {}, T0 + 400 * DAY, 25));
  expect((await world.readRun(run.id)).log).toMatchObject({ complete: true, first_seq: 21 });
  // From its end on it is kept whole for its time.
  await night(480);
  expect(await lines(run)).toHaveLength(5);
});

test("a segment that came late does not go before the ones in front of it", async () => {
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.report(agent, running(run.id));
  await world.upload(agent, run.id, 2, linesOf(11, 20));
  world.clock.now = T0 + 60 * DAY;
  await world.upload(agent, run.id, 1, linesOf(1, 10));
  await night(100);
  expect(await lines(run)).toHaveLength(20);
  await night(151);
  expect(await lines(run)).toEqual([]);
});

test("of a run that never ends old notes and pauses go after as long as runs are kept, and one entry says so", async () => {
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.report(agent, running(run.id));
  const tell = async (day: number, title: string, told: Record<string, unknown> = {}) => {
    world.clock.now = T0 + day * DAY;
    const payload = { title, reason: null, payload: told };
    await world.report(agent, {
      seq: 1,
      type: "run.note",
      run_id: run.id,
      at: iso(world.clock.now),
      payload,
    });
  };
  const timeline = async () =>
    ((await world.call("GET", `/runs/${run.id}/events`)).body.items as RunEvent[]).map(({ title }) => title);
  await tell(1, "4 entries (until 1 March 2026) have expired.", { expired_events: 4 });
  await tell(2, "first", { expired_events: "many" });
  await tell(3, "second");
  await tell(300, "third");
  const start = (await timeline()).slice(0, -4);
  expect(start.length).toBeGreaterThan(0);
  await night(300);
  expect(await timeline()).toHaveLength(start.length + 4);
  await night(399);
  const sentence = "6 entries (until 4 March 2026) have expired.";
  expect(await timeline()).toEqual([...start, sentence, "third"]);
  await night(400);
  expect(await timeline()).toEqual([...start, sentence, "third"]);
  await night(800);
  expect(await timeline()).toEqual([...start, expect.stringContaining("7 entries (until")]);
  expect(await replay(run)).toMatchObject({ equal: null });
  await world.report(agent, ended(run.id, {}, T0 + 800 * DAY, 0));
  expect((await world.readRun(run.id)).state).toBe("SUCCEEDED");
});

test("a log whose beginning expired on its host begins later here, too", async () => {
  const run = await world.launch({ agent_id: agent.agent_id });
  await world.report(agent, running(run.id));
  const headers = { "x-flowplane-expired": `6 600 ${T0 - DAY}` };
  expect((await world.upload(agent, run.id, 6, linesOf(601, 610), { headers })).status).toBe(400);
  expect((await world.upload(agent, run.id, 7, linesOf(601, 610), { headers })).status).toBe(204);
  expect((await lines(run)).map(({ seq }) => seq)).toEqual(linesOf(601, 610).map(({ seq }) => seq));
  expect((await world.readRun(run.id)).log).toMatchObject({
    lines: 610,
    first_seq: 601,
    expired_until: iso(T0 - DAY),
  });
});

test("an organization says how long; what contradicts itself is refused where it does", async () => {
  const { ctx } = await world.neighbour();
  expect(await readRetention(ctx)).toMatchObject({ log_days: 90, log_hot_days: 7 });
  const kept = { ...(await readRetention(ctx)), log_days: 10 };
  await changeRetention(ctx, kept);
  expect(await readRetention(ctx)).toEqual(kept);
});
