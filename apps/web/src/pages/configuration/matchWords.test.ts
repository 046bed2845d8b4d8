import { expect, test } from "vitest";
import { combinationWords, matchWords } from "./matchWords.ts";

const of = (agents: number, count: number | null) => ({
  agents,
  overlays: [{ name: "a", agents: count }],
  combinations: [],
});

test.each([
  [undefined, "Counting…"],
  [{ agents: 3, overlays: [], combinations: [] }, "Counting…"],
  [of(3, null), "Its condition cannot be read."],
  [of(0, 0), "No Collector has enrolled yet."],
  [of(1, 0), "Matches none of 1 Collector."],
  [of(340, 12), "Matches 12 of 340 Collectors."],
  [of(340, 340), "Matches all 340 Collectors."],
  [of(1, 1), "Matches the one Collector there is."],
])("%j: %s", (matches, words) => expect(matchWords(matches, "a")).toBe(words));

test("overlays are told in the order in which they are laid on", () => {
  expect(combinationWords([])).toBe("the base alone");
  expect(combinationWords(["a", "b"])).toBe("a, then b");
});
