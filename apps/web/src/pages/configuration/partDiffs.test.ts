import { expect, test } from "vitest";
import { countLines, partDiffs } from "./partDiffs.ts";

const overlay = (name: string, body = `${name}: 1\n`, selector = "true") => ({ name, selector, body });
const text = (body: string, ...overlays: ReturnType<typeof overlay>[]) => ({ body, overlays });

test("nothing differs between a text and itself", () => {
  expect(partDiffs(text("a\n", overlay("x")), text("a\n", overlay("x")))).toEqual([]);
});

test("the base comes first, then what was removed, then the overlays in their new order", () => {
  const diffs = partDiffs(
    text("a\n", overlay("gone"), overlay("x"), overlay("y"), overlay("same")),
    text("b\n", overlay("y"), overlay("x", "x: 2\n", "false"), overlay("same"), overlay("new")),
  );
  expect(
    diffs.map(({ part, change, selector, moved, rows }) => [
      part,
      change,
      selector,
      moved,
      rows.map((row) => (row.kind === "gap" ? "gap" : `${row.kind} ${row.text}`)),
    ]),
  ).toEqual([
    [undefined, "changed", undefined, undefined, ["removed a", "added b"]],
    ["gone", "removed", { before: "true", after: undefined }, undefined, ["removed gone: 1"]],
    ["y", "changed", undefined, "earlier", []],
    ["x", "changed", { before: "true", after: "false" }, "later", ["removed x: 1", "added x: 2"]],
    ["new", "added", { before: undefined, after: "true" }, undefined, ["added new: 1"]],
  ]);
  expect(countLines(diffs)).toEqual({ added: 3, removed: 3 });
});

test("an overlay that comes before others moves none of them", () => {
  const diffs = partDiffs(
    text("", overlay("x"), overlay("y")),
    text("", overlay("new"), overlay("x"), overlay("y")),
  );
  expect(diffs.map(({ part }) => part)).toEqual(["new"]);
});
