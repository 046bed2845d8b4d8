import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { expect, test } from "vitest";
import { files, modules, ROOT } from "./source-tree.ts";

/** Put together here so that this file does not find itself. */
const FORBIDDEN = [
  {
    pattern: new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`),
    why: "work left undone",
  },
  { pattern: new RegExp(`\\b${"for" + " now"}\\b`), why: "a promise to come back" },
];

const FORBIDDEN_IN_CODE = [
  { pattern: new RegExp(`\\bas ${"any"}\\b`), why: "a hole in the types" },
  { pattern: new RegExp(`@ts-${"(ignore|nocheck|expect-error)"}`), why: "an error of the types hidden" },
  { pattern: /\bcatch\s*(\([^)]*\))?\s*\{\s*\}/, why: "an error swallowed" },
  { pattern: /\b(test|it|describe)\.only\b/, why: "every other test left out" },
  { pattern: /\bdebugger;/, why: "a breakpoint" },
];

const TEXT = new Set([
  ".ts",
  ".tsx",
  ".mjs",
  ".js",
  ".css",
  ".html",
  ".sql",
  ".proto",
  ".sh",
  ".md",
  ".yaml",
  ".yml",
  ".json",
]);

test.each(FORBIDDEN)("nowhere $pattern: $why", ({ pattern }) => {
  const texts = files(ROOT).filter((path) => TEXT.has(extname(path)) && path !== "pnpm-lock.yaml");
  expect(texts.length).toBeGreaterThan(100);
  expect(texts.flatMap((path) => matches(path, readFileSync(join(ROOT, path), "utf8"), pattern))).toEqual([]);
});

test.each(FORBIDDEN_IN_CODE)("in no code $pattern: $why", ({ pattern }) => {
  expect([...modules().values()].flatMap(({ path, code }) => matches(path, code, pattern))).toEqual([]);
});

test("a comment hides no error of the types or of the linter without saying why", () => {
  const offenders = [...modules().keys()].flatMap((path) =>
    matches(
      path,
      readFileSync(join(ROOT, path), "utf8"),
      /(oxlint|eslint)-disable(?!.* -- )|@ts-(ignore|nocheck)/,
    ),
  );
  expect(offenders.filter((offender) => !offender.startsWith("test/code/words.test.ts"))).toEqual([]);
});

function matches(path: string, text: string, pattern: RegExp): string[] {
  return text
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : []));
}
