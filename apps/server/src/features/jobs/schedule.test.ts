import fc from "fast-check";
import { expect, test } from "vitest";
import { firstTime, problemOf, timesAfter, timesBetween, type Timing } from "./schedule.ts";
import { localWords, noteOf, scheduleWords } from "./schedule-words.ts";

const NOW = Date.parse("2026-03-01T12:00:00.000Z");

test.each([
  [{ cron: "0 3 * * *" }, "every day at 03:00 (UTC)"],
  [{ cron: "0 3 * * *", time_zone: "Europe/Berlin" }, "every day at 03:00 (Europe/Berlin)"],
  [{ cron: "30 6,18 * * 1-5" }, "on Monday to Friday at 06:30 and 18:30 (UTC)"],
  [{ cron: "* * * * *" }, "every minute (UTC)"],
  [{ cron: "*/15 * * * *" }, "every 15 minutes (UTC)"],
  [{ cron: "0 * * * *" }, "every hour (UTC)"],
  [{ cron: "5 * * * *" }, "at minute 5 of every hour (UTC)"],
  [{ cron: "0 */6 * * *" }, "every 6 hours (UTC)"],
  [{ cron: "*/10 9-17 * * MON-FRI" }, "on Monday to Friday every 10 minutes from 09:00 to 17:59 (UTC)"],
  [{ cron: "0 0 1 * *" }, "on day 1 of every month at 00:00 (UTC)"],
  [{ cron: "0 0 L * *" }, "on the last day of every month at 00:00 (UTC)"],
  [{ cron: "0 4 * 1,7 *" }, "every day in January and July at 04:00 (UTC)"],
  [{ cron: "0 4 13 * FRI" }, "on day 13 and on Friday of every month at 04:00 (UTC)"],
  [{ every_seconds: 90 }, "every 90 seconds"],
  [{ every_seconds: 300 }, "every 5 minutes"],
  [{ every_seconds: 86_400 }, "every day"],
  [{ at: "2026-03-02T08:30:00.000Z" }, "once, on 2026-03-02 at 08:30 UTC"],
])("%j is said as %s", (timing, expected) => {
  expect(scheduleWords({ time_zone: "UTC", ...timing })).toBe(expected);
});

test.each([
  [{ cron: "0 0 30 2 *" }, "cron", "it never comes"],
  [{ cron: "0 0 31 4,6,9,11 *" }, "cron", "it never comes"],
  [{ cron: "0 3 * *" }, "cron", "it has 4 fields; write five"],
  [{ cron: "0 0 3 * * *" }, "cron", "it has 6 fields; write five"],
  [{ cron: "60 3 * * *" }, "cron", "invalid value for minute: 60"],
  [{ cron: "a b c d e" }, "cron", "write five fields"],
  [{ cron: "? 3 * * *" }, "cron", "write `*`"],
  [{ cron: "0 3 * * *", time_zone: "Mars/Phobos" }, "time_zone", "there is no time zone Mars/Phobos"],
  [{ cron: "0 3 * * *", time_zone: "+02:00" }, "time_zone", "there is no time zone"],
  [{ at: "2026-03-01T12:00:00.000Z" }, "at", "this time is over"],
])("%j is refused with a sentence", (timing, field, words) => {
  const problem = problemOf({ time_zone: "UTC", ...timing }, NOW);
  expect(problem).toMatchObject({ field, message: expect.stringContaining(words) as string });
});

test.each([
  [{ cron: "0 0 29 2 *" }, "2028-02-29T00:00:00.000Z"],
  [{ cron: "0 0 30 2 1" }, "2027-02-01T00:00:00.000Z"],
  [{ at: "2026-03-01T12:00:00.001Z" }, "2026-03-01T12:00:00.001Z"],
  [{ every_seconds: 60 }, "2026-03-01T12:01:00.000Z"],
])("%j comes, first on %s", (timing, expected) => {
  expect(problemOf({ time_zone: "UTC", ...timing }, NOW)).toBeNull();
  expect(iso([firstTime({ time_zone: "UTC", ...timing }, NOW) ?? 0])).toEqual([expected]);
});

// Europe/Berlin: 02:00 to 03:00 does not exist on 2026-03-29, and comes twice on 2026-10-25.
test("a time in the gap happens right after it, once, and says so", () => {
  expect(listed({ cron: "30 2 * * *" }, "2026-03-28T12:00:00.000Z", 2)).toEqual([
    [
      "Sun 2026-03-29 03:00 GMT+2",
      "Clocks are put forward by an hour; the time it names does not exist that day, so it starts right after.",
    ],
    ["Mon 2026-03-30 02:30 GMT+2", null],
  ]);
  // Several times in one gap are one start; two jobs of different minutes both have theirs.
  expect(listed({ cron: "0,30 2 * * *" }, "2026-03-28T12:00:00.000Z", 2).map(([local]) => local)).toEqual([
    "Sun 2026-03-29 03:00 GMT+2",
    "Mon 2026-03-30 02:00 GMT+2",
  ]);
});

