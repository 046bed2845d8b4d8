import { afterAll, beforeAll, expect, test } from "vitest";
import { PolicyDocument, type PolicyComparison, type Policy, type Run } from "@flowplane/contract";
import { newId } from "../../platform/context.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { loopingRun, recordRun, uploadRecording, type Happening } from "../runs/evidence/recorded.ts";
import { ended, iso, running, runWorld, T0, type RunWorld } from "../runs/fixtures.ts";
import { workOnComparison } from "./compare.ts";
import { COMPARISONS_OPEN_MAX } from "./limits.ts";

let world: RunWorld;
let agent: AgentIdentity;
beforeAll(async () => {
  world = await runWorld();
  agent = await world.addAgent();
});
afterAll(() => world[Symbol.asyncDispose]());

const HOUR = 3_600_000;
const SHADOW = PolicyDocument.parse({ warm_up_ms: 0, actions: { loop: [{ do: "stop" }] } });
const ENFORCE = { ...SHADOW, mode: "enforce" as const };

/** A run of the policy as it was watched, and how it ended after two hours. */
async function past(policyId: string, happenings: readonly Happening[], state: string): Promise<Run> {
  const run = await world.launch({ agent_id: agent.agent_id, policy: { policy_id: policyId } });
  await world.report(agent, running(run.id));
  const recording = recordRun(run.id, SHADOW, happenings);
  await uploadRecording(world, agent, run.id, recording);
  world.clock.now = T0 + 3 * HOUR;
  await world.report(
    agent,
    ended(run.id, { state, last_evidence: recording.chunks.length }, T0 + 2 * HOUR, 500),
  );
  world.clock.now = T0;
  return run;
}

const post = (policy: Policy, body: object) => world.call("POST", `/policies/${policy.id}/comparisons`, body);
const read = async (policy: Policy, id: string) =>
  (await world.call("GET", `/policies/${policy.id}/comparisons/${id}`)).body as PolicyComparison;
async function newPolicy(name: string, document: object = SHADOW): Promise<Policy> {
  return (await world.call("POST", "/policies", { name, document })).body as Policy;
}
const work = async () => {
  for (let id = world.comparisons.shift(); id !== undefined; id = world.comparisons.shift())
    await workOnComparison(world.base, id, async (_ctx, again) => void world.comparisons.push(again));
};

test("a draft is tried on what happened: whom it would have stopped, when, what that saves and costs", async () => {
  const policy = await newPolicy("Night");
  const calm = loopingRun(0);
  const failed = await past(policy.id, loopingRun(), "FAILED");
  const succeeded = await past(policy.id, loopingRun(), "SUCCEEDED");
  const quiet = await past(policy.id, calm, "SUCCEEDED");
  const torn = await past(policy.id, loopingRun(), "FAILED");
  await world.base.storage.system
    .deleteFrom("evidence_chunks")
    .where("run_id", "=", torn.id)
    .where("chunk", "=", 2)
    .execute();
  await past((await newPolicy("Another")).id, loopingRun(), "FAILED");

  const asked = await post(policy, { candidate: { document: ENFORCE } });
  expect([asked.status, asked.body.state, asked.body.candidate.label]).toEqual([
    202,
    "waiting",
    "A draft of Night",
  ]);
  await work();
  const comparison = await read(policy, asked.body.id);
  expect(comparison).toMatchObject({ state: "done", progress: { done: 4, total: 4 }, base: { version: 1 } });
  const of = (run: Run) => comparison.runs.find(({ run_id }) => run_id === run.id);
  expect(of(failed)).toMatchObject({
    category: "loop",
    base_action: null,
    candidate_action: "stop",
    verdict: "newly_stopped",
    cost_ms: null,
  });
  const stoppedAt = Date.parse(of(failed)?.candidate_at ?? "");
  expect(of(failed)?.saved_ms).toBe(T0 + 2 * HOUR - stoppedAt);
  expect(of(succeeded)).toMatchObject({ verdict: "newly_stopped", saved_ms: null, cost_ms: stoppedAt - T0 });
  expect(of(quiet)).toMatchObject({ verdict: "same", candidate_action: null });
  expect(of(torn)).toMatchObject({ verdict: "not_replayable", detail: "Chunk 2 is not stored here." });
  expect(comparison.summary).toMatchObject({
    runs: 4,
    not_replayable: 1,
    base_stops: 0,
    candidate_stops: 2,
    wrong_candidate: 1,
    sentence:
      "Would have stopped 2 of 3 runs, 2 of them earlier than now, saving 1 h. 1 of them had gone well, at a cost of 2 min of work. 1 run could not be repeated.",
  });
});

