import { expect, test } from "vitest";
import { barOf, countWords, exitCodeOf, linesBetween } from "./rollout-words.ts";
import { someCounts, someRollout, someWave } from "./testing/fake-control-plane.ts";

test("all bars are equally long, and nobody in it is too few to be seen", () => {
  for (const counts of [
    { passed: 10_000, failed: 1, soaking: 1, applying: 1, unreachable: 1 },
    { waiting: 3 },
    { passed: 1 },
    { failed: 2, reverting: 1, reverted: 1, skipped: 7 },
    {},
  ]) {
    const bar = barOf(someWave(0, "running", counts)).map(([cells]) => cells);
    expect(bar.join("")).toHaveLength(24);
    for (const [state, letter] of [
      ["failed", "x"],
      ["soaking", "▓"],
      ["unreachable", "?"],
    ] as const)
      expect(bar.join("").includes(letter)).toBe(state in counts);
  }
});

test("only a person and an end are not waited for", () => {
  expect(exitCodeOf("rolling_back")).toBeNull();
  expect(exitCodeOf("queued")).toBeNull();
  expect(exitCodeOf("paused")).toBe(10);
  expect(exitCodeOf("aborted")).toBe(9);
});

test("counts leave out what nobody is in", () => {
  expect(countWords(someCounts({ passed: 3, failed: 1, reverted: 2 }))).toBe(
    "3 passed, 1 failed, 2 went back",
  );
  expect(countWords(someCounts())).toBe("no agents");
});

test("a wait is told when it begins", () => {
  const waiting = { for: "approval of wave 2", since: "2026-01-02T03:04:05.678Z", deadline: null };
  const before = someRollout();
  const after = someRollout({ waiting });
  expect(linesBetween(before, after)).toEqual(["waiting for approval of wave 2"]);
  expect(linesBetween(after, after)).toEqual([]);
});
