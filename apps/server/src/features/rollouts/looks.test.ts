import { expect, test } from "vitest";
import { Looks } from "./looks.ts";

const RHYTHM = { everyMs: 5, fullyEveryMs: 60, overlapMs: 10 };

/** Looks at each of these times, and says where: ".", "all", or since when. */
function trace(times: readonly number[], looks = new Looks(RHYTHM)): string {
  return times
    .map((now) => {
      const look = looks.due(now);
      if (look === undefined) return ".";
      looks.done(now, look);
      return look.since === null ? "all" : look.since.getTime();
    })
    .join(" ");
}

test("it begins with all, then looks back to its last look and a little more, and now and then at all again", () => {
  expect(trace([1_000, 1_004, 1_005, 1_010, 1_050, 1_059, 1_064])).toBe("all . 990 995 1000 1040 all");
});

test("a clock that was set back or forth makes it begin anew", () => {
  expect(trace([1_000, 500, 505, 99_000])).toBe("all all 490 all");
});

test("what failed is looked for again at once", () => {
  const looks = new Looks(RHYTHM);
  expect(looks.due(1_000)).toEqual({ since: null });
  expect(looks.due(1_001)).toEqual({ since: null });
});
