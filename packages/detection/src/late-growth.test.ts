import { describe, expect, test } from "vitest";
import type { RulesVersion } from "./config.ts";
import type { DetectionEvent, SampleEvent } from "./events.ts";
import { hashText } from "./hash.ts";
import { confirmed, decide, lines, repeat, workLines } from "./testing.ts";

const MB = 1_048_576;
const SAMPLE_MS = 5_000;
const LIMIT_MB = 2_000;

/** Memory in megabytes by the minute, measured every five seconds. */
function memory(
  minutes: number,
  at: (minute: number) => number,
  limit: number | null = LIMIT_MB,
): SampleEvent[] {
  return Array.from({ length: (minutes * 60_000) / SAMPLE_MS }, (_, index) => ({
    kind: "sample" as const,
    at: index * SAMPLE_MS,
    rssBytes: Math.round(at((index * SAMPLE_MS) / 60_000) * MB),
    ...(limit === null ? {} : { rssLimitBytes: limit * MB }),
  }));
}

const after = (flat: number, course: (minute: number) => number) => (minute: number) =>
  300 + (minute < flat ? 0 : course(minute - flat));

describe("growth that begins after hours", () => {
  test.each([60, 240, 720])("is found before the limit, after %i minutes of standing still", (flat) => {
    // It takes 40 minutes to the limit.
    const [found] = confirmed(
      memory(
        flat + 40,
        after(flat, (minute) => (minute * 1_700) / 40),
      ),
    );
    expect(found).toMatchObject({ category: "runaway", source: "memory" });
    const minute = (found?.at ?? 0) / 60_000 - flat;
    expect(minute).toBeGreaterThan(5);
    expect(minute).toBeLessThan(35);
    expect(found?.evidence.families.map(({ family }) => family)).toEqual(["memory", "level", "volume"]);
    // It says since when, not since the start.
    expect((found?.evidence.since.at ?? 0) / 60_000).toBeGreaterThan(flat - 15);
  });

  test("in steps is found", () => {
    const steps = memory(
      240 + 90,
      after(240, (minute) => Math.floor(minute / 4) * 75),
    );
    expect(confirmed(steps)[0]).toMatchObject({ category: "runaway" });
  });

  test("without a limit is found when it goes on and on", () => {
    expect(
      confirmed(
        memory(
          120 + 240,
          after(120, (minute) => minute * 10),
          null,
        ),
      )[0],
    ).toMatchObject({
      category: "runaway",
    });
  });

  test("is not what fills up, is taken back, or was a step", () => {
    const benign = {
      cache: after(60, (minute) => 900 * (1 - Math.exp(-minute / 20))),
      table: after(60, (minute) => Math.min(900, minute * 60)),
      staircase: after(60, (minute) => Math.min(5, Math.floor(minute / 6)) * 180),
      step: after(60, () => 1_200),
      saw: after(60, (minute) => (minute % 9) * 100),
      phases: after(60, (minute) => (minute % 60 < 30 ? Math.min(900, (minute % 60) * 45) : 0)),
      day: after(60, (minute) => 500 - 500 * Math.cos((2 * Math.PI * minute) / 240)),
    };
    for (const [name, course] of Object.entries(benign))
      expect([name, confirmed(memory(300, course))]).toEqual([name, []]);
  });

  test("is withdrawn when what was taken is given back", () => {
    const climbs = after(60, (minute) => (minute < 36 ? minute * 42 : 0));
    const kinds = decide(memory(150, climbs)).map(({ kind }) => kind);
    expect(kinds).toContain("confirmed");
    expect(kinds.at(-1)).toBe("cleared");
  });
});

describe("the distance to a limit is judged by the pace of late", () => {
  const at = (course: (minute: number) => number, minutes: number, version: RulesVersion) =>
    confirmed(memory(minutes, course), { version })[0]?.at;

  test.each([5, 10, 15, 20, 30])(
    "a cache that fills nearly to it slows down before it, in %i minutes",
    (pace) => {
      const cache = (minute: number) => 300 + 1_650 * (1 - Math.exp(-minute / pace));
      expect(at(cache, 300, 2)).toBeGreaterThan(0);
      expect(at(cache, 300, 3)).toBeUndefined();
    },
  );

  test.each([30, 60, 120, 300])(
    "what gathers pace is seen sooner, and what keeps it as soon, in %i minutes",
    (minutes) => {
      const gathering = (minute: number) => 300 + 1_700 * (minute / minutes) ** 3;
      expect(at(gathering, minutes, 3)).toBeLessThan(at(gathering, minutes, 2) ?? 0);
      const even = (minute: number) => 300 + (1_700 * minute) / minutes;
      expect(at(even, minutes, 3)).toBe(at(even, minutes, 2));
    },
  );
});

test("what was recorded under the first rules is decided by those", () => {
  const waits = lines([...workLines(80), ...repeat(["WARN shard is not ready"], 60)], 2_000);
  const storm = lines(
    [...workLines(300), ...repeat(["ERROR cannot load page", "step 1 of the plan"], 800)],
    40,
  );
  const runs: readonly (readonly DetectionEvent[])[] = [
    waits,
    storm,
    memory(120, (minute) => 300 + minute * 10),
    memory(120, (minute) => 300 + minute * 10, null),
    memory(
      360,
      after(240, (minute) => minute * 14),
    ),
  ];
  const decisions = runs.map((events) => decide(events, { version: 1 }));
  expect(decisions.map((some) => some.map(({ kind, category }) => `${kind} ${category}`))).toEqual([
    ["suspected loop", "confirmed loop"],
    ["suspected loop", "confirmed loop"],
    ["suspected runaway"],
    ["confirmed runaway"],
    [],
  ]);
  // Made before there were others.
  expect(hashText(JSON.stringify(decisions), 1)).toBe(4_023_787_647);
});
