import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import { collectPairs, environmentCollector, parseCount, parseDurationMs, readSecret } from "./input.ts";

describe("durations", () => {
  test.each([
    ["90", 90_000],
    ["90s", 90_000],
    ["500ms", 500],
    ["1.5h", 5_400_000],
    ["1h30m", 5_400_000],
    ["7d", 604_800_000],
    ["0", 0],
  ])("%s is %i ms", (text, expected) => expect(parseDurationMs(text)).toBe(expected));

  test.each(["", "h", "-5s", "5 m", "5x", "1h,30m", "1e3"])("%j is refused", (text) => {
    expect(() => parseDurationMs(text)).toThrow(InvalidArgumentError);
  });
});

describe("counts", () => {
  test("whole numbers from 1 on", () => expect(parseCount("200")).toBe(200));
  test.each(["0", "-1", "1.5", "", "many"])("%j is refused", (text) => {
    expect(() => parseCount(text)).toThrow(InvalidArgumentError);
  });
});

describe("pairs", () => {
  test("a value may hold more equals signs, and be empty", () => {
    expect(collectPairs("B=", collectPairs("A=x=y"))).toEqual({ A: "x=y", B: "" });
  });
  test.each(["A", "=x", ""])("%j is refused", (text) => {
    expect(() => collectPairs(text)).toThrow(InvalidArgumentError);
  });
  test("a bare name passes on what is set here, and only that", () => {
    const collect = environmentCollector({ HERE: "1" });
    expect(collect("GONE", collect("HERE", collect("A=b")))).toEqual({ A: "b", HERE: "1" });
  });
});

test("a secret of - is what stdin holds, without its newline", async () => {
  async function* stdin() {
    yield Buffer.from("fpk_");
    yield Buffer.from("x_y\n");
  }
  expect(await readSecret("-", stdin())).toBe("fpk_x_y");
  expect(await readSecret("fpk_a_b", stdin())).toBe("fpk_a_b");
});
