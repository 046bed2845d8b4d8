import { expect, test } from "vitest";
import { columnsOf, isUsual, toggleColumn } from "./agentColumns.ts";

test("columns come and go, and keep their order", () => {
  expect(toggleColumn("State,Labels", "Site")).toBe("State,Site,Labels");
  expect(toggleColumn("State,Site,Labels", "State")).toBe("Site,Labels");
  expect(toggleColumn("Site", "Site")).toBe("none");
  expect(columnsOf("none")).toEqual([]);
  expect(toggleColumn("none", "OS")).toBe("OS");
});

test("what was kept by another version is read as far as it is known", () => {
  expect(columnsOf("Labels,Shoe size,State")).toEqual(["State", "Labels"]);
});

test("the usual choice is known again", () => {
  const usual = "State,Kind,Host,Version,Configuration,Labels,Last seen";
  expect(isUsual(usual)).toBe(true);
  expect(isUsual(toggleColumn(usual, "Site"))).toBe(false);
  expect(isUsual(toggleColumn(toggleColumn(usual, "Site"), "Site"))).toBe(true);
});
