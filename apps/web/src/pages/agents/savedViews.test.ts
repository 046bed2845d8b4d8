import { expect, test } from "vitest";
import { parseViews, withView } from "./savedViews.ts";

test("what storage holds is read with care", () => {
  expect(parseViews("no JSON")).toEqual([]);
  expect(parseViews('{"name":"x"}')).toEqual([]);
  expect(
    parseViews('[{"name":"prod","search":{"q":"label.env=prod","state":"flying"}},{"name":""},7,null]'),
  ).toEqual([{ name: "prod", search: { q: "label.env=prod" } }]);
});

test("a view of the same name is replaced, and they stand in order", () => {
  const views = withView(withView([], { name: "b", search: {} }), { name: "a", search: {} });
  expect(withView(views, { name: "b", search: { q: "x" } })).toEqual([
    { name: "a", search: {} },
    { name: "b", search: { q: "x" } },
  ]);
});
