import { expect, test } from "vitest";
import { savedViewOf, viewToSave } from "./savedViews.ts";

test("what the page does not know of a view is left out", () => {
  const search = { q: "label.env=prod", state: "flying", colour: "red" } as object;
  expect(savedViewOf({ id: "v1", name: "prod", search })).toEqual({
    id: "v1",
    name: "prod",
    search: { q: "label.env=prod" },
  });
});

test("a view of the same name is replaced, another one is new", () => {
  const views = [{ id: "v1", name: "prod", search: {} }];
  const search = { q: "x" };
  expect(viewToSave(views, { name: "prod", search }, () => "new")).toEqual({
    id: "v1",
    name: "prod",
    search,
  });
  expect(viewToSave(views, { name: "test", search }, () => "new")).toEqual({
    id: "new",
    name: "test",
    search,
  });
});
