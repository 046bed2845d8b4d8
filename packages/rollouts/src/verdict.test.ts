import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { at, delivery, flight, PLAN } from "./testing.ts";
import type { DeliveryFacts, Flight } from "./types.ts";
import { deadlineOf, judgeAgent, UNWELL_GRACE_MS } from "./verdict.ts";

/** `state reason_code`, or `-` for nothing new. */
function verdict(more: Partial<Flight>, seconds: number): string {
  const found = judgeAgent(flight(more), PLAN, at(seconds));
  return found === null ? "-" : [found.state, found.reasonCode].filter((part) => part !== null).join(" ");
}

const STATES = ["offered", "applying", "soaking", "reverting"] as const;
const STATUSES = ["waiting", "offered", "applying", "applied", "failed", "rolled_itself_back"] as const;

describe("the whole table: what each state becomes by what the agent says, soon and past the deadline", () => {
  // soon: 30 s after it was assigned; late: a day after. Here and away.
  const table: Record<
    (typeof STATES)[number],
    Record<(typeof STATUSES)[number], [string, string, string, string]>
  > = {
    offered: {
      waiting: ["-", "failed not_delivered", "unreachable", "unreachable"],
      offered: ["-", "failed no_verdict", "-", "failed no_verdict"],
      applying: ["applying", "applying", "applying", "applying"],
      applied: ["soaking", "soaking", "soaking", "soaking"],
      failed: ["failed rejected", "failed rejected", "failed rejected", "failed rejected"],
      rolled_itself_back: [
        "failed rolled_itself_back",
        "failed rolled_itself_back",
        "failed rolled_itself_back",
        "failed rolled_itself_back",
      ],
    },
    applying: {
      waiting: ["-", "failed not_delivered", "unreachable", "unreachable"],
      offered: ["-", "failed no_verdict", "-", "failed no_verdict"],
      applying: ["-", "failed no_verdict", "-", "failed no_verdict"],
      applied: ["soaking", "soaking", "soaking", "soaking"],
      failed: ["failed rejected", "failed rejected", "failed rejected", "failed rejected"],
      rolled_itself_back: [
        "failed rolled_itself_back",
        "failed rolled_itself_back",
        "failed rolled_itself_back",
        "failed rolled_itself_back",
      ],
    },
    soaking: {
      waiting: ["-", "failed not_delivered", "unreachable", "unreachable"],
      offered: ["-", "failed no_verdict", "-", "failed no_verdict"],
      applying: ["-", "failed no_verdict", "-", "failed no_verdict"],
      applied: ["-", "passed", "-", "failed crashed"],
      failed: ["failed rejected", "failed rejected", "failed rejected", "failed rejected"],
      rolled_itself_back: [
        "failed rolled_itself_back",
        "failed rolled_itself_back",
        "failed rolled_itself_back",
        "failed rolled_itself_back",
      ],
    },
    reverting: {
      waiting: ["-", "failed no_verdict", "reverted", "reverted"],
      offered: ["-", "failed no_verdict", "-", "failed no_verdict"],
      applying: ["-", "failed no_verdict", "-", "failed no_verdict"],
      applied: ["reverted", "reverted", "reverted", "reverted"],
      failed: ["failed rejected", "failed rejected", "failed rejected", "failed rejected"],
      rolled_itself_back: ["failed rejected", "failed rejected", "failed rejected", "failed rejected"],
    },
  };
  test.each(STATES.flatMap((state) => STATUSES.map((status) => [state, status] as const)))(
    "%s, %s",
    (state, status) => {
      const verdicts = [
        [true, 30],
        [true, 86_400],
        [false, 30],
        [false, 86_400],
      ].map(([reachable, seconds]) =>
        verdict({ state, delivery: delivery({ status, reachable: reachable === true }) }, Number(seconds)),
      );
      expect(verdicts).toEqual(table[state][status]);
    },
  );

  test.each(STATES)("%s, and assigned something else meanwhile", (state) => {
    expect(verdict({ state, delivery: null }, 30)).toBe("skipped superseded");
    expect(verdict({ state, delivery: delivery({ offerHash: "C" }) }, 30)).toBe("skipped superseded");
  });
});

describe("health while it soaks", () => {
  const said = (healthy: boolean, healthAt: number | null, more: Partial<DeliveryFacts> = {}) => ({
    delivery: delivery({ healthy, healthAt: healthAt === null ? null : at(healthAt), ...more }),
  });
  test.each<[string, Partial<Flight>, number, string]>([
    ["well, and the soak is not over", said(true, 12), 69, "-"],
    ["well, and the soak is over", said(true, 12), 70, "passed"],
    ["unwell from before the offer is no verdict", said(false, -5), 70, "passed"],
    ["it never says how it is", said(false, null), 70, "passed"],
    ["unwell since the restart, and silent since: it waits", said(false, 5), 70, "soaking"],
    [
      "unwell since the restart until the end",
      { ...said(false, 5), unwellSince: at(11) },
      370,
      "failed unhealthy",
    ],
    ["just unwell", said(false, 20), 21, "soaking"],
    [
      "unwell for long",
      { ...said(false, 20), unwellSince: at(20), unwellTimes: 1 },
      20 + UNWELL_GRACE_MS / 1_000,
      "failed unhealthy",
    ],
    [
      "well again: the soak begins again",
      { ...said(true, 25), unwellSince: at(20), unwellTimes: 1 },
      26,
      "soaking",
    ],
    [
      "unwell as after an offer of other settings: it waits",
      { ...said(false, 20, { isHealthEcho: true }), unwellSince: at(20) },
      20 + UNWELL_GRACE_MS / 1_000,
      "-",
    ],
    ["unwell once more", { ...said(false, 30), stateSince: at(26), unwellTimes: 1 }, 31, "failed unhealthy"],
    [
      "its supervisor says that it fell over",
      {
        ...said(false, 30, { healthStatus: "Agent process exited unexpectedly, exit code=2" }),
        unwellTimes: 1,
      },
      31,
      "failed crashed",
    ],
    [
      "unwell before, too: no worse",
      { ...said(false, 20), baseline: { healthy: false, rates: null } },
      70,
      "passed",
    ],
  ])("%s", (_, more, seconds, expected) => {
    expect(verdict(more, seconds)).toBe(expected);
  });

  test("a soak that begins again is kept as such", () => {
    const found = judgeAgent(
      flight({ ...said(true, 25), unwellSince: at(20), unwellTimes: 1 }),
      PLAN,
      at(26),
    );
    expect(found).toMatchObject({ state: "soaking", since: at(26), unwellSince: null, unwellTimes: 1 });
  });
});

