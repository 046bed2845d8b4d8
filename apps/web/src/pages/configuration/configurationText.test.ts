import { expect, test } from "vitest";
import {
  addOverlay,
  bodyOf,
  changeOverlay,
  moveOverlay,
  problemsIn,
  removeOverlay,
  sameText,
  whyNoName,
  withBody,
} from "./configurationText.ts";

const overlay = (name: string) => ({ name, selector: `site == "${name}"`, body: `${name}: {}\n` });
const TEXT = { body: "receivers: {}\n", overlays: ["a", "b", "c"].map(overlay) };
const names = ({ overlays }: typeof TEXT | { overlays: readonly { name: string }[] }) =>
  overlays.map(({ name }) => name).join("");

test("each part is read and written by its name", () => {
  expect(bodyOf(TEXT, undefined)).toBe("receivers: {}\n");
  expect(bodyOf(TEXT, "b")).toBe("b: {}\n");
  expect(bodyOf(TEXT, "gone")).toBe("");
  expect(withBody(TEXT, undefined, "x").overlays).toBe(TEXT.overlays);
  expect(bodyOf(withBody(TEXT, "b", "x"), "b")).toBe("x");
  expect(bodyOf(withBody(TEXT, "b", "x"), "a")).toBe("a: {}\n");
});

test("overlays are added on top, moved past a neighbour, and removed", () => {
  expect(names(addOverlay(TEXT, overlay("d")))).toBe("abcd");
  expect(names(moveOverlay(TEXT, "c", -1))).toBe("acb");
  expect(names(moveOverlay(TEXT, "a", 1))).toBe("bac");
  expect(moveOverlay(TEXT, "a", -1)).toBe(TEXT);
  expect(moveOverlay(TEXT, "c", 1)).toBe(TEXT);
  expect(names(removeOverlay(TEXT, "b"))).toBe("ac");
});

test("two texts are the same when all their parts are, in their order", () => {
  expect(sameText(TEXT, { body: TEXT.body, overlays: ["a", "b", "c"].map(overlay) })).toBe(true);
  expect(sameText(TEXT, moveOverlay(TEXT, "a", 1))).toBe(false);
  expect(sameText(TEXT, changeOverlay(TEXT, "a", { selector: "true" }))).toBe(false);
  expect(sameText(TEXT, withBody(TEXT, undefined, ""))).toBe(false);
  expect(sameText(TEXT, removeOverlay(TEXT, "c"))).toBe(false);
});

test("a name that cannot be is told, its own is free", () => {
  expect(whyNoName(TEXT, "d")).toBeUndefined();
  expect(whyNoName(TEXT, "a", "a")).toBeUndefined();
  expect(whyNoName(TEXT, "A")).toBe("There is an overlay a already.");
  expect(whyNoName(TEXT, "B", "a")).toBe("There is an overlay b already.");
  expect(whyNoName(TEXT, "")).toBe("Give it a name.");
  for (const name of ["../a", "-a", "a b", "x".repeat(64)])
    expect(whyNoName(TEXT, name)).toContain("A name begins");
});

test("a problem is of the text that its line counts in", () => {
  const problem = (overlay: string | null, code = "dangling") => ({
    severity: "error" as const,
    code,
    message: "",
    path: [],
    line: 3,
    column: 1,
    overlay,
  });
  const all = [problem(null), problem("a"), problem("a", "bad_selector"), problem("b")];
  expect(problemsIn(all, undefined)).toEqual([problem(null)]);
  expect(problemsIn(all, "a")).toEqual([problem("a")]);
});
