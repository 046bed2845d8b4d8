import { expect, test } from "vitest";
import { mergeRows, newRows } from "./merge.ts";

interface Row {
  id: string;
  v: number;
}
const rowId = (row: Row) => row.id;
const rows = (...ids: string[]): Row[] => ids.map((id) => ({ id, v: 0 }));

test("changed rows change in place and nothing moves", () => {
  const data = {
    pages: [
      { items: rows("a", "b"), next_cursor: "c1", total: 4 },
      { items: rows("c", "d"), next_cursor: null, total: 4 },
    ],
    pageParams: [undefined, "c1"],
  };
  const merged = mergeRows(
    data,
    [
      { id: "c", v: 1 },
      { id: "x", v: 1 },
    ],
    5,
    rowId,
  );
  expect(merged.pages.flatMap(({ items }) => items.map(({ id, v }) => `${id}${v}`))).toEqual([
    "a0",
    "b0",
    "c1",
    "d0",
  ]);
  expect(merged.pages[1]?.total).toBe(5);
});

test.each([
  ["nothing new", ["a", "b"], [], []],
  ["a row before the known ones", ["x", "a", "b"], [], ["x"]],
  ["a row after the known ones was on the next page", ["b", "y"], [], []],
  ["unless it was announced", ["b", "y"], ["y"], ["y"]],
  ["announced rows alone", ["p", "q"], ["q"], ["q"]],
])("%s", (_, fresh, announced, expected) => {
  expect(newRows(new Set(["a", "b"]), rows(...fresh), new Set(announced), rowId)).toEqual(expected);
});