test("two versions: what the newer no longer stops is said; a run somebody called wrong counts as fine", async () => {
  const policy = await newPolicy("Versions", ENFORCE);
  const run = await past(policy.id, loopingRun(), "FAILED");
  await world.call("POST", `/policies/${policy.id}/versions`, {
    document: { ...ENFORCE, benign: ["permission denied"] },
    message: "that is how it waits",
  });
  const incident = newId();
  await world.base.storage.system
    .insertInto("incidents")
    .values({
      id: incident,
      organization_id: world.ctx.actor.organization_id,
      site_id: world.siteId,
      run_id: run.id,
      agent_id: agent.agent_id,
      agent_name: "edge-1",
      run_name: run.name,
      category: "loop",
      severity: "warning",
      state: "closed",
      score: 90,
      title: "loop",
      line: 1,
      evidence: "{}",
      opened_at: new Date(T0),
      feedback: JSON.stringify({ verdict: "wrong" }),
    })
    .execute();
  const asked = await post(policy, { candidate: { version: 2 }, base_version: 1 });
  await work();
  const { runs, summary } = await read(policy, asked.body.id);
  expect(runs).toMatchObject([{ verdict: "no_longer_stopped", base_action: "stop", candidate_action: null }]);
  expect(summary).toMatchObject({ base_stops: 1, wrong_base: 1, candidate_stops: 0, wrong_candidate: 0 });
  expect(summary?.sentence).toBe("Would have touched none of 1 run, and no longer 1 that are stopped now.");
});

test("a comparison says what is wrong with it, and there are only so many at a time", async () => {
  const policy = await newPolicy("Limits");
  expect((await post(policy, { candidate: { version: 2 } })).body.errors).toMatchObject([
    { pointer: "/candidate/version" },
  ]);
  expect((await post(policy, { candidate: { version: 1 }, base_version: 9 })).status).toBe(400);
  for (let index = 0; index < COMPARISONS_OPEN_MAX; index += 1)
    expect((await post(policy, { candidate: { version: 1 } })).status).toBe(202);
  expect((await post(policy, { candidate: { version: 1 } })).status).toBe(409);
  await work();
  expect((await post(policy, { candidate: { version: 1 } })).status).toBe(202);
  await work();
});

test("what is done stays done when a turn is cut off, and a turn of nothing does no harm", async () => {
  const policy = await newPolicy("Turns");
  await past(policy.id, loopingRun(), "FAILED");
  const asked = await post(policy, { candidate: { document: ENFORCE } });
  const [id = ""] = world.comparisons;
  await work();
  const first = await read(policy, asked.body.id);
  await workOnComparison(world.base, id, async () => undefined);
  await workOnComparison(world.base, newId(), async () => undefined);
  expect(await read(policy, asked.body.id)).toEqual(first);
  const { rows } = { rows: first.runs };
  await world.base.storage.system
    .updateTable("policy_comparisons")
    .set({ state: "running", result: JSON.stringify({ summary: null, runs: rows }) })
    .where("id", "=", asked.body.id)
    .execute();
  await workOnComparison(world.base, id, async () => undefined);
  expect(await read(policy, asked.body.id)).toEqual(first);
  expect(first.since).toBe(iso(T0 - 14 * 24 * HOUR));
});
