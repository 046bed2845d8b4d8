import { describe, expect, test } from "vitest";
import { exitCodeOf, exitWord } from "./run-words.ts";

describe("the exit code of `flowplane run`", () => {
  test.each([
    ["SUCCEEDED", 0, null, 0],
    ["FAILED", 3, null, 3],
    ["FAILED", null, "SIGSEGV", 139],
    ["FAILED", 137, "SIGKILL", 137],
    ["FAILED", null, null, 125],
    ["STOPPED", null, "SIGTERM", 143],
    ["STOPPED", 0, null, 143],
    ["STOPPED", 7, null, 7],
    ["TIMED_OUT", null, "SIGKILL", 124],
    ["FAILED_STOP", null, null, 125],
    ["LOST", null, null, 125],
  ] as const)("%s with code %s and signal %s is %i", (state, exit_code, signal, expected) => {
    expect(exitCodeOf({ state, exit_code, signal })).toBe(expected);
  });
});

test("a table says how a run ended", () => {
  expect(exitWord({ exit_code: 0, signal: null })).toBe("0");
  expect(exitWord({ exit_code: null, signal: "SIGKILL" })).toBe("SIGKILL");
  expect(exitWord({ exit_code: null, signal: null })).toBe("-");
});
