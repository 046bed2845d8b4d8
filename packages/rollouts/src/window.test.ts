import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Window } from "./types.ts";
import { isTimeZone, nextOpening } from "./window.ts";

const DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
const berlin = (from: string, until: string, days: Window["days"] = DAYS): Window => ({
  time_zone: "Europe/Berlin",
  days,
  from,
  until,
});
const at = (text: string) => Date.parse(text);

function opening(window: Window, now: string): string {
  const opening = nextOpening(window, at(now));
  return opening.isOpen
    ? `open until ${new Date(opening.until).toISOString()}`
    : `opens ${new Date(opening.at).toISOString()}`;
}

describe("a window in a zone", () => {
  test.each([
    ["in winter", berlin("22:00", "23:00"), "2026-11-20T20:59:59Z", "opens 2026-11-20T21:00:00.000Z"],
    ["in summer", berlin("22:00", "23:00"), "2026-07-20T20:00:00Z", "open until 2026-07-20T21:00:00.000Z"],
    [
      "past midnight, before it",
      berlin("23:00", "04:00", ["fri"]),
      "2026-11-21T01:00:00Z",
      "open until 2026-11-21T03:00:00.000Z",
    ],
    [
      "past midnight, on its own day only",
      berlin("23:00", "04:00", ["fri"]),
      "2026-11-20T02:00:00Z",
      "opens 2026-11-20T22:00:00.000Z",
    ],
    ["at its end", berlin("22:00", "23:00"), "2026-11-20T22:00:00Z", "opens 2026-11-21T21:00:00.000Z"],
    [
      "once a week",
      berlin("02:00", "05:00", ["sun"]),
      "2026-11-22T04:00:00Z",
      "opens 2026-11-29T01:00:00.000Z",
    ],
    [
      "of a whole day",
      berlin("00:00", "00:00", ["sat"]),
      "2026-11-21T12:00:00Z",
      "open until 2026-11-21T23:00:00.000Z",
    ],
    // 2026-03-29: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
    [
      "that begins in the hour that spring leaves out",
      berlin("02:30", "05:00"),
      "2026-03-29T00:59:00Z",
      "opens 2026-03-29T01:30:00.000Z",
    ],
    [
      "that is wholly left out by spring",
      berlin("02:15", "02:45"),
      "2026-03-29T01:20:00Z",
      "open until 2026-03-29T01:45:00.000Z",
    ],
    [
      "that begins in the hour that autumn repeats",
      berlin("02:30", "04:00"),
      "2026-10-25T00:29:00Z",
      "opens 2026-10-25T00:30:00.000Z",
    ],
    [
      "over the night that is an hour longer",
      berlin("22:00", "06:00"),
      "2026-10-24T20:00:00Z",
      "open until 2026-10-25T05:00:00.000Z",
    ],
  ])("%s", (_, window, now, expected) => {
    expect(opening(window, now)).toBe(expected);
  });
});

test("zones are known or not", () => {
  expect(isTimeZone("Europe/Berlin")).toBe(true);
  expect(isTimeZone("Mars/Olympus")).toBe(false);
});

test("an opening is never in the past, is open when it comes, and every window opens within eight days", () => {
  const clock = fc
    .tuple(fc.nat({ max: 23 }), fc.nat({ max: 59 }))
    .map(([hour, minute]) => `${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`);
  const window = fc.record({
    time_zone: fc.constantFrom(
      "Europe/Berlin",
      "America/New_York",
      "Asia/Kathmandu",
      "Australia/Lord_Howe",
      "UTC",
      "Pacific/Apia",
    ),
    days: fc.subarray([...DAYS], { minLength: 1 }),
    from: clock,
    until: clock,
  });
  fc.assert(
    fc.property(
      window,
      fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-12-31T00:00:00Z") }),
      (window, now) => {
        const opening = nextOpening(window, now);
        if (opening.isOpen) {
          expect(opening.until).toBeGreaterThan(now);
          expect(opening.until - now).toBeLessThanOrEqual(25 * 3_600_000);
          return;
        }
        expect(opening.at).toBeGreaterThan(now);
        expect(opening.at - now).toBeLessThanOrEqual(8 * 86_400_000);
        // A window that spring leaves out whole, or that ends as it begins again in autumn, opens for no time.
        const then = nextOpening(window, opening.at);
        if (!then.isOpen)
          expect(
            Math.abs(Number(window.from.slice(0, 2)) - Number(window.until.slice(0, 2))),
          ).toBeLessThanOrEqual(1);
      },
    ),
    { numRuns: 500 },
  );
});
