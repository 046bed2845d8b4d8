import { describe, expect, test } from "vitest";
import { formatBytes, formatCommand, formatDuration, formatLabels, formatWhen, shortId } from "./format.ts";

describe("durations", () => {
  test.each([
    [0, "0ms"],
    [999, "999ms"],
    [1_000, "1.0s"],
    [9_999, "9.9s"],
    [10_000, "10s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [61_000, "1m 1s"],
    [3_600_000, "1h"],
    [7_500_000, "2h 5m"],
    [86_400_000 * 12 + 4 * 3_600_000, "12d 4h"],
  ])("%i ms is %s", (ms, expected) => expect(formatDuration(ms)).toBe(expected));
});

describe("times beside now", () => {
  const now = Date.parse("2026-01-02T03:04:05.000Z");
  test.each([
    [null, "-"],
    ["2026-01-02T03:04:05.400Z", "now"],
    ["2026-01-02T03:04:01.500Z", "3s ago"],
    ["2026-01-02T03:00:05.000Z", "4m ago"],
    ["2026-01-02T10:04:05.000Z", "in 7h"],
  ])("%s is %s", (timestamp, expected) => expect(formatWhen(timestamp, now)).toBe(expected));
});

test.each([
  [0, "0 B"],
  [1_023, "1023 B"],
  [1_536, "1.5 KiB"],
  [20 * 1024 * 1024, "20 MiB"],
  [3 * 1024 ** 5, "3072 TiB"],
])("%i bytes are %s", (bytes, expected) => expect(formatBytes(bytes)).toBe(expected));

test("a command is printed as one could type it", () => {
  expect(formatCommand("sh", ["-c", "echo it's $HOME; exit 3", "", "a=b"])).toBe(
    "sh -c 'echo it'\\''s $HOME; exit 3' '' a=b",
  );
});

test("a short id is the random end of it", () => {
  expect(shortId("019b8d7a-2da8-7657-b52d-492a9de33319")).toBe("9de33319");
  expect(shortId("abc")).toBe("abc");
});

test("labels are pairs, and none is a dash", () => {
  expect(formatLabels({ env: "prod", zone: "b" })).toBe("env=prod zone=b");
  expect(formatLabels({})).toBe("-");
});
