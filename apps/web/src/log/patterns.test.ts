import { expect, test } from "vitest";
import type { LogLine } from "@flowplane/contract";
import { PATTERNS_MAX, PatternCounter, patternOf } from "./patterns.ts";

const line = (seq: number, text: string, stream: LogLine["stream"] = "stdout"): LogLine => ({
  seq,
  at: new Date(seq * 1_000).toISOString(),
  stream,
  text,
  partial: false,
});

test.each([
  ["2026-11-21T02:14:00.123Z step 412 took 3.5 ms", "<time> step <n> took <n> ms"],
  ["[02:14:00] GET /a?id=77 from 10.0.0.12:443", "[<time>] GET /a?id=<n> from <ip>"],
  ["run 0190a1b2-0000-7abc-8def-001122334455 at 0xdeadBEEF", "run <id> at <hex>"],
  ["commit 9f8e7d6c5b4a done, feed the cafe", "commit <hex> done, feed the cafe"],
  ["\u001b[31merror\u001b[0m shard -3", "error shard <n>"],
  ["  3 %\r 41 %\r100 % done", "<n> % done"],
  ["", ""],
])("%j is %j", (text, pattern) => {
  expect(patternOf({ text })).toBe(pattern);
});

test("alike lines count as one, with the first and the last of them", () => {
  const counter = new PatternCounter();
  counter.add([line(1, "page 1"), line(2, "retry 1 of 5", "stderr"), line(3, "page 2")]);
  counter.add([line(4, "page 3")]);
  expect(
    counter
      .patterns()
      .map(({ text, count, first, last, stderr }) => [text, count, first.seq, last.seq, stderr]),
  ).toEqual([
    ["page <n>", 3, 1, 4, 0],
    ["retry <n> of <n>", 1, 2, 2, 1],
  ]);
  expect(counter.lines).toEqual({ total: 4, uncounted: 0 });
});

test("a log in which nothing repeats takes no more room than that", () => {
  const counter = new PatternCounter();
  const letters = (value: number): string =>
    (value >= 26 ? letters(Math.floor(value / 26) - 1) : "") + String.fromCodePoint(97 + (value % 26));
  counter.add(
    Array.from({ length: PATTERNS_MAX + 7 }, (_, index) => line(index + 1, `word-${letters(index)}`)),
  );
  expect(counter.patterns()).toHaveLength(PATTERNS_MAX);
  expect(counter.lines).toEqual({ total: PATTERNS_MAX + 7, uncounted: 7 });
});
