import type { ThroughputSeries } from "@flowplane/contract";
import { expect, test } from "vitest";
import { last } from "../../chart/last.ts";
import { errorPercent, queryOf, rate, timesOf } from "./throughput.ts";

const SERIES: ThroughputSeries = {
  step_seconds: 10,
  start: "2026-11-21T10:00:00.000Z",
  accepted: [100, null, 80],
  refused: [0, null, 20],
  sent: [90, null, 80],
  failed: [10, null, 0],
  queue_size: [1, null, null],
  queue_capacity: [10, null, null],
};

test("a step each ten seconds", () => {
  expect(timesOf(SERIES).map((at) => at - Date.parse(SERIES.start) / 1_000)).toEqual([0, 10, 20]);
});

test("rates, what was last reported, and the share that went wrong", () => {
  expect([rate(1_240.4), rate(0.42), rate(null)]).toEqual(["1,240/s", "0.4/s", "–"]);
  expect(last(SERIES.queue_size)).toBe(1);
  expect(last([])).toBeNull();
  expect(errorPercent(SERIES)).toBe(15);
  expect(errorPercent({ ...SERIES, accepted: [], refused: [], sent: [], failed: [] })).toBeNull();
});

test("a range begins at a whole minute, so that it is asked for once a minute", () => {
  const now = Date.parse("2026-11-21T10:00:42.000Z");
  expect(queryOf("1h", now)).toEqual({ from: "2026-11-21T09:00:00.000Z" });
  expect(queryOf("1h", now + 10_000)).toEqual(queryOf("1h", now));
});
