import { expect, test } from "vitest";
import { filterTerms, hasTerm, toggleTerm } from "./filterText.ts";

test("words, keys and quotes", () => {
  const terms = filterTerms(`web-1  version:0.159.0 os:"Debian 12" label.env=prod "two words"`);
  expect(terms.map(({ key, value }) => [key, value])).toEqual([
    [undefined, "web-1"],
    ["version", "0.159.0"],
    ["os", "Debian 12"],
    ["label.env", "prod"],
    [undefined, "two words"],
  ]);
});

test.each([
  ["", "os", "linux", "os:linux"],
  ["web os:darwin", "os", "linux", "web os:linux"],
  ["web os:linux x", "os", "linux", "web x"],
  ["", "os", "Debian 12", `os:"Debian 12"`],
  [`os:"Debian 12"`, "os", "Debian 12", ""],
  ["web", "label.env", "prod", "web label.env=prod"],
])("%s with %s %s toggled is %s", (text, key, value, expected) => {
  expect(toggleTerm(text, key, value)).toBe(expected);
});

test("a word is not a key", () => {
  expect(hasTerm("linux", "os", "linux")).toBe(false);
});
