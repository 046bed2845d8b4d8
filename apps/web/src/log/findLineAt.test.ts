import fc from "fast-check";
import { expect, test } from "vitest";
import { findLineAt } from "./findLineAt.ts";

test("the first line not before the moment, whatever the times", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(1_000)), fc.integer({ min: -10, max: 1_010 }), async (steps, at) => {
      const times = steps.toSorted((a, b) => a - b);
      const found = await findLineAt(at, times.length, (seq) => Promise.resolve(times[seq - 1]));
      const expected = times.findIndex((time) => time >= at);
      expect(found).toBe(times.length === 0 ? 0 : expected === -1 ? times.length : expected + 1);
    }),
  );
});

test("a log that cannot be read answers what is known so far", async () => {
  expect(await findLineAt(5, 100, () => Promise.resolve(undefined))).toBe(1);
});
