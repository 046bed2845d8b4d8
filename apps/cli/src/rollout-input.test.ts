import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import { parseSplit, parseWaves, parseWindow, planOf } from "./rollout-input.ts";

describe("waves", () => {
  test("are numbers and percentages", () => {
    expect(parseWaves("1, 10%,12.5%,100%")).toEqual([
      { count: 1 },
      { percent: 10 },
      { percent: 12.5 },
      { percent: 100 },
    ]);
  });
  test.each(["", "0", "1,", "0%", "101%", "1.5", "-1", "ten", "1;2"])("%j are refused", (text) => {
    expect(() => parseWaves(text)).toThrow(InvalidArgumentError);
  });
});

describe("a window", () => {
  test.each([
    ["Europe/Berlin mon-thu 09:00-16:00", ["mon", "tue", "wed", "thu"]],
    ["UTC fri-mon 22:00-04:00", ["mon", "fri", "sat", "sun"]],
    ["UTC Sat,wed 00:00-23:59", ["wed", "sat"]],
    ["UTC tue 00:00-01:00", ["tue"]],
  ])("%s", (text, days) => expect(parseWindow(text)).toMatchObject({ days }));

  test("has a zone and two times", () => {
    expect(parseWindow("Europe/Berlin mon-thu 09:00-16:00")).toMatchObject({
      time_zone: "Europe/Berlin",
      from: "09:00",
      until: "16:00",
    });
  });
  test.each([
    "",
    "09:00-16:00",
    "UTC 09:00-16:00",
    "UTC mon 9-16",
    "UTC mon-tue-wed 09:00-16:00",
    "UTC mo 09:00-16:00",
  ])("%j is refused", (text) => {
    expect(() => parseWindow(text)).toThrow(InvalidArgumentError);
  });
});

describe("a split", () => {
  test("is a share and the other version", () => {
    expect(parseSplit("20%:3")).toEqual({ percent: 20, baseline_version: 3 });
    expect(parseSplit("2.5%:v12")).toEqual({ percent: 2.5, baseline_version: 12 });
  });
  test.each(["", "20:3", "20%", "20%:", "%:3"])("%j is refused", (text) => {
    expect(() => parseSplit(text)).toThrow(InvalidArgumentError);
  });
});

test("a plan says only what was said", () => {
  expect(planOf({ telemetry: true, newAgents: true })).toEqual({});
  expect(
    planOf({
      telemetry: false,
      newAgents: false,
      waves: [{ count: 1 }],
      soak: 60,
      verdictTimeout: 30,
      maxUnavailable: 5,
      maxFailures: 0,
      onFailure: "roll-back",
      approval: true,
    }),
  ).toEqual({
    waves: [{ count: 1 }],
    soak_seconds: 60,
    verdict_timeout_seconds: 30,
    max_unavailable: 5,
    gate: { max_failures: 0, on_failure: "roll_back" },
    approval: true,
    telemetry: null,
    include_new_agents: false,
  });
});
