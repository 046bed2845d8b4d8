import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAnsi } from "./ansi.ts";
import { collapseProgress, markMatches, showLine, SHOWN_LENGTH_MAX } from "./display.ts";

test.each([
  ["as it is", { text: "as it is", hidden: 0 }],
  ["windows\r", { text: "windows", hidden: 0 }],
  ["10 %\r50 %\r100 %", { text: "100 %", hidden: 2 }],
  ["10 %\r50 %\r", { text: "50 %", hidden: 1 }],
  ["\r\r", { text: "", hidden: 0 }],
])("%j collapses", (text, expected) => {
  expect(collapseProgress(text)).toEqual(expected);
});

test("a giant line is cut and says by how much", () => {
  const line = {
    seq: 1,
    at: "2026-01-01T00:00:00.000Z",
    stream: "stdout",
    text: "x".repeat(70_000),
    partial: true,
  } as const;
  expect(showLine(line).cut).toBe(70_000 - SHOWN_LENGTH_MAX);
});

test("a match may cross colours and case", () => {
  const spans = parseAnsi("an \u001b[31mEr\u001b[0mror, error");
  expect(markMatches(spans, "error").map(({ text, isMatch }) => [text, isMatch])).toEqual([
    ["an ", false],
    ["Er", true],
    ["ror", true],
    [", ", false],
    ["error", true],
  ]);
});

test("marking never changes the text", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), fc.string(), (parts, query) => {
      const spans = parts.map((text) => ({ text, style: {} }));
      expect(
        markMatches(spans, query)
          .map(({ text }) => text)
          .join(""),
      ).toBe(parts.join(""));
    }),
  );
});
