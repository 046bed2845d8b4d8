import { expect, test } from "vitest";
import { PolicyDocument } from "@flowplane/contract";
import { ladderWords, policyDiff, policyLines, policySentence } from "./policyWords.ts";

const enforce = PolicyDocument.parse({
  mode: "enforce",
  benign: ["waiting for lock"],
  actions: {
    loop: [{ do: "restart", args_add: ["--resume"], delay_ms: 30_000 }, { do: "stop_for_good" }],
    retry_storm: [{ do: "freeze" }],
    stall: [{ do: "notify" }],
  },
});

test.each([
  [PolicyDocument.parse({}), "Incidents are opened and told; nothing else is done."],
  [
    PolicyDocument.parse({ actions: { loop: [{ do: "stop" }] } }),
    "Incidents are opened and told; nothing else is done, but each says what would have been.",
  ],
  [enforce, "It acts on loop and retry storm; the rest is told."],
  [
    PolicyDocument.parse({ mode: "canary", canary_percent: 20, actions: { runaway: [{ do: "stop" }] } }),
    "On 20 % of the runs it acts on runaway; the rest is told.",
  ],
])("one sentence", (document, sentence) => {
  expect(policySentence(document)).toBe(sentence);
});

test("a ladder reads from its first rung to its last", () => {
  expect(ladderWords(enforce.actions.loop ?? [])).toBe("restart with --resume, after 30 s → stop for good");
  expect(ladderWords([{ do: "stop", grace_ms: 20_000 }])).toBe("stop, grace 20 s");
  expect(ladderWords([{ do: "restart", env_set: { A: "1" } }])).toBe("restart setting A=1");
});

test("what differs, and nothing else", () => {
  const changed = PolicyDocument.parse({
    ...enforce,
    sensitivity: "high",
    benign: ["lease renewed"],
    actions: { ...enforce.actions, stall: [{ do: "stop" }] },
  });
  expect(policyDiff(enforce, enforce)).toEqual([]);
  expect(policyDiff(enforce, changed)).toEqual([
    { name: "Sensitivity", before: "medium", after: "high" },
    { name: "Stall", before: "tell", after: "stop" },
    { name: "Benign “waiting for lock”", before: "lines with this are by design", after: undefined },
    { name: "Benign “lease renewed”", before: undefined, after: "lines with this are by design" },
  ]);
});

test("every category has its line, told when no ladder says more", () => {
  const lines = policyLines(enforce);
  expect(lines.find(({ name }) => name === "Runaway")).toEqual({ name: "Runaway", value: "tell" });
});
