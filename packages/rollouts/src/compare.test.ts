import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compareSides, COMPARED_AGENTS_MIN, type Sample } from "./compare.ts";

const share = (hits: number, agents: number): Sample => ({ kind: "share", hits, agents });
const each = (...values: number[]): Sample => ({ kind: "each", values });
const worse = { isHigherWorse: true };

function verdict(version: Sample, baseline: Sample, options = worse) {
  return compareSides(version, baseline, options).verdict;
}

describe("a share of agents", () => {
  test("differs only where the agents carry it", () => {
    expect(verdict(share(5, 5), share(0, 5))).toBe("worse");
    expect(verdict(share(0, 5), share(5, 5))).toBe("better");
    expect(verdict(share(2, 5), share(0, 5))).toBe("no_difference_seen");
    expect(verdict(share(400, 1_000), share(200, 1_000))).toBe("worse");
    expect(verdict(share(0, 1_000), share(0, 1_000))).toBe("no_difference_seen");
  });

  test("of few agents is told and not judged", () => {
    expect(compareSides(share(1, 1), share(0, 900), worse)).toEqual({
      version: { value: 100, agents: 1 },
      baseline: { value: 0, agents: 900 },
      difference: null,
      verdict: "not_enough_data",
    });
    expect(compareSides(share(0, 0), share(0, 900), worse).version).toEqual({ value: null, agents: 0 });
  });

  test("has the interval that Newcombe's paper computes", () => {
    // 56 of 70 and 48 of 80, by 99 % instead of the paper's 95 %: wider than its 5.24 to 33.39 points, about the same middle.
    const { difference } = compareSides(share(56, 70), share(48, 80), worse);
    expect(difference?.value).toBeCloseTo(20, 6);
    expect(difference?.low).toBeLessThan(5.24);
    expect(difference?.low).toBeGreaterThan(-2);
    expect(difference?.high).toBeGreaterThan(33.39);
    expect(difference?.high).toBeLessThan(39);
  });
});

describe("what each agent measured", () => {
  test("is its mean, and differs where the spread allows it", () => {
    expect(verdict(each(10, 11, 10, 11, 10, 11), each(1, 2, 1, 2, 1, 2))).toBe("worse");
    expect(verdict(each(10, 0, 20, 0, 5, 1), each(1, 9, 0, 14, 2, 3))).toBe("no_difference_seen");
    expect(verdict(each(5, 5, 5, 5, 5), each(5, 5, 5, 5, 5))).toBe("no_difference_seen");
    expect(verdict(each(7, 7, 7, 7, 7), each(5, 5, 5, 5, 5))).toBe("worse");
  });

  test("is neither good nor bad where more is only more", () => {
    const options = { isHigherWorse: false };
    expect(verdict(each(7, 7, 7, 7, 7), each(5, 5, 5, 5, 5), options)).toBe("higher");
    expect(verdict(each(5, 5, 5, 5, 5), each(7, 7, 7, 7, 7), options)).toBe("lower");
  });
});

test("one agent far off does not make a verdict for its side", () => {
  expect(verdict(each(0, 0, 0, 0, 100), each(0, 0, 0, 0, 0))).toBe("no_difference_seen");
});

test("turning the sides around turns the verdict around, whatever the figures", () => {
  const sample = fc.oneof(
    fc
      .array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 0, maxLength: 30 })
      .map((values): Sample => ({ kind: "each", values })),
  );
  const turned = { better: "worse", worse: "better" } as Record<string, string>;
  fc.assert(
    fc.property(sample, sample, (one, other) => {
      const here = compareSides(one, other, worse);
      const there = compareSides(other, one, worse);
      expect(there.verdict).toBe(turned[here.verdict] ?? here.verdict);
      const few = Math.min(here.version.agents, here.baseline.agents) < COMPARED_AGENTS_MIN;
      expect(here.verdict === "not_enough_data").toBe(few);
      if (here.difference !== null) expect(here.difference.low).toBeLessThanOrEqual(here.difference.high);
    }),
  );
});

test("of two equal sides hardly one in a hundred seems to differ", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  const side = () => each(...Array.from({ length: 12 }, () => 100 * random() ** 2));
  const wrong = Array.from({ length: 2_000 }, () => verdict(side(), side())).filter(
    (each) => each !== "no_difference_seen",
  );
  expect(wrong.length).toBeLessThan(40);
});
