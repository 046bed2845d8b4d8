import { expect, test } from "vitest";
import { familyWord, readingVerdict, readingWords } from "./evidenceWords.ts";

test.each([
  [12, 50, "‰ of records new", "1.2 % of records new; the threshold is 5 %"],
  [
    14_000,
    120_000,
    "ms without CPU, disk or new processes",
    "14 s without CPU, disk or new processes; the threshold is 2 m 00 s",
  ],
  [1_412, 40, "exits alike in the window", "1,412 exits alike in the window; the threshold is 40"],
  [9.42, 5, "records/s", "9.4 records/s; the threshold is 5"],
  [2_000_000_000, 2_147_483_648, "bytes", "1.9 GiB; the threshold is 2 GiB"],
])("%d against %d %s", (value, threshold, unit, words) => {
  expect(readingWords({ value, threshold, unit })).toBe(words);
});

test("a family keeps its own name when no word is known for it", () => {
  expect(familyWord("no_progress")).toBe("No progress");
  expect(familyWord("new_signal")).toBe("new signal");
});

test("half of the strength agrees", () => {
  expect([499, 500].map((strength) => readingVerdict({ strength }))).toEqual(["does not count", "agrees"]);
});
