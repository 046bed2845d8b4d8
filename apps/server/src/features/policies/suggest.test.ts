import { expect, test } from "vitest";
import { PolicyDocument } from "@flowplane/contract";
import { suggestions, type Said } from "./suggest.ts";

const SHADOW = PolicyDocument.parse({ actions: { loop: [{ do: "stop" }], stall: [{ do: "restart" }] } });

function said(count: number, verdict: "right" | "wrong", more: Partial<Said> = {}): Said[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `${verdict}-${index}`,
    category: "loop",
    verdict,
    text: null,
    ...more,
  }));
}

const titles = (document: PolicyDocument, list: readonly Said[]) =>
  suggestions("p", document, list).map(({ title }) => title);

test("lines that are wrong twice, and never right, become benign", () => {
  const polls = said(2, "wrong", { text: "12:01:07 queue empty, waiting for work (attempt 17)" });
  const [first] = suggestions("p", SHADOW, polls);
  expect(first).toMatchObject({
    policy_id: "p",
    title: "Take “queue empty, waiting for work” for benign",
    incident_ids: ["wrong-0", "wrong-1"],
    document: { benign: ["queue empty, waiting for work"], mode: "shadow" },
  });
  expect(suggestions("p", SHADOW, polls.slice(1))).toEqual([]);
  const disputed = [...polls, ...said(1, "right", { text: "queue empty, waiting for work" })];
  expect(titles(SHADOW, disputed)).toEqual([]);
  expect(titles({ ...SHADOW, benign: ["waiting for work"] }, polls)).toEqual([]);
  expect(titles(SHADOW, said(2, "wrong", { text: "17 42" }))).toEqual([]);
});

test("trouble that is mostly wrong is looked for less keenly, then only told", () => {
  const wrong = [...said(3, "wrong", { category: "stall" }), ...said(1, "right", { category: "stall" })];
  expect(titles(SHADOW, wrong)).toEqual(["Lower the sensitivity to low"]);
  const [last] = suggestions("p", { ...SHADOW, sensitivity: "low" }, wrong);
  expect(last).toMatchObject({
    title: "Only tell of stalls",
    document: { actions: { stall: [{ do: "notify" }] } },
  });
  expect(titles(SHADOW, [...wrong, ...said(3, "right", { category: "stall" })])).toEqual([]);
  expect(titles(SHADOW, [...wrong, ...said(3, "wrong")])).toEqual(["Lower the sensitivity to low"]);
});

test("what is right again and again, and never wrong, may do more", () => {
  const right = said(5, "right");
  const [canary] = suggestions("p", SHADOW, right);
  expect(canary?.document).toMatchObject({ mode: "canary", canary_percent: 10 });
  const [enforce] = suggestions("p", canary?.document ?? SHADOW, right);
  expect(enforce?.document.mode).toBe("enforce");
  expect(enforce?.document.canary_percent).toBeUndefined();
  expect(suggestions("p", enforce?.document ?? SHADOW, right)).toEqual([]);
  expect(titles(SHADOW, [...right, ...said(1, "wrong")])).toEqual([]);
});

test("nothing is suggested that would contradict itself", () => {
  expect(suggestions("p", PolicyDocument.parse({}), said(9, "right"))).toEqual([]);
});
