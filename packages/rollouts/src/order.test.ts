import fc from "fast-check";
import { expect, test } from "vitest";
import { isInShare, planWaves, stableOrder } from "./order.ts";
import type { WaveSize } from "./types.ts";

test.each<[number, WaveSize[], number[]]>([
  [340, [{ count: 1 }, { percent: 10 }, { percent: 50 }, { percent: 100 }], [1, 33, 136, 170]],
  [20, [{ count: 1 }, { percent: 10 }, { percent: 50 }, { percent: 100 }], [1, 1, 8, 10]],
  [1, [{ count: 1 }, { percent: 10 }, { percent: 50 }, { percent: 100 }], [1]],
  [3, [{ count: 5 }, { percent: 100 }], [3]],
  [10, [{ count: 2 }, { count: 3 }], [2, 8]],
  [10, [{ percent: 0.01 }], [10]],
  [0, [{ count: 2 }], []],
])("%i agents in %j", (total, sizes, expected) => {
  expect(planWaves(total, sizes)).toEqual(expected);
});

test("waves are never empty and take every agent once, whatever the sizes", () => {
  const size = fc.oneof(
    fc.record({ count: fc.integer({ min: 1, max: 1_000_000 }) }),
    fc.record({ percent: fc.double({ min: 0.01, max: 100, noNaN: true }) }),
  );
  fc.assert(
    fc.property(fc.nat({ max: 100_000 }), fc.array(size, { minLength: 1, maxLength: 20 }), (total, sizes) => {
      const waves = planWaves(total, sizes);
      expect(waves.every((agents) => agents > 0)).toBe(true);
      expect(waves.reduce((sum, agents) => sum + agents, 0)).toBe(total);
    }),
  );
});

const IDS = Array.from(
  { length: 2_000 },
  (_, index) => `0190a000-0000-7000-8000-${String(index).padStart(12, "0")}`,
);

test("an order is the same for one rollout, whatever order agents are read in, and another for the next rollout", () => {
  expect(stableOrder("a", IDS)).toEqual(stableOrder("a", IDS.toReversed()));
  expect(stableOrder("a", IDS).slice(0, 20)).not.toEqual(stableOrder("b", IDS).slice(0, 20));
  // Agents enrolled one after the other do not go one after the other.
  expect(stableOrder("a", IDS).slice(0, 20)).not.toEqual(IDS.slice(0, 20));
});

test("a share is as large as asked for, and who is in a smaller one is in a larger one", () => {
  for (const percent of [1, 10, 50, 99]) {
    const share = IDS.filter((id) => isInShare("key", id, percent));
    expect(Math.abs(share.length / IDS.length - percent / 100)).toBeLessThan(0.04);
    expect(share.every((id) => isInShare("key", id, percent + 0.5))).toBe(true);
  }
});
