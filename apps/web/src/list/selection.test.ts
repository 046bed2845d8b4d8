import { expect, test } from "vitest";
import { between, choose, chosenCount, EVERYTHING, isChosen, NOTHING, type Selection } from "./selection.ts";

const id = (row: string) => row;

test("rows are chosen one by one and let go again", () => {
  const two = choose<string>(NOTHING, ["a", "b"], id, true);
  expect([isChosen(two, "a"), isChosen(two, "c"), chosenCount(two, 9)]).toEqual([true, false, 2]);
  expect(chosenCount(choose(two, ["a"], id, false), 9)).toBe(1);
});

test("all that match, but some", () => {
  const all: Selection<string> = EVERYTHING;
  const without = choose(all, ["a"], id, false);
  expect([isChosen(without, "a"), isChosen(without, "b")]).toEqual([false, true]);
  expect([chosenCount(all, 340), chosenCount(without, 340), chosenCount(without, null)]).toEqual([
    340,
    339,
    null,
  ]);
  expect(chosenCount(choose(without, ["a"], id, true), 340)).toBe(340);
});

test("a range has both ends, whichever comes first", () => {
  expect(between(["a", "b", "c", "d"], 2, 1)).toEqual(["b", "c"]);
  expect(between(["a", "b"], 1, 1)).toEqual(["b"]);
});
