import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PolicyDocument, type Incident, type IncidentDetail, type Run } from "@flowplane/contract";
import type { LinkEvent } from "@flowplane/link";
import { inTransaction, newId } from "../../platform/context.ts";
import { agentActor, type AgentIdentity } from "../gateway/agent-http.ts";
import { testCtx } from "../../testing/base.ts";
import { verifyChain } from "../audit/audit.ts";
import { reconcileRuns } from "../runs/deadlines.ts";
import { ended, iso, linesOf, running, runWorld, T0, type RunWorld } from "../runs/fixtures.ts";
import { readOverview } from "../overview/overview.ts";
import { INCIDENTS_PER_RUN_MAX } from "./limits.ts";
import { tellFallbackEnded, tellNewAgents } from "./guard.ts";

let world: RunWorld;
let agent: AgentIdentity;
let run: Run;
beforeAll(async () => {
  world = await runWorld();
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(async () => {
  world.clock.now = T0;
  agent = await world.addAgent();
  run = await world.launch({ agent_id: agent.agent_id, name: "crawl" });
  await world.report(agent, running(run.id));
});

const MINUTE = 60_000;
const evidence = {
  families: [
    { family: "error", strength: 900, value: 0.4, threshold: 0.25, unit: "share" },
    { family: "no_progress", strength: 800, value: 9, threshold: 2, unit: "min" },
  ],
  signature: { text: "connect # refused", last_text: "connect 7 refused", count: 1_412, period_ms: 380 },
  lines: { from: 3, to: 40 },
  since: { line: 3, at: T0 + MINUTE },
  last_progress: null,
  suppressions: [{ name: "progress bar", count: 2 }],
  config_hash: "c0ffee",
};

function event(
  type: string,
  payload: Record<string, unknown>,
  at = T0 + 10 * MINUTE,
  runId = run.id,
): LinkEvent {
  return { seq: 1, type, run_id: runId, at: iso(at), payload };
}

function opened(id: string, more: Record<string, unknown> = {}, at?: number): LinkEvent {
  const payload = {
    incident_id: id,
    category: "loop",
    severity: "warning",
    score: 91,
    title: "The same error again and again",
    line: 40,
    evidence,
    policy: { id: null, name: "Night", version: 3, mode: "enforce" },
    ...more,
  };
  return event("incident.opened", payload, at);
}

function intervened(id: string, more: Record<string, unknown> = {}, at?: number): LinkEvent {
  return event(
    "incident.intervention",
    { incident_id: id, action: "stop", outcome: "done", why: "enforced", run_id: null, ...more },
    at,
  );
}

const read = async (id: string) => (await world.call("GET", `/incidents/${id}`)).body as IncidentDetail;
const timeline = async () =>
  (await world.call("GET", `/runs/${run.id}/events`)).body.items as {
    type: string;
    title: string;
    reason: string;
  }[];

test("an incident is told, counted, and says on top of the run why it was stopped", async () => {
  world.clock.now = T0 + 20 * MINUTE;
  await world.upload(
    agent,
    run.id,
    1,
    linesOf(1, 50, (seq) => (seq < 3 ? "begin" : `connect ${seq} refused`)),
  );
  const id = newId();
  await world.report(
    agent,
    opened(id),
    intervened(id),
    event("incident.closed", { incident_id: id, reason: "the run ended" }, T0 + 11 * MINUTE),
  );
  await world.report(agent, ended(run.id, { state: "STOPPED", signal: "SIGTERM" }, T0 + 11 * MINUTE, 50));
  expect(await world.readRun(run.id)).toMatchObject({
    sentence: "Stopped by Flowplane at 12:10 UTC: the same error 1,412 times in 9 min, no progress.",
    incidents: { open: 0, total: 1 },
    intervention: { incident_id: id, action: "stop", at: iso(T0 + 10 * MINUTE) },
  });
  const incident = await read(id);
  expect(incident).toMatchObject({
    state: "closed",
    category: "loop",
    confidence: 0.91,
    sentence:
      "The same error 1,412 times in 9 min, no progress; stopped by Flowplane at 12:10 UTC. Closed: the run ended.",
    policy: { name: "Night", version: 3, mode: "enforce" },
    evidence: { ...evidence, since: { line: 3, at: iso(T0 + MINUTE) } },
    interventions: [{ action: "stop", outcome: "done", actor: { name: "Flowplane" } }],
  });
  expect(incident.lines).toMatchObject([
    { text: "connect # refused", count: 38, first: { seq: 3, text: "connect 3 refused" }, last_seq: 40 },
  ]);
  expect(incident.after.map(({ what }) => what)).toEqual([
    "Stopped by Flowplane at 12:10 UTC",
    "The run stopped",
    "The incident was closed",
  ]);
  expect((await timeline()).map(({ type }) => type).slice(2)).toEqual([
    "incident.opened",
    "incident.intervention",
    "incident.closed",
    "run.ended",
  ]);
});

test("what changed before is told beside the last good run", async () => {
  await world.report(agent, ended(run.id));
  world.clock.now += MINUTE;
  const next = await world.launch({
    agent_id: agent.agent_id,
    name: "crawl",
    args: ["--fast"],
    env: { MODE: "x" },
  });
  const id = newId();
  await world.report(agent, running(next.id, T0 + MINUTE), { ...opened(id), run_id: next.id });
  expect((await read(id)).before.map(({ what, detail }) => [what, detail])).toEqual([
    ["The last good run ended", `${run.id} on edge-1`],
    ["Its arguments changed", 'from [] to ["--fast"]'],
    ["Its variables changed (names)", 'from [] to ["MODE"]'],
    ["This run started, attempt 1", null],
  ]);
});

test("a pause by a policy is said, and over when the run goes on", async () => {
  const id = newId();
  await world.report(
    agent,
    opened(id),
    intervened(id, { action: "freeze" }),
    event("run.frozen", { frozen: true, reason: "loop", actor: "Flowplane" }),
  );
  world.clock.now = T0 + 12 * MINUTE;
  expect((await world.readRun(run.id)).sentence).toMatch(
    /^Paused by Flowplane at 12:\d\d UTC: the same error 1,412 times in .*; it goes on when somebody resumes it\.$/,
  );
  await world.report(agent, event("run.frozen", { frozen: false, reason: "looked at", actor: "Ada" }));
  expect(await world.readRun(run.id)).toMatchObject({ frozen_since: null, state: "RUNNING" });
  expect((await timeline()).slice(-2).map(({ type, title }) => [type, title])).toEqual([
    ["run.frozen", "Paused · Flowplane"],
    ["run.resumed", "Goes on · Ada"],
  ]);
});

test("what was withheld is said with its reason, and counts as nothing done", async () => {
  const id = newId();
  await world.report(
    agent,
    opened(id),
    intervened(id, { outcome: "withheld", why: "The policy only watches." }),
  );
  expect(await read(id)).toMatchObject({
    state: "open",
    sentence: expect.stringMatching(/; nothing was done: the policy only watches\.$/),
  });
  expect(await world.readRun(run.id)).toMatchObject({ intervention: null, incidents: { open: 1, total: 1 } });
});

test("what the detector says it saw is said in its own words", async () => {
  const id = newId();
  const sentence = "The same error 12 times in 3 min, no progress since 12:01 (line 3): connect # refused.";
  await world.report(agent, opened(id, { evidence: { ...evidence, sentence } }), intervened(id));
  const incident = await read(id);
  expect(incident.sentence).toMatch(
    /^The same error 12 times in 3 min, .*: connect # refused; stopped by Flowplane at/,
  );
  expect(Object.keys(incident.evidence)).not.toContain("sentence");
  expect(await world.readRun(run.id)).toMatchObject({
    intervention: {
      what: "the same error 12 times in 3 min, no progress since 12:01 (line 3): connect # refused",
    },
  });
});

test("the outcome of what is under way takes its place", async () => {
  const id = newId();
  await world.report(agent, opened(id), intervened(id, { outcome: "under_way" }), intervened(id));
  expect((await read(id)).interventions).toMatchObject([{ outcome: "done" }]);
});

test("an agent speaks of its own runs' incidents alone, each is opened once", async () => {
  const id = newId();
  await world.report(agent, opened(id), opened(id, { title: "again" }));
  const other = await world.addAgent({ name: "edge-2" });
  const othersRun = await world.launch({ agent_id: other.agent_id });
  await world.report(
    other,
    opened(newId(), {}),
    { ...event("incident.closed", { incident_id: id, reason: "mine now" }), run_id: othersRun.id },
    { ...opened(id, { title: "stolen" }), run_id: othersRun.id },
  );
  expect(await read(id)).toMatchObject({ state: "open", title: "The same error again and again" });
  const list = await world.call("GET", `/incidents?run_id=${othersRun.id}`);
  expect(list.body.items).toEqual([]);
  expect((await world.readRun(run.id)).incidents).toEqual({ open: 1, total: 1 });
});

test("whatever an agent sends is taken without harm and in bounds", async () => {
  const [wild, nothing] = [newId(), newId()];
  await world.report(
    agent,
    opened("not-a-uuid"),
    opened(wild, {
      title: "nul \0 and half \ud800",
      evidence: {
        families: [
          { family: "x".repeat(10_000), strength: "strong" },
          ...Array.from({ length: 100 }, () => evidence.families[0]),
        ],
        signature: { text: "\0".repeat(9_000), last_text: 7, count: -1, period_ms: null },
        lines: "all",
        since: { line: 1, at: 1e300 },
        extra: { deep: true },
      },
    }),
    opened(nothing, { evidence: {} }),
    intervened(wild, { action: "explode" }),
    intervened(newId()),
    event("incident.opened", {}),
  );
  const { evidence: kept } = await read(wild);
  expect(kept.families).toHaveLength(20);
  expect(kept.signature?.text).toHaveLength(2_000);
  expect(kept.since).toEqual({ line: 1, at: "1970-01-01T00:00:00.000Z" });
  expect(await read(nothing)).toMatchObject({ lines: [], evidence: { families: [] } });
  expect((await world.readRun(run.id)).incidents.total).toBe(2);
});

test("a run has so many incidents and no more", async () => {
  await world.report(agent, ...Array.from({ length: INCIDENTS_PER_RUN_MAX + 3 }, () => opened(newId())));
  expect((await world.readRun(run.id)).incidents.total).toBe(INCIDENTS_PER_RUN_MAX);
});

test("people acknowledge, close and judge; each once where once is enough, all of it on record", async () => {
  const id = newId();
  await world.report(agent, opened(id));
  const post = (path: string, body?: object) => world.call("POST", `/incidents/${id}/${path}`, body);
  expect((await post("acknowledge")).body).toMatchObject({
    state: "acknowledged",
    acknowledged_by: { name: "owner" },
  });
  expect((await post("acknowledge")).status).toBe(200);
  const judged = await world.call("PUT", `/incidents/${id}/feedback`, { verdict: "wrong", note: "it polls" });
  expect(judged.body.feedback).toMatchObject({ verdict: "wrong", note: "it polls" });
  expect((await post("close", { reason: "fixed" })).body).toMatchObject({
    state: "closed",
    closed_because: "fixed",
  });
  expect((await post("close", { reason: "again" })).status).toBe(409);
  expect((await post("acknowledge")).status).toBe(409);
  expect((await world.readRun(run.id)).incidents).toEqual({ open: 0, total: 1 });
  // The agent closes it later, too: nothing changes.
  await world.report(agent, event("incident.closed", { incident_id: id, reason: "the run ended" }));
  expect(await read(id)).toMatchObject({ closed_because: "fixed" });
  expect((await timeline()).map(({ type }) => type).slice(-4)).toEqual([
    "incident.acknowledge",
    "incident.feedback",
    "incident.close",
    "incident.closed",
  ]);
  expect(await verifyChain(world.ctx)).toMatchObject({ intact: true });
});

test("a stop that failed is an incident, whoever saw it, and over when the run ends after all", async () => {
  for (const order of await world.orders(agent.agent_id)) await world.confirm(order.id);
  await world.call("POST", `/runs/${run.id}/stop`, { reason: "enough" });
  world.clock.now += 3_600_000;
  await reconcileRuns(world.base);
  expect(await world.readRun(run.id)).toMatchObject({
    state: "FAILED_STOP",
    incidents: { open: 1, total: 1 },
  });
  await world.report(agent, opened(newId(), { category: "failed_stop" }));
  const of = async () => (await world.call("GET", `/incidents?run_id=${run.id}`)).body.items as Incident[];
  expect(await of()).toMatchObject([{ category: "failed_stop", severity: "critical", state: "open" }]);
  await world.report(agent, ended(run.id, { state: "STOPPED", exit_code: null, signal: "SIGKILL" }));
  expect(await of()).toMatchObject([{ state: "closed", closed_because: "the run stopped" }]);
  expect((await world.readRun(run.id)).incidents).toEqual({ open: 0, total: 1 });
});

test("too many interventions in a site, and every agent there only watches, later ones too, until it is over", async () => {
  const { ctx, siteId } = await world.neighbour();
  const place = { organization: { organizationId: ctx.actor.organization_id, siteId } };
  const document = PolicyDocument.parse({
    mode: "enforce",
    cooldown_ms: 0,
    rate_limit: { interventions_max: 2, window_ms: 600_000, fallback_ms: 1_800_000 },
    actions: { loop: [{ do: "stop" }] },
  });
  const agents = [
    await world.addAgent({ name: "s-1", ...place }),
    await world.addAgent({ name: "s-2", ...place }),
  ];
  const runs = await Promise.all(
    agents.map(async (each) => {
      const { body } = await world.call(
        "POST",
        "/runs",
        { command: "/bin/sh", agent_id: each.agent_id },
        ctx.actor,
      );
      return body as Run;
    }),
  );
  await world.base.storage.system
    .updateTable("runs")
    .set({ policy_document: JSON.stringify(document) })
    .where("site_id", "=", siteId)
    .execute();
  const storm = async (index: number, at: number) => {
    const [by, of] = [agents[index], runs[index]];
    if (by === undefined || of === undefined) throw new Error("no such agent");
    const id = newId();
    await world.report(
      by,
      { ...opened(id, {}, at), run_id: of.id },
      { ...intervened(id, {}, at), run_id: of.id },
    );
  };
  const fallbacks = async (agentId: string) =>
    (await world.orders(agentId))
      .filter(({ type }) => type === "detection.fallback")
      .map(({ payload }) => payload);
  world.clock.now = T0 + 30 * MINUTE;
  // The third is the first beyond the two of ten minutes; the first of all is too old to count.
  await storm(0, T0 + MINUTE);
  await storm(0, T0 + 20 * MINUTE);
  await storm(1, T0 + 21 * MINUTE);
  expect(await fallbacks(agents[0]?.agent_id ?? "")).toEqual([]);
  await storm(0, T0 + 22 * MINUTE);
  const until = iso(T0 + 52 * MINUTE);
  for (const { agent_id } of agents)
    expect(await fallbacks(agent_id)).toEqual([
      {
        until,
        reason: expect.stringContaining("3 interventions within 10 min, more than the 2 that are allowed"),
      },
    ]);
  expect((await readOverview(ctx)).needs).toContainEqual(
    expect.objectContaining({ kind: "detection_fallback", resource: "site", id: siteId }),
  );
  const late = await world.addAgent({ name: "s-3", ...place });
  expect(await tellNewAgents(world.base)).toBe(1);
  expect(await tellNewAgents(world.base)).toBe(0);
  expect(await fallbacks(late.agent_id)).toMatchObject([{ until }]);
  await inTransaction(ctx, (ctx) => tellFallbackEnded(ctx, siteId, "looked into"));
  expect((await fallbacks(late.agent_id)).at(-1)).toEqual({ until: null, reason: "looked into" });
  world.clock.now = T0 + 53 * MINUTE;
  await world.addAgent({ name: "s-4", ...place });
  expect(await tellNewAgents(world.base)).toBe(0);
  expect((await readOverview(ctx)).needs.map(({ kind }) => kind)).not.toContain("detection_fallback");
});

test("an agent's own guard is on record", async () => {
  const guard = {
    seq: 9,
    type: "guard.changed",
    at: iso(T0),
    payload: { until: iso(T0 + MINUTE), reason: "5 in 10 min", interventions: 5 },
  };
  await world.report(agent, guard, { ...guard, payload: { until: "soon" } });
  const rows = await world.base.storage.system
    .selectFrom("audit_events")
    .select(["action", "target_id", "reason"])
    .where("target_id", "=", agent.agent_id)
    .execute();
  expect(rows).toEqual([{ action: "detection.fallback", target_id: agent.agent_id, reason: "5 in 10 min" }]);
  expect(await verifyChain(testCtx(world.base, agentActor(agent)))).toMatchObject({ intact: true });
});

test("a run is paused and resumed by people where that makes sense", async () => {
  const post = (what: string) => world.call("POST", `/runs/${run.id}/${what}`, { reason: "to look at it" });
  expect((await post("resume")).body.detail).toBe("The run is not paused; there is nothing to let go on.");
  expect((await post("freeze")).status).toBe(202);
  expect((await post("resume")).status).toBe(202);
  expect(
    (await world.orders(agent.agent_id)).slice(-2).map(({ type, payload }) => [type, payload["frozen"]]),
  ).toEqual([
    ["run.freeze", true],
    ["run.freeze", false],
  ]);
  await world.report(agent, event("run.frozen", { frozen: true, reason: "to look at it", actor: "owner" }));
  expect((await post("freeze")).body.detail).toBe("The run is paused already. Resume it, or stop it.");
  await world.report(agent, ended(run.id));
  expect(await world.readRun(run.id)).toMatchObject({ frozen_since: null });
  expect((await post("freeze")).status).toBe(409);
});
