import { expect, test } from "vitest";
import { PolicyDocument } from "@flowplane/contract";
import { cannotAddRung, policyFormOf, readPolicy, readPolicyJson, rung } from "./policyForm.ts";

const enforce = PolicyDocument.parse({
  mode: "canary",
  canary_percent: 35,
  sensitivity: "high",
  benign: ["waiting for lock", "lease renewed"],
  warm_up_ms: 90_000,
  actions: {
    loop: [
      { do: "restart", args_add: ["--resume", "a b"], env_set: { A: "x=y" }, delay_ms: 1_500 },
      { do: "stop", grace_ms: 20_000 },
      { do: "stop_for_good" },
    ],
    runaway: [{ do: "freeze" }, { do: "notify" }],
  },
});

test.each([PolicyDocument.parse({}), enforce])("a document survives being edited", (document) => {
  expect(readPolicy(policyFormOf(document))).toEqual({ document });
  expect(readPolicyJson(JSON.stringify(document))).toEqual({ document });
});

test.each([
  [{ ...policyFormOf(enforce), canaryPercent: "0" }, /canary percent/],
  [{ ...policyFormOf(enforce), warmUpSeconds: "soon" }, /warm up/],
  [{ ...policyFormOf(PolicyDocument.parse({})), mode: "enforce" as const }, /no category has an action/],
  [
    {
      ...policyFormOf(enforce),
      ladders: { ...policyFormOf(enforce).ladders, stall: [{ ...rung("restart"), args: "'open" }] },
    },
    /Restart: .*never closed/,
  ],
  [
    {
      ...policyFormOf(enforce),
      ladders: { ...policyFormOf(enforce).ladders, stall: [rung("stop_for_good"), rung("stop")] },
    },
    /nothing can follow/,
  ],
])("what is wrong is a sentence", (form, message) => {
  const read = readPolicy(form);
  expect("problems" in read ? read.problems.join("\n") : "").toMatch(message);
});

test("text that is no policy", () => {
  expect(readPolicyJson("{")).toEqual({ problems: [expect.stringMatching(/^Not JSON/)] });
  expect(readPolicyJson('{"mode":"maybe"}')).toEqual({ problems: [expect.stringMatching(/^mode/)] });
});

test("a ladder ends where nothing can follow", () => {
  expect(cannotAddRung([rung("notify")])).toBeUndefined();
  expect(cannotAddRung([rung("stop_for_good")])).toMatch(/Nothing can follow/);
  expect(cannotAddRung(Array.from({ length: 5 }, () => rung("notify")))).toMatch(/at most 5/);
});
