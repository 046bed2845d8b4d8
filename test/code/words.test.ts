import { readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { expect, test } from "vitest";
import { files, modules, ROOT } from "./source-tree.ts";

/** Written so that this file does not find itself. */
const FORBIDDEN = [
  { pattern: /\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b/, why: "work left undone" },
  { pattern: /\bfor[ ]now\b/, why: "a promise to come back" },
];

const FORBIDDEN_IN_CODE = [
  { pattern: /\bas[ ]any\b/, why: "a hole in the types" },
  { pattern: /@ts-(ignore|nocheck|expect-error)/, why: "an error of the types hidden" },
  { pattern: /\bcatch\s*(\([^)]*\))?\s*\{\s*\}/, why: "an error swallowed" },
  { pattern: /\b(test|it|describe)\.only\b/, why: "every other test left out" },
  { pattern: /\bdebugger;/, why: "a breakpoint" },
  { pattern: /import\.meta\.url\)\.pathname/, why: "a path in which a space is %20" },
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

test("a comment that silences the linter says why, or the comment above it does", () => {
  const offenders = [...modules().keys()].flatMap((path) => {
    const lines = readFileSync(join(ROOT, path), "utf8").split("\n");
    return lines.flatMap((line, index) => {
      if (!/(oxlint|eslint)-disable/.test(line) || / -- \S/.test(line)) return [];
      const above = lines.slice(Math.max(0, index - 2), index);
      return above.some((each) => /^\s*(\/\/|\*|\/\*|\{\/\*)/.test(each))
        ? []
        : [`${path}:${index + 1} ${line.trim()}`];
    });
  });
  expect(offenders.filter((offender) => !offender.startsWith("test/code/"))).toEqual([]);
});

function matches(path: string, text: string, pattern: RegExp): string[] {
  return text
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1} ${line.trim()}`] : []));
}
