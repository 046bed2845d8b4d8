import { expect, test } from "vitest";
import { SchedulePolicy } from "@flowplane/contract";
import { drawnBack, judgeDue } from "./due.ts";

const NOW = Date.parse("2026-03-01T12:00:00.000Z");
const HOUR_MS = 3_600_000;

const hourly = (misfire: SchedulePolicy["misfire"]) => SchedulePolicy.parse({ cron: "0 * * * *", misfire });
const clock = (times: readonly number[]) => times.map((time) => new Date(time).toISOString().slice(11, 16));

test("a start that is on time is made, whatever the policy", () => {
  for (const misfire of ["skip", "last", "all"] as const)
    expect(judgeDue(hourly(misfire), NOW, NOW + 900)).toEqual({
      starts: [NOW],
      left: null,
      next: NOW + HOUR_MS,
    });
});

test("of missed starts none, the latest or each is made up for", () => {
  const late = NOW + 3.5 * HOUR_MS;
  const judge = (misfire: SchedulePolicy["misfire"]) => {
    const { starts, left, next } = judgeDue(hourly(misfire), NOW, late);
    return [clock(starts), left, next === null ? null : clock([next])];
  };
  expect(judge("skip")).toEqual([
    [],
    "4 missed starts were left out, as the schedule says for what is missed",
    ["16:00"],
  ]);
  expect(judge("last")).toEqual([
    ["15:00"],
    "3 missed starts were left out, as the schedule says for what is missed",
    ["16:00"],
  ]);
  expect(judge("all")).toEqual([["12:00", "13:00", "14:00", "15:00"], null, ["16:00"]]);
  // One that is on time is later than all that were missed.
  expect(judgeDue(hourly("last"), NOW, NOW + 3 * HOUR_MS).starts).toEqual([NOW + 3 * HOUR_MS]);
});

test("a clock that jumps a year makes up for at most a hundred starts, the latest", () => {
  const { starts, left } = judgeDue(hourly("all"), NOW, NOW + 365 * 24 * HOUR_MS + 120_000);
  expect(starts).toHaveLength(100);
  expect(starts.at(-1)).toBe(NOW + 365 * 24 * HOUR_MS);
  expect(left).toMatch(/^more than \d+ missed starts were left out/);
  const second = SchedulePolicy.parse({ every_seconds: 1, misfire: "all" });
  expect(judgeDue(second, NOW, NOW + 365 * 24 * HOUR_MS).starts.length).toBeLessThanOrEqual(161);
});

test("a start at one time is made up for or not, and there is no next", () => {
  const once = (misfire: SchedulePolicy["misfire"]) =>
    SchedulePolicy.parse({ at: new Date(NOW).toISOString(), misfire });
  expect(judgeDue(once("last"), NOW, NOW + HOUR_MS)).toEqual({ starts: [NOW], left: null, next: null });
  expect(judgeDue(once("skip"), NOW, NOW + HOUR_MS).starts).toEqual([]);
});

test("a next start that a clock put too far off is drawn back, any other is left alone", () => {
  expect(drawnBack(hourly("last"), NOW + HOUR_MS, NOW)).toBeNull();
  expect(drawnBack(hourly("last"), NOW + 24 * HOUR_MS, NOW)).toBe(NOW + HOUR_MS);
  const every = SchedulePolicy.parse({ every_seconds: 60 });
  expect(drawnBack(every, NOW + 60_000, NOW)).toBeNull();
  expect(drawnBack(every, NOW + 60_001, NOW)).toBe(NOW + 60_000);
  expect(
    drawnBack(SchedulePolicy.parse({ at: new Date(NOW + HOUR_MS).toISOString() }), NOW + HOUR_MS, NOW),
  ).toBeNull();
});