test("a time that comes twice counts once, the first time, and says so", () => {
  expect(listed({ cron: "30 2 * * *" }, "2026-10-24T12:00:00.000Z", 2)).toEqual([
    [
      "Sun 2026-10-25 02:30 GMT+2",
      "Clocks are put back by an hour, so this time comes twice; it starts at the first.",
    ],
    ["Mon 2026-10-26 02:30 GMT+1", null],
  ]);
});

test("a schedule that goes through the hours follows real time", () => {
  expect(listed({ cron: "*/30 * * * *" }, "2026-03-29T00:29:00.000Z", 3)).toEqual([
    ["Sun 2026-03-29 01:30 GMT+1", null],
    ["Sun 2026-03-29 03:00 GMT+2", "Clocks were put forward by an hour since the time before."],
    ["Sun 2026-03-29 03:30 GMT+2", null],
  ]);
  expect(listed({ cron: "0 * * * *" }, "2026-10-24T23:59:00.000Z", 3)).toEqual([
    [
      "Sun 2026-10-25 02:00 GMT+2",
      "Clocks are put back by an hour, so this time comes twice; this is the first.",
    ],
    ["Sun 2026-10-25 02:00 GMT+1", "Clocks were put back by an hour; the second time it is this late."],
    ["Sun 2026-10-25 03:00 GMT+1", null],
  ]);
});

test("a zone that changes by half an hour, and one whose midnight is missing", () => {
  expect(
    listed({ cron: "15 2 * * *", time_zone: "Australia/Lord_Howe" }, "2026-10-03T00:00:00.000Z", 1),
  ).toEqual([
    [
      "Sun 2026-10-04 02:30 GMT+11",
      "Clocks are put forward by 30 minutes; the time it names does not exist that day, so it starts right after.",
    ],
  ]);
  expect(
    listed({ cron: "0 0 * * *", time_zone: "America/Santiago" }, "2026-09-05T12:00:00.000Z", 2).map(
      ([l]) => l,
    ),
  ).toEqual(["Sun 2026-09-06 01:00 GMT-3", "Mon 2026-09-07 00:00 GMT-3"]);
});

const timings: fc.Arbitrary<Timing> = fc.oneof(
  fc.record({
    time_zone: fc.constantFrom("UTC", "Europe/Berlin", "America/Santiago", "Australia/Lord_Howe"),
    cron: fc
      .tuple(
        fc.constantFrom("*", "*/7", "0", "30", "5,35", "10-12"),
        fc.constantFrom("*", "*/5", "0", "2", "1,2,3", "22-23"),
        fc.constantFrom("*", "1", "29", "*/3"),
        fc.constantFrom("*", "3", "10"),
        fc.constantFrom("*", "0", "MON-FRI"),
      )
      .map((fields) => fields.join(" ")),
  }),
  fc.record({ time_zone: fc.constant("UTC"), every_seconds: fc.integer({ min: 1, max: 100_000 }) }),
);

test("going forward one by one finds what lies between two moments, neither more nor less", () => {
  fc.assert(
    fc.property(
      timings,
      fc.integer({ min: 0, max: 400 * 24 * 60 }),
      fc.nat({ max: 30 }),
      (timing, minute, count) => {
        const start = NOW + minute * 60_000;
        const forward = timesAfter(timing, start, count + 1, start);
        const [first] = forward;
        const last = forward.at(-1);
        if (first === undefined || last === undefined) return;
        expect(forward).toEqual([...new Set(forward)].toSorted((a, b) => a - b));
        expect(timesBetween(timing, first, last, 1_000)).toEqual(forward);
        expect(timesBetween(timing, first, last, 3)).toEqual(forward.slice(-3));
        // From any of them the same ones follow.
        expect(timesAfter(timing, first, count, first)).toEqual(forward.slice(1));
      },
    ),
    { numRuns: 300 },
  );
});

function iso(times: readonly number[]): string[] {
  return times.map((time) => new Date(time).toISOString());
}

function listed(timing: Partial<Timing>, from: string, count: number): [string, string | null][] {
  const whole = { time_zone: "Europe/Berlin", ...timing };
  const times = timesAfter(whole, Date.parse(from), count, Date.parse(from));
  return times.map((time, index) => [
    localWords(time, whole.time_zone),
    noteOf(whole, time, times[index - 1] ?? null),
  ]);
}
