import { expect, test } from "vitest";
import { countdown, duration, relativeTime, span } from "./time.ts";

const NOW = 1_800_000_000_000;

test.each([
  [0, "just now"],
  [1_999, "just now"],
  [12_400, "12 s ago"],
  [59_999, "59 s ago"],
  [60_000, "1 min ago"],
  [3_599_000, "59 min ago"],
  [47 * 3_600_000, "47 h ago"],
  [49 * 3_600_000, "2 d ago"],
  [90 * 86_400_000, "3 months ago"],
  [800 * 86_400_000, "2 years ago"],
  [-7 * 3_600_000, "in 7 h"],
])("%d ms ago reads %s", (ago, text) => {
  expect(relativeTime(NOW - ago, NOW)).toBe(text);
});

test.each([
  [-5, "0 ms"],
  [840, "840 ms"],
  [9_990, "9.9 s"],
  [59_999, "59 s"],
  [185_000, "3 m 05 s"],
  [2 * 3_600_000 + 14 * 60_000, "2 h 14 m"],
  [3_600_000, "1 h"],
  [(5 * 24 + 3) * 3_600_000, "5 d 3 h"],
])("%d ms lasts %s", (ms, text) => {
  expect(duration(ms)).toBe(text);
});

test.each([
  [0, "0 s"],
  [250, "250 ms"],
  [1_500, "1 s 500 ms"],
  [300_000, "5 min"],
  [5_400_000, "1 h 30 min"],
  [2 * 86_400_000, "2 d"],
])("%d ms, when somebody has set them, read %s", (ms, text) => {
  expect(span(ms)).toBe(text);
});

test.each([
  [-1, "0:00"],
  [1, "0:01"],
  [59_999, "1:00"],
  [3_547_000, "59:07"],
  [3_849_000, "1:04:09"],
])("a countdown of %d ms shows %s", (ms, text) => {
  expect(countdown(ms)).toBe(text);
});
