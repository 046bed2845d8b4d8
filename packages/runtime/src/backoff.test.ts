import * as fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, retryAfterMs } from "./backoff.ts";

const options = { baseMs: 500, maxMs: 30_000 };

function checkCeiling(failures: number, expectedMs: number) {
  expect(backoffMs(failures, () => 0.999999999, options)).toBe(expectedMs - 1);
  expect(backoffMs(failures, () => 0, options)).toBe(0);
}

test("the ceiling doubles from the base up to the maximum", () => {
  checkCeiling(1, 500);
  checkCeiling(2, 1000);
  checkCeiling(3, 2000);
  checkCeiling(7, 30_000);
  checkCeiling(5000, 30_000);
});

test("no failure, no wait", () => {
  expect(backoffMs(0, () => 0.9, options)).toBe(0);
});

test("every wait is a whole number of milliseconds within the limits", () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.double({ min: 0, max: 0.9999999, noNaN: true }), (failures, chance) => {
      const ms = backoffMs(failures, () => chance, options);
      return Number.isInteger(ms) && ms >= 0 && ms < options.maxMs;
    }),
  );
});

const NOW = Date.parse("2026-01-01T00:00:00.000Z");

function checkRetryAfter(header: string | null, expectedMs: number | null) {
  expect(retryAfterMs(header, NOW)).toBe(expectedMs);
}

test("Retry-After as seconds, as a date, and as neither", () => {
  checkRetryAfter("0", 0);
  checkRetryAfter(" 12 ", 12_000);
  checkRetryAfter("Thu, 01 Jan 2026 00:00:30 GMT", 30_000);
  checkRetryAfter("Wed, 31 Dec 2025 23:59:00 GMT", 0);
  checkRetryAfter("-5", null);
  checkRetryAfter("soon", null);
  checkRetryAfter("", null);
  checkRetryAfter(null, null);
});
