import { RolloutPlan } from "@flowplane/contract";
import { expect, test } from "vitest";
import { gateWords, planFacts, wavesWords, windowWords } from "./planWords.ts";

test("the usual plan", () => {
  const plan = RolloutPlan.parse({});
  expect(wavesWords(plan.waves)).toBe("1 agent, up to 10 %, up to 50 %, all that are left");
  expect(gateWords(plan.gate)).toBe("When one agent fails, it goes back by itself.");
  expect(planFacts(plan).map(({ name }) => name)).toEqual([
    "Waves",
    "At a time",
    "Verdict",
    "Gate",
    "Telemetry",
    "New agents",
  ]);
  const short = RolloutPlan.parse({ soak_seconds: 1, verdict_timeout_seconds: 5_430 });
  expect(planFacts(short).find(({ name }) => name === "Verdict")?.words).toBe(
    "well for 1 s; silence counts as failed after 1 h 30 min 30 s",
  );
});

test("a plan that waits and forgives", () => {
  const plan = RolloutPlan.parse({
    waves: [{ percent: 100 }],
    gate: { min_pass_percent: 90, max_failures: 3, on_failure: "pause" },
    approval: true,
    telemetry: null,
    window: { time_zone: "Europe/Berlin", days: ["fri"], from: "22:00", until: "04:00" },
  });
  expect(wavesWords(plan.waves)).toBe("all that are left");
  expect(gateWords(plan.gate)).toBe(
    "When more than 3 agents fail or fewer than 90 % of a wave pass, it pauses.",
  );
  expect(plan.window === null ? "" : windowWords(plan.window)).toBe(
    "Fri, 22:00–04:00 of the next day, Europe/Berlin",
  );
  expect(planFacts(plan).find(({ name }) => name === "Telemetry")?.words).toBe("not judged");
});