describe("its own figures at the end of the soak", () => {
  const before = { acceptedPerSecond: 100, errorPercent: 1 };
  test.each([
    ["the same", before, before, "passed"],
    ["a little worse", before, { acceptedPerSecond: 55, errorPercent: 5.9 }, "passed"],
    ["errors", before, { acceptedPerSecond: 100, errorPercent: 6.1 }, "failed errors_rose"],
    [
      "hardly anything comes in",
      before,
      { acceptedPerSecond: 49, errorPercent: 1 },
      "failed throughput_fell",
    ],
    [
      "hardly anything came in before",
      { acceptedPerSecond: 0.5, errorPercent: 0 },
      { acceptedPerSecond: 0, errorPercent: 0 },
      "passed",
    ],
    ["no baseline", null, { acceptedPerSecond: 0, errorPercent: 100 }, "passed"],
    ["no figures since", before, null, "passed"],
  ])("%s", (_, baseline, rates, expected) => {
    expect(verdict({ baseline: { healthy: true, rates: baseline }, rates }, 70)).toBe(expected);
  });

  test("are not judged when the plan says so", () => {
    const rates = { acceptedPerSecond: 0, errorPercent: 100 };
    const judged = flight({ baseline: { healthy: true, rates: before }, rates });
    expect(judgeAgent(judged, { ...PLAN, telemetry: null }, at(70))?.state).toBe("passed");
  });
});

test.each([
  [
    "offered",
    { state: "offered", delivery: delivery({ status: "offered", reachable: false }) },
    "no_verdict",
  ],
  ["applying", { state: "applying", delivery: delivery({ status: "applying" }) }, "no_verdict"],
  ["soaking", { delivery: delivery({ reachable: false }) }, "crashed"],
  ["reverting", { state: "reverting", delivery: delivery({ status: "offered" }) }, "no_verdict"],
] as const)("silence of one that is %s counts from when agents could be heard again", (_, more, code) => {
  expect(verdict(more, 400)).toBe(`failed ${code}`);
  expect(verdict({ ...more, heardSince: at(390) }, 400)).toBe("-");
  expect(verdict({ ...more, heardSince: at(390) }, 689)).toBe("-");
  expect(verdict({ ...more, heardSince: at(390) }, 690)).toBe(`failed ${code}`);
  // That others have been heard for longer than it was given anything takes nothing from its time.
  expect(verdict({ ...more, heardSince: at(-390) }, 290)).toBe("-");
});

test("whatever an agent says or does not say, past its deadline there is a verdict, and judging it again changes nothing", () => {
  const time = fc.integer({ min: -1_000, max: 1_000 }).map(at);
  const facts = fc.record({
    offerHash: fc.constantFrom("B", "C"),
    status: fc.constantFrom(...STATUSES),
    statusAt: time,
    offeredAt: fc.option(time),
    errorMessage: fc.constantFrom("", "bind: address already in use"),
    reachable: fc.boolean(),
    healthy: fc.option(fc.boolean()),
    healthStatus: fc.constantFrom(null, "", "stopped"),
    healthAt: fc.option(time),
  });
  const flights = fc.record({
    state: fc.constantFrom(...STATES),
    stateSince: time,
    assignedAt: time,
    unwellSince: fc.option(time),
    unwellTimes: fc.nat({ max: 3 }),
    heardSince: time,
    delivery: fc.option(facts),
  });
  fc.assert(
    fc.property(flights, fc.integer({ min: 0, max: 100_000 }).map(at), (more, now) => {
      let current = flight(more);
      let steps = 0;
      for (; steps < 10; steps += 1) {
        const found = judgeAgent(current, PLAN, now);
        if (found === null) {
          // A soak that began again late ends after it.
          const soaked = current.state === "soaking" ? current.stateSince + PLAN.soak_seconds * 1_000 : 0;
          expect(now).toBeLessThan(Math.max(deadlineOf(current, PLAN), soaked));
          return;
        }
        if (found.state === "failed" || found.state === "skipped") expect(found.reasonCode).not.toBeNull();
        if (!STATES.includes(found.state as (typeof STATES)[number])) return;
        current = {
          ...current,
          state: found.state as Flight["state"],
          stateSince: found.since,
          unwellSince: found.unwellSince,
          unwellTimes: found.unwellTimes,
        };
      }
      expect(steps).toBeLessThan(10);
    }),
    { numRuns: 3_000 },
  );
});
