import { expect, test } from "vitest";
import { isAffected } from "./affected.ts";

const agent = { topic: "agent", id: "a1" } as const;
const event = { topic: "run_event", id: "e1", parent_id: "r1" } as const;

test.each([
  [["agentRead", { params: { agent_id: "a1" } }], agent, true],
  [["agentRead", { params: { agent_id: "a2" } }], agent, false],
  [["agentHealthHistory", { params: { agent_id: "a1" } }], agent, true],
  [["agentFacets", { query: {} }], agent, true],
  [["agentList", { query: {} }, "pages"], agent, false],
  [["overview", {}], agent, true],
  [["runRead", { params: { run_id: "r1" } }], agent, false],
  [["runEvents", { params: { run_id: "r1" } }], event, true],
  [["runEvents", { params: { run_id: "r2" } }], event, false],
  [["runList", { query: {} }], event, false],
  [
    ["enrolmentAttemptList", { params: { token_id: "t1" } }],
    { topic: "enrolment_token", id: "t1" } as const,
    true,
  ],
  [["incidentList", { query: { run_id: "r1" } }], { topic: "incident", id: "i1" } as const, true],
  [["incidentRead", { params: { incident_id: "i2" } }], { topic: "incident", id: "i1" } as const, false],
  [["jobList", { query: {} }], { topic: "job", id: "j1" } as const, true],
  [["jobList", { query: {} }, "pages"], { topic: "job", id: "j1" } as const, false],
  [["policyVersionList", { params: { policy_id: "p1" } }], { topic: "policy", id: "p1" } as const, true],
  [
    ["policyComparisonRead", { params: { policy_id: "p1", comparison_id: "c1" } }],
    { topic: "policy_comparison", id: "c1", parent_id: "p1" } as const,
    true,
  ],
  [["agentConfiguration", { params: { agent_id: "a1" } }], agent, true],
  [["configurationCheck", { body: {} }], { topic: "configuration", id: "c1" } as const, false],
  [["configurationPreview", { body: {} }], { topic: "configuration", id: "c1" } as const, false],
  [
    ["configurationDraftRead", { params: { configuration_id: "c1" } }],
    { topic: "configuration", id: "c1" } as const,
    true,
  ],
  [["rolloutSquares", { params: { rollout_id: "o1" } }], { topic: "rollout", id: "o1" } as const, true],
  [["rolloutRead", { params: { rollout_id: "o2" } }], { topic: "rollout", id: "o1" } as const, false],
  [["rolloutComparison", { params: { rollout_id: "o1" } }], { topic: "rollout", id: "o1" } as const, false],
  [["rolloutPreview", { body: {} }], { topic: "rollout", id: "o1" } as const, false],
  [
    ["configurationPlaces", { params: { configuration_id: "c1" } }],
    { topic: "rollout", id: "o1" } as const,
    true,
  ],
  [["auditVerify", {}], { topic: "audit", id: "1" } as const, false],
])("%j after %j: %j", (key, notice, affected) => {
  expect(isAffected(key, notice)).toBe(affected);
});
