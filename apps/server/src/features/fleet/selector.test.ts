import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SELECTOR_CHARS_MAX } from "@flowplane/contract";
import { parseSelector, type SelectableAgent } from "./selector.ts";
import { compareVersions } from "./version.ts";

const AGENT: SelectableAgent = {
  id: "0197c000-0000-7000-8000-000000000001",
  name: "edge-1",
  kind: "collector",
  site: "berlin",
  version: "0.149.2",
  os: "linux",
  hostname: "edge-1.example",
  state: "connected",
  health: "good",
  healthy: true,
  labels: new Map([["env", "prod"]]),
  attributes: new Map([["service.name", "otelcol"]]),
};

function matches(text: string, agent: Partial<SelectableAgent> = {}): boolean {
  const parsed = parseSelector(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.matches({ ...AGENT, ...agent });
}

function problemOf(text: string): string {
  const parsed = parseSelector(text);
  return parsed.ok ? "none" : parsed.problem;
}

test.each([
  ['kind == "collector" && site == "berlin" && labels.env == "prod"', true],
  ['labels["env"] == "prod"', true],
  ['attributes["service.name"] == "otelcol"', true],
  ['name.matches("^edge-[0-9]+$") || os == "windows"', true],
  ['kind in ["site", "gateway"]', false],
  ['id == "0197c000-0000-7000-8000-000000000001"', true],
  ['!(id in ["0197c000-0000-7000-8000-000000000001", "b"])', false],
  ['labels.exists(key, labels[key].startsWith("pro"))', true],
  ['labels[name.startsWith("edge") ? "env" : "zone"] == "prod"', true],
  ["healthy && size(labels) == 1", true],
  ['versionBelow(version, "0.150.0")', true],
  ['versionAtLeast(version, "0.149")', true],
  ['versionBelow(hostname, "1") || versionAtLeast(hostname, "1")', false],
  ['(name).matches("edge") && name.lowerAscii() == "edge-1"', true],
])("%s is %s", (text, expected) => {
  expect(matches(text)).toBe(expected);
});

describe("a label that an agent does not have", () => {
  test.each([
    ['labels.zone == "a"', false],
    ['labels.zone != "a"', true],
    ['!(labels.zone == "a")', true],
    ['labels.zone == "a" || labels.env == "prod"', true],
    ['labels.zone.startsWith("a")', false],
    ['labels["zone"] == ""', true],
    ["has(labels.zone)", false],
    ["has(labels.env)", true],
    ['"zone" in labels', false],
    ['labels.__proto__ == "" && labels.constructor == ""', true],
  ])("%s is %s", (text, expected) => {
    expect(matches(text)).toBe(expected);
  });
});

test.each([
  ["", "The selector is empty; it would match nobody."],
  ['nam == "x"', "At column 1: There is no field nam; there are id, name, kind, site,"],
  ['kind == "collector" &&\n  env == "prod"', "At line 2, column 3: There is no field env;"],
  ['env == "prod"', "A label is written labels.env."],
  ['kind == "colector"', 'At column 9: kind is never "colector"; it is one of site, collector, gateway.'],
  ['state in ["connected", "ofline"]', 'At column 24: state is never "ofline";'],
  ['kind = "x"', "At column 6: Unexpected character: =; compare with ==."],
  ["kind == 5", "At column 1: No such overload: string == int; both sides must be of one type"],
  ['name == "x', "At column 9: Unterminated string."],
  ["labels.env", "The selector is a string, not true or false."],
  ['frob(name) == "x"', "At column 1: There is no function frob; there are has, size,"],
  ['name.matches("(")', 'At column 1: The pattern "(" cannot be read as RE2: '],
  ["name.matches(hostname)", "At column 1: The pattern of matches must be a text in quotes."],
  ['(labels).env == "x"', "At column 2: Write it as `labels.name`"],
  ['labels.exists(kind, kind == "x")', "At column 15: kind is a field; name the variable otherwise."],
  [`name == "${"x".repeat(SELECTOR_CHARS_MAX)}"`, `can have ${SELECTOR_CHARS_MAX} characters at most`],
])("%s is refused with its place", (text, problem) => {
  expect(problemOf(text)).toContain(problem);
});

describe("what would cost more than it is worth is no part of the language", () => {
  test.each([
    ["labels.all(a, labels.all(b, b == a))", "cannot stand within another"],
    ['name.split("").map(x, name).join("") == ""', "There is no function join"],
    ['name + name == "x"', "Arithmetic is no part of selectors"],
    [`${"(".repeat(60)}healthy${")".repeat(60)}`, "It is nested more than 40 deep"],
    [Array.from({ length: 300 }, () => "!!").join("") + "healthy", "It is made of more than 500 parts"],
    [Array.from({ length: 6 }, () => 'name.matches("a")').join(" && "), "At most 5 patterns"],
  ])("%s", (text, problem) => {
    expect(problemOf(text)).toContain(problem);
  });

  test("a pattern that sends a backtracking engine round for ever is done at once", () => {
    expect(matches('name.matches("^(a+)+$")', { name: `${"a".repeat(5_000)}!` })).toBe(false);
  });
});

test("no text makes it throw, and what it takes gives true or false for every agent", () => {
  const word = fc.constantFrom(
    ...'name kind labels .env ["x"] == != && || ! ( ) has exists matches "collector" 1 in [ ] , ? : true // \' \\ {'.split(
      " ",
    ),
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word, { maxLength: 15 }).map((words) => words.join(" ")),
      ),
      (text) => {
        const parsed = parseSelector(text);
        if (parsed.ok) expect(typeof parsed.matches(AGENT)).toBe("boolean");
        else expect(parsed.problem).toMatch(/[.`]$/);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("versions are ordered as semantic versioning orders them", () => {
  const ordered = [
    "0.9",
    "0.10.0-alpha",
    "0.10.0-alpha.1",
    "0.10.0-rc.2",
    "0.10.0-rc.10",
    "v0.10.0",
    "0.10.1",
    "1",
  ];
  for (const [index, one] of ordered.entries())
    for (const [other_index, other] of ordered.entries())
      expect([one, other, Math.sign(compareVersions(one, other) ?? Number.NaN)]).toEqual([
        one,
        other,
        Math.sign(index - other_index),
      ]);
  expect(compareVersions("latest", "1")).toBeNull();
  expect(compareVersions("1.0+build", "1.0.0")).toBe(0);
});
