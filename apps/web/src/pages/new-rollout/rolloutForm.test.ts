import { RolloutPlan } from "@flowplane/contract";
import { expect, test } from "vitest";
import { planFormOf, readPlan, usualPlan, waveFormsOf, withAnotherWave } from "./rolloutForm.ts";

test("the usual plan comes out as it went in", () => {
  expect(readPlan(usualPlan("Europe/Berlin"))).toEqual({ plan: RolloutPlan.parse({}) });
});

test("a plan with everything comes out as it went in", () => {
  const plan = RolloutPlan.parse({
    waves: [{ count: 2 }, { percent: 12.5 }, { percent: 100 }],
    approval: true,
    telemetry: null,
    gate: { on_failure: "pause", max_failures: 3, min_pass_percent: 90 },
    window: { time_zone: "Asia/Tokyo", days: ["sat", "sun"], from: "23:30", until: "04:00" },
    include_new_agents: false,
  });
  expect(readPlan(planFormOf(plan, "UTC"))).toEqual({ plan });
});

test("the last wave takes all that are left, and another one comes before it", () => {
  const waves = withAnotherWave(waveFormsOf([{ count: 1 }, { percent: 100 }]));
  expect(waves.map(({ unit, amount }) => `${amount} ${unit}`)).toEqual([
    "1 count",
    "25 percent",
    "100 percent",
  ]);
  expect(new Set(waves.map(({ key }) => key)).size).toBe(3);
  const read = readPlan({ ...usualPlan("UTC"), waves: waveFormsOf([{ count: 1 }, { count: 5 }]) });
  expect("plan" in read ? read.plan.waves : read).toEqual([{ count: 1 }, { percent: 100 }]);
});

test("what is wrong is told at its field", () => {
  const read = readPlan({
    ...usualPlan("UTC"),
    waves: [
      { key: 0, unit: "percent", amount: "0" },
      { key: 1, unit: "percent", amount: "100" },
    ],
    soakSeconds: "soon",
    hasWindow: true,
    days: [],
    from: "22:00",
    until: "22:00",
  });
  expect(read).toEqual({
    problems: {
      "wave 0": "At least 0.01 %.",
      soakSeconds: "“soon” is not a number.",
      days: "Choose at least one day.",
      until: "It must differ from the beginning.",
    },
  });
});
