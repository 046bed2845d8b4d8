import { expect, test } from "vitest";
import type { Decision } from "./events.ts";
import { isInCanary, type PastIncident, type Policy, type Verdict } from "./policy.ts";
import { closeIncident, lookAgain, newPolicyState, openIncident, setGuard } from "./policy-machine.ts";
import { enforcing } from "./testing-record.ts";

const MINUTE = 60_000;

function loop(at: number, text = "ERROR 17 cannot write"): Decision {
  const evidence = {
    families: [],
    signature: { text, lastText: text, count: 9, periodMs: 1_000 },
    lines: { from: 1, to: 9 },
    since: { line: 1, at: 0 },
    lastProgress: null,
    suppressions: [],
    configHash: "",
  };
  return { kind: "confirmed", category: "loop", source: "output", score: 90, at, line: 9, evidence };
}

function brief({ action, outcome, nth }: Verdict): string {
  return `${nth} ${action.do} ${outcome}`;
}

function verdicts(policy: Policy, decisions: readonly Decision[], history: readonly PastIncident[] = []) {
  const state = newPolicyState(0, history);
  return decisions.map((decision) => openIncident(state, { policy, lineage: "l" }, decision));
}

test("the n-th incident of a category takes the n-th rung; the last rung is kept", () => {
  const policy = enforcing({
    cooldown_ms: 0,
    actions: { loop: [{ do: "notify" }, { do: "freeze" }, { do: "stop" }] },
  });
  const given = verdicts(policy, [loop(1), loop(2), loop(3), loop(4)]);
  expect(given.map(brief)).toEqual(["1 notify done", "2 freeze done", "3 stop done", "4 stop done"]);
});

const restarted: PastIncident = {
  run_id: "r",
  category: "loop",
  key: verdicts(enforcing(), [loop(1)])[0]?.key ?? "",
  action: "restart",
  outcome: "done",
  at: -20 * MINUTE,
};

test("trouble that comes back after a restart is not restarted again, whatever its numbers", () => {
  const policy = enforcing({ actions: { loop: [{ do: "restart" }, { do: "restart" }, { do: "stop" }] } });
  expect(verdicts(policy, [loop(1, "ERROR 99 cannot write")], [restarted]).map(brief)).toEqual([
    "2 stop done",
  ]);
  expect(verdicts(policy, [loop(1, "ERROR out of paper")], [restarted]).map(brief)).toEqual([
    "2 restart done",
  ]);
  const only = enforcing({ actions: { loop: [{ do: "restart" }] } });
  expect(verdicts(only, [loop(1)], [restarted]).map(brief)).toEqual(["2 stop_for_good done"]);
});

test("a category without a ladder is told", () => {
  const [verdict] = verdicts(enforcing({ actions: {} }), [loop(1)]);
  expect(verdict).toMatchObject({ action: { do: "notify" }, outcome: "done" });
});

test("shadow mode only says what it would have done", () => {
  const [verdict] = verdicts(enforcing({ mode: "shadow" }), [loop(1)]);
  expect(verdict).toMatchObject({
    action: { do: "stop" },
    outcome: "withheld",
    why: "The policy is in shadow mode; in enforce mode it would have been stopped.",
  });
});

test("a canary holds a stable share of lineages", () => {
  const lineages = Array.from({ length: 4_000 }, (_, index) => `0192a-${index * 7_919}`);
  for (const percent of [1, 20, 50, 99]) {
    const held = lineages.filter((lineage) => isInCanary(lineage, percent));
    expect(Math.abs(held.length / 40 - percent)).toBeLessThan(3);
    expect(lineages.filter((lineage) => isInCanary(lineage, percent))).toEqual(held);
    // Whoever is in a small canary is in a larger one.
    expect(held.every((lineage) => isInCanary(lineage, Math.min(100, percent + 1)))).toBe(true);
  }
});

test("warm-up and cooldown delay, and what was delayed is looked at again", () => {
  const policy = enforcing({ warm_up_ms: MINUTE, cooldown_ms: 10 * MINUTE });
  const run = { policy, lineage: "l" };
  const state = newPolicyState(0, []);
  expect(openIncident(state, run, loop(MINUTE / 2))).toMatchObject({
    outcome: "withheld",
    why: expect.stringContaining("1 minute to warm up"),
  });
  expect(lookAgain(state, run, MINUTE - 1)).toEqual([]);
  expect(lookAgain(state, run, MINUTE).map(brief)).toEqual(["1 stop done"]);
  expect(lookAgain(state, run, 2 * MINUTE)).toEqual([]);
  expect(openIncident(state, run, loop(2 * MINUTE, "ERROR of another kind"))).toMatchObject({
    outcome: "withheld",
    why: expect.stringContaining("waits 10 minutes between two"),
  });
  closeIncident(state, "output");
  expect(lookAgain(state, run, 60 * MINUTE)).toEqual([]);
});

test("a cooldown is one of the work, not of the attempt", () => {
  const late = { ...restarted, at: -MINUTE };
  expect(verdicts(enforcing(), [loop(1)], [late])[0]).toMatchObject({ outcome: "withheld" });
});

test("the guard holds everything back, and says by whom it was tripped", () => {
  const run = { policy: enforcing({ cooldown_ms: 0 }), lineage: "l" };
  const state = newPolicyState(0, []);
  setGuard(state, null, true, 0);
  expect(openIncident(state, run, loop(1))).toMatchObject({ outcome: "withheld", trips_guard: true });
  setGuard(state, 5 * MINUTE, false, 1);
  expect(openIncident(state, run, loop(2, "ERROR of another kind"))).toMatchObject({
    outcome: "withheld",
    trips_guard: false,
  });
  expect(lookAgain(state, run, 4 * MINUTE)).toEqual([]);
  expect(lookAgain(state, run, 5 * MINUTE).map(brief)).toEqual(["1 stop done", "2 stop done"]);
});

test("a guard that lets go early frees what it held back", () => {
  const run = { policy: enforcing(), lineage: "l" };
  const state = newPolicyState(0, []);
  setGuard(state, 50 * MINUTE, false, 0);
  openIncident(state, run, loop(1));
  setGuard(state, null, false, 2);
  expect(lookAgain(state, run, 2).map(brief)).toEqual(["1 stop done"]);
});
