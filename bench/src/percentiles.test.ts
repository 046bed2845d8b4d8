import { expect, test } from "vitest";
import { percentiles, quantile } from "./percentiles.ts";

test("nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
  expect(quantile(hundred, 0.5)).toBe(50);
  expect(quantile(hundred, 0.99)).toBe(99);
  expect(percentiles(hundred.toReversed())).toEqual({
    count: 100,
    p50_ms: 50,
    p95_ms: 95,
    p99_ms: 99,
    max_ms: 100,
  });
  expect(percentiles([7])).toMatchObject({ p50_ms: 7, p99_ms: 7, max_ms: 7 });
});
