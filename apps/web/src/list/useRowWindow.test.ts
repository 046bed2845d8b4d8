import { expect, test } from "vitest";
import { rowsInView } from "./useRowWindow.ts";

test.each([
  ["the start", 0, 25_000, { first: 0, last: 32 }],
  ["the middle", 32_000, 25_000, { first: 988, last: 1_032 }],
  ["the end", 25_000 * 32 - 640, 25_000, { first: 24_968, last: 24_999 }],
  ["a list that became shorter than its place", 32_000, 10, { first: 9, last: 9 }],
  ["an empty list", 0, 0, { first: 0, last: -1 }],
])("%s", (_, top, count, expected) => {
  expect(rowsInView(top, 640, 32, count)).toEqual(expected);
});
