import { expect, test } from "vitest";
import { PollRhythm } from "./poll-rhythm.ts";

/** Messages as the seconds between them; `!` after one says that it reported something. */
function rhythmOf(script: string): (number | undefined)[] {
  const rhythm = new PollRhythm();
  let now = 0;
  return script.split(" ").map((step) => {
    now += Number.parseFloat(step) * 1_000;
    return rhythm.note(now, step.endsWith("!"));
  });
}

test("a steady pace is believed after five gaps, and followed when it changes", () => {
  expect(rhythmOf("0 1 1 1 1 1")).toEqual([undefined, undefined, undefined, undefined, undefined, 1_000]);
  expect(rhythmOf("0 30 31 30 30 29.6 30").at(-1)).toBe(31_000);
  expect(rhythmOf("0 1 1 1 1 1 60 60 60 60").at(-1)).toBeUndefined();
  expect(rhythmOf("0 1 1 1 1 1 60 60 60 60 60").at(-1)).toBe(60_000);
});

test("reports and bursts say nothing about the pace", () => {
  expect(rhythmOf("0! 1! 1! 1! 1! 1! 1!")).toEqual(Array(7).fill(undefined));
  expect(rhythmOf("0 30 0.01 0.01 0.01 30 0.01 30").every((interval) => interval === undefined)).toBe(true);
  expect(rhythmOf("0 1 1 1 1! 1 1 1").at(-1)).toBeUndefined();
});

test("an interval stays within its limits", () => {
  expect(rhythmOf("0 0.2 0.2 0.2 0.2 0.2").at(-1)).toBe(1_000);
  expect(rhythmOf("0 9000 9000 9000 9000 9000").at(-1)).toBe(600_000);
});
