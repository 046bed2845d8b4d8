import { expect, test } from "vitest";
import type { Incident, Run, RunEvent } from "@flowplane/contract";
import { marksOf, spansOf } from "./marks.ts";

const iso = (seconds: number) => new Date(seconds * 1_000).toISOString();
const run = (part: Partial<Run>) =>
  ({
    state: "STOPPED",
    created_at: iso(0),
    started_at: iso(2),
    ended_at: iso(60),
    frozen_since: null,
    stop: null,
    ...part,
  }) as Run;
const event = (seconds: number, frozen: boolean) =>
  ({ type: "run.frozen", at: iso(seconds), payload: { frozen } }) as unknown as RunEvent;
const words = (spans: ReturnType<typeof spansOf>) =>
  spans.map(({ from, to, word }) => `${word} ${from / 1_000}-${to / 1_000}`);

test("a run from its queue to its end", () => {
  const stop = {
    mode: "stop",
    actor: { type: "user", id: "u", name: "Ada" },
    reason: "x",
    requested_at: iso(50),
  } as const;
  expect(words(spansOf(run({ stop }), [], 0))).toEqual(["Queued 0-2", "Running 2-50", "Stopping 50-60"]);
});

test("a run that never started, and one that goes on", () => {
  expect(words(spansOf(run({ state: "QUEUED", started_at: null, ended_at: null }), [], 9_000))).toEqual([
    "Queued 0-9",
  ]);
  expect(words(spansOf(run({ state: "RUNNING", ended_at: null }), [], 9_000))).toEqual([
    "Queued 0-2",
    "Running 2-9",
  ]);
});

test("times it stood still lie over the rest, the last one open", () => {
  const spans = spansOf(
    run({ frozen_since: iso(40) }),
    [event(10, true), event(20, false), event(40, true)],
    0,
  );
  expect(words(spans)).toEqual(["Queued 0-2", "Running 2-60", "Frozen 10-20", "Frozen 40-60"]);
});

test("what was seen and done is in order, telling left out", () => {
  const incident = {
    id: "i",
    opened_at: iso(30),
    category: "loop",
    severity: "critical",
    title: "again",
    interventions: [
      { action: "notify", outcome: "done", why: "", at: iso(30) },
      { action: "stop", outcome: "withheld", why: "shadow", at: iso(31) },
    ],
  } as unknown as Incident;
  const decision = {
    at: iso(10),
    line: 0,
    kind: "suspected",
    category: "retry_storm",
    score: 62,
    action: null,
    outcome: null,
    recorded: true,
    replayed: true,
  };
  expect(marksOf(run({}), [incident], [decision]).map(({ kind, text, line }) => [kind, text, line])).toEqual([
    ["decision", "retry storm suspected, score 62", undefined],
    ["incident", "Loop: again", undefined],
    ["intervention", "Stop, withheld: shadow", undefined],
  ]);
});
