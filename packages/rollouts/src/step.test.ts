import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judgeWave } from "./gate.ts";
import { countAgain, noCounts, stepRollout, type Rollout } from "./step.ts";
import { at, delivery, flight, PLAN, START, wave } from "./testing.ts";
import type { Plan, Wave } from "./types.ts";

function rollout(more: Partial<Rollout> = {}): Rollout {
  return {
    state: "running",
    stateSince: START,
    wave: null,
    approvedWave: 0,
    acceptedFailures: 0,
    plan: PLAN,
    ...more,
  };
}

function step(more: Partial<Rollout>, waves: readonly Wave[], { toRevert = 0, now = at(100) } = {}) {
  const { verdicts: _, ...decided } = stepRollout(rollout(more), waves, [], { toRevert, now });
  return decided;
}

const TWO = [wave(0, "waiting", { waiting: 3 }), wave(1, "waiting", { waiting: 7 })];

describe("a rollout that runs", () => {
  test("begins its first wave", () => {
    expect(step({}, TWO)).toEqual({
      wave: 0,
      waves: [{ index: 0, state: "running" }],
      assign: 3,
      revert: 0,
      change: null,
    });
  });

  test("gives no more at a time than may be unavailable", () => {
    const waves = [wave(0, "running", { waiting: 50, offered: 3, soaking: 4, passed: 9 })];
    expect(step({ wave: 0, plan: { ...PLAN, max_unavailable: 10 } }, waves).assign).toBe(3);
    expect(step({ wave: 0, plan: { ...PLAN, max_unavailable: 5 } }, waves).assign).toBe(0);
  });

  test("goes from a wave that passed to the next in one step, past waves with nobody to judge", () => {
    const waves = [
      wave(0, "running", { passed: 2, unreachable: 1 }),
      wave(1, "waiting", { skipped: 4 }),
      wave(2, "waiting", { waiting: 2 }),
    ];
    expect(step({ wave: 0 }, waves)).toMatchObject({
      wave: 2,
      assign: 2,
      waves: [
        { index: 0, state: "passed" },
        { index: 1, state: "passed" },
        { index: 2, state: "running" },
      ],
    });
  });

  test("has completed when all waves have passed, whoever is away", () => {
    expect(step({ wave: 0 }, [wave(0, "running", { passed: 2, unreachable: 5 })])).toMatchObject({
      waves: [{ index: 0, state: "passed" }],
      change: { state: "completed", reason: null },
    });
  });

  test("judges who came back before it has completed, in waves that have passed, too", () => {
    const waves = [wave(0, "passed", { passed: 2, waiting: 1 }), wave(1, "passed", { passed: 3 })];
    expect(step({ wave: 1 }, waves)).toMatchObject({ assign: 1, change: null });
    expect(step({ wave: 1 }, [wave(0, "running", { passed: 2 }), ...TWO.slice(1)]).assign).toBe(7);
  });

  test("waits for approval of every wave but the first", () => {
    const waves = [wave(0, "running", { passed: 3 }), wave(1, "waiting", { waiting: 7 })];
    const plan = { ...PLAN, approval: true };
    expect(step({ plan }, TWO).assign).toBe(3);
    expect(step({ wave: 0, plan }, waves)).toMatchObject({
      wave: 0,
      assign: 0,
      waves: [{ index: 0, state: "passed" }],
    });
    expect(step({ wave: 0, plan, approvedWave: 1 }, waves)).toMatchObject({ wave: 1, assign: 7 });
  });

  test("begins nothing and gives nothing while its window is closed, and judges all the same", () => {
    const window = { time_zone: "UTC", days: ["mon"] as const, from: "01:00", until: "02:00" };
    const plan: Plan = { ...PLAN, window };
    expect(step({ plan }, TWO)).toEqual({ wave: null, waves: [], assign: 0, revert: 0, change: null });
    const half = [wave(0, "running", { soaking: 1, waiting: 2 })];
    const judged = stepRollout(rollout({ wave: 0, plan }), half, [flight()], { toRevert: 0, now: at(100) });
    expect(judged).toMatchObject({ assign: 0, verdicts: [{ state: "passed" }] });
    const done = [wave(0, "running", { soaking: 1 })];
    expect(
      stepRollout(rollout({ wave: 0, plan }), done, [flight()], { toRevert: 0, now: at(100) }).change,
    ).toEqual({
      state: "completed",
      reason: null,
    });
  });

  test("is stopped by its gate in the step of the verdict", () => {
    const waves = [wave(0, "running", { soaking: 1, offered: 2 }), wave(1, "waiting", { waiting: 7 })];
    const bad = flight({ delivery: delivery({ status: "failed", errorMessage: "no" }) });
    const stop = (on_failure: "pause" | "roll_back") =>
      stepRollout(rollout({ wave: 0, plan: { ...PLAN, gate: { ...PLAN.gate, on_failure } } }), waves, [bad], {
        toRevert: 0,
        now: at(100),
      });
    expect(stop("pause")).toMatchObject({
      assign: 0,
      waves: [{ index: 0, state: "failed" }],
      change: { state: "paused", reason: "Wave 1 did not pass: 1 agent failed; none may." },
    });
    expect(stop("roll_back").change?.state).toBe("rolling_back");
  });

  test("passes over failures that a person accepted, and stops at the next", () => {
    const waves = (failed: number) => [wave(0, "failed", { failed, waiting: 2 })];
    expect(step({ wave: 0, acceptedFailures: 1 }, waves(1))).toMatchObject({ assign: 2, change: null });
    expect(step({ wave: 0, acceptedFailures: 1 }, waves(2)).change?.state).toBe("rolling_back");
  });
});

