import { expect, test } from "vitest";
import type { RunSample } from "@flowplane/contract";
import { curvesOf, extremes, nearest, spread } from "./curves.ts";

const sample = (seconds: number, part: Partial<RunSample> = {}): RunSample => ({
  at: new Date(seconds * 1_000).toISOString(),
  cpu_ms: seconds * 500,
  memory_bytes: 100,
  memory_limit_bytes: null,
  read_bytes: 0,
  write_bytes: seconds * 2_000,
  processes: 2,
  log_bytes: seconds * 10,
  ...part,
});

test("counters become rates, and the first point has none", () => {
  const curves = curvesOf([sample(0), sample(5), sample(10)], 5_000);
  expect(curves.at).toEqual([0, 5, 10]);
  expect(curves.cpu).toEqual([null, 0.5, 0.5]);
  expect(curves.write).toEqual([null, 2_000, 2_000]);
  expect(curves.output).toEqual([null, 10, 10]);
  expect(curves.memory).toEqual([100, 100, 100]);
});

test("a gap in time is a hole in every curve, and no rate is drawn across it", () => {
  const curves = curvesOf([sample(0), sample(5), sample(60), sample(65)], 5_000);
  expect(curves.at).toEqual([0, 5, 10, 60, 65]);
  expect(curves.memory).toEqual([100, 100, null, 100, 100]);
  expect(curves.cpu).toEqual([null, 0.5, null, null, 0.5]);
});

test("a counter that went back, and one that could not be read, say nothing", () => {
  const curves = curvesOf(
    [sample(0), sample(5, { cpu_ms: null }), sample(10), sample(15, { cpu_ms: 1 })],
    5_000,
  );
  expect(curves.cpu).toEqual([null, null, null, null]);
});

test("words beside a curve", () => {
  expect(extremes([null, 1, 7, 3, null])).toEqual({ last: 3, most: 7 });
  expect(extremes([null])).toEqual({ last: null, most: null });
  expect(nearest([0, 10, 20], 14)).toBe(1);
  expect(nearest([], 14)).toBe(-1);
  expect(spread(3, 10)).toEqual([0, 1, 2]);
  expect(spread(101, 5)).toEqual([0, 25, 50, 75, 100]);
});
