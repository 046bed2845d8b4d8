import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { contrast } from "./contrast.ts";
import { pairings, tokens, tokensCss } from "./tokens.ts";

test("contrast of black on white is 21", () => {
  expect(contrast([0, 0, 0], [1, 0, 0])).toBeCloseTo(21, 3);
});

describe.each(["light", "dark"] as const)("the %s theme", (theme) => {
  test.each(pairings.map((pairing) => [...pairing]))("%s on %s reaches %d", (text, surface, wanted) => {
    expect(contrast(tokens[text][theme], tokens[surface][theme])).toBeGreaterThanOrEqual(wanted);
  });
});

test("the style sheet is what the table prints", () => {
  expect(readFileSync(new URL("tokens.css", import.meta.url), "utf8")).toBe(tokensCss());
});
