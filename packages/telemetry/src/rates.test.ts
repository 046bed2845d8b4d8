import { expect, test } from "vitest";
import { errorPercent } from "./rates.ts";

const counts = (
  accepted: number | null,
  refused: number | null,
  sent: number | null,
  failed: number | null,
) => ({
  accepted,
  refused,
  sent,
  failed,
});

test.each([
  [counts(null, null, null, null), null],
  [counts(0, 0, 0, 0), null],
  [counts(100, 0, 100, 0), 0],
  [counts(90, 10, null, null), 10],
  [counts(null, null, 0, 5), 100],
  // Three exporters of the same hundred, one of which fails.
  [counts(100, 0, 200, 100), 100 / 3],
  [counts(50, 50, 25, 25), 75],
])("%o: %s %%", (given, expected) => {
  const percent = errorPercent(given);
  if (expected === null) expect(percent).toBeNull();
  else expect(percent).toBeCloseTo(expected, 9);
});