describe("the other states", () => {
  test.each(["queued", "paused", "completed", "rolled_back", "aborted"] as const)(
    "%s: nobody is given anything",
    (state) => {
      expect(step({ state, wave: 0 }, [wave(0, "running", { waiting: 5 })], { toRevert: 5 })).toMatchObject({
        assign: 0,
        revert: 0,
        waves: [],
        change: null,
      });
    },
  );

  test("paused: agents under way get their verdict", () => {
    const found = stepRollout(
      rollout({ state: "paused", wave: 0 }),
      [wave(0, "running", { soaking: 1 })],
      [flight()],
      {
        toRevert: 0,
        now: at(100),
      },
    );
    expect(found).toMatchObject({ verdicts: [{ state: "passed" }], change: null });
  });

  test("rolling back: as many at a time as may be unavailable, until none is left and all have answered", () => {
    const plan = { ...PLAN, max_unavailable: 4 };
    const waves = (reverting: number) => [wave(0, "failed", { reverting, passed: 9 })];
    expect(step({ state: "rolling_back", plan }, waves(1), { toRevert: 9 })).toMatchObject({
      revert: 3,
      change: null,
    });
    expect(step({ state: "rolling_back", plan }, waves(4), { toRevert: 9 })).toMatchObject({
      revert: 0,
      change: null,
    });
    expect(step({ state: "rolling_back", plan }, waves(1))).toMatchObject({ revert: 0, change: null });
    expect(step({ state: "rolling_back", plan }, waves(0)).change).toEqual({
      state: "rolled_back",
      reason: null,
    });
  });
});

describe("the gate of a wave", () => {
  const gate = (counts: object, more: Partial<Plan["gate"]> = {}, others = 0, accepted = 0) =>
    judgeWave(
      { ...noCounts(), ...counts },
      { failures: others + ("failed" in counts ? Number(counts.failed) : 0), accepted },
      { gate: { ...PLAN.gate, ...more } },
    ).gate;
  test.each<[string, string, string]>([
    ["open while some wait", gate({ waiting: 1, passed: 3 }), "open"],
    ["open while some are under way", gate({ soaking: 1, passed: 3 }), "open"],
    ["passed when all have", gate({ passed: 3 }), "passed"],
    ["passed when nobody is left to judge", gate({ unreachable: 3, skipped: 2 }), "passed"],
    ["failed at the first failure", gate({ failed: 1, waiting: 9 }), "failed"],
    ["failures of all waves count", gate({ passed: 3 }, { max_failures: 2 }, 3), "failed"],
    [
      "as many as are allowed",
      gate({ failed: 2, passed: 98 }, { max_failures: 2, min_pass_percent: 90 }),
      "passed",
    ],
    ["too few passed", gate({ failed: 2, passed: 8 }, { max_failures: 5, min_pass_percent: 90 }), "failed"],
    [
      "too few can pass any more",
      gate({ failed: 2, waiting: 8 }, { max_failures: 5, min_pass_percent: 90 }),
      "failed",
    ],
    [
      "enough can still pass",
      gate({ failed: 1, waiting: 9 }, { max_failures: 5, min_pass_percent: 90 }),
      "open",
    ],
    ["accepted failures count for nothing", gate({ failed: 3, passed: 7 }, {}, 0, 3), "passed"],
  ])("%s", (_, found, expected) => {
    expect(found).toBe(expected);
  });
});

test("counts after verdicts are those of the agents", () => {
  const counted = countAgain(
    [wave(0, "running", { offered: 2, soaking: 1 })],
    [
      { wave: 0, from: "offered", state: "failed" },
      { wave: 0, from: "soaking", state: "passed" },
    ],
  );
  expect(counted[0]?.counts).toEqual({ ...noCounts(), offered: 1, failed: 1, passed: 1 });
});

test("a step never gives more than waits, nor more than may be unavailable, whatever the rows say", () => {
  const count = fc.nat({ max: 20 });
  const counts = fc.record({
    waiting: count,
    offered: count,
    soaking: count,
    passed: count,
    failed: count,
    unreachable: count,
    skipped: count,
  });
  const states = fc.constantFrom("waiting", "running", "passed", "failed") as fc.Arbitrary<Wave["state"]>;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(states, counts), { minLength: 1, maxLength: 5 }),
      fc.option(fc.nat({ max: 4 })),
      fc.integer({ min: 1, max: 30 }),
      fc.nat({ max: 10 }),
      (rows, current, max_unavailable, max_failures) => {
        const waves = rows.map(([state, counts], index) => wave(index, state, counts));
        const plan = { ...PLAN, max_unavailable, gate: { ...PLAN.gate, max_failures, min_pass_percent: 0 } };
        const decided = stepRollout(rollout({ wave: current, plan }), waves, [], { toRevert: 0, now: START });
        const upTo = decided.wave ?? -1;
        const waiting = waves
          .filter(({ index }) => index <= upTo)
          .reduce((sum, { counts }) => sum + counts.waiting, 0);
        const inFlight = waves.reduce((sum, { counts }) => sum + counts.offered + counts.soaking, 0);
        expect(decided.assign).toBeLessThanOrEqual(waiting);
        expect(decided.assign).toBeLessThanOrEqual(Math.max(0, max_unavailable - inFlight));
        const failures = waves.reduce((sum, { counts }) => sum + counts.failed, 0);
        if (failures > max_failures && (current ?? 0) < waves.length)
          expect(decided.change?.state).toBe("rolling_back");
      },
    ),
  );
});
