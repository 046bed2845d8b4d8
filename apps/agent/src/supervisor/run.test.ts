import { expect, test } from "vitest";
import * as fc from "fast-check";
import { KILL_VERIFY_MS, LEFTOVER_GRACE_MS_MAX, runWakeAt, START_MS_MAX, startRun, stepRun } from "./run.ts";
import type { RunEffect, RunInput, RunState, StopOrder } from "./run.ts";

const order: StopOrder = { mode: "stop", graceMs: 1000, reason: "enough", actor: "ada" };
const exited = (code: number, signal: NodeJS.Signals | null = null): RunInput => ({
  kind: "exited",
  exit: { code, signal },
  at: 50,
});
const census = (alive: number): RunInput => ({ kind: "census", alive, detail: "pid 7 (state D)" });
const launched: RunInput = { kind: "launched", startedAt: 10 };
const stop: RunInput = { kind: "stop", order };
const tick: RunInput = { kind: "tick" };
const drained: RunInput = { kind: "drained", problem: null };

/** Runs a script of `[now, input]` and tells each step as "state: effects". */
function trace(script: [number, RunInput][], maxRuntimeMs: number | null = null): string[] {
  let state: RunState = startRun({ graceMs: 2000, maxRuntimeMs }, 0);
  return script.map(([now, input]) => {
    const next = stepRun(state, input, now);
    state = next.state;
    return `${tellState(state)}: ${next.effects.map(tellEffect).join(", ")}`;
  });
}

function tellState(state: RunState): string {
  return state.kind === "stopping" ? `stopping(${state.phase} until ${state.wait.deadline})` : state.kind;
}

function tellEffect(effect: RunEffect): string {
  switch (effect.kind) {
    case "signal":
      return effect.signal;
    case "report_ended": {
      const { state, exitCode, signal, reason } = effect.outcome;
      return `end ${state} ${exitCode} ${signal} "${reason}"`;
    }
    case "report_stopping":
      return `stopping by ${effect.actor}: ${effect.reason}`;
    case "report_running":
      return "running";
    case "count":
    case "drain":
      return effect.kind;
  }
}

test("a run that ends by itself", () => {
  expect(
    trace([
      [10, launched],
      [50, exited(0)],
      [51, census(0)],
      [52, drained],
    ]),
  ).toEqual(["running: running", "running: count", "draining: drain", 'ended: end SUCCEEDED 0 null "null"']);
});

test("a run ended by a signal that nobody here sent has failed", () => {
  expect(
    trace([
      [10, launched],
      [50, exited(139, "SIGSEGV")],
      [51, census(0)],
      [52, drained],
    ]).at(-1),
  ).toBe('ended: end FAILED 139 SIGSEGV "ended by SIGSEGV"');
});

test("stop: SIGTERM, grace, SIGKILL until nobody is left", () => {
  expect(
    trace([
      [10, launched],
      [100, stop],
      [150, census(2)],
      [1099, tick],
      [1100, tick],
      [1150, census(1)],
      [1160, exited(137, "SIGKILL")],
      [1170, census(0)],
      [1200, drained],
    ]),
  ).toEqual([
    "running: running",
    "stopping(terminating until 1100): stopping by ada: enough, SIGTERM, count",
    "stopping(terminating until 1100): ",
    "stopping(terminating until 1100): ",
    `stopping(killing until ${1100 + KILL_VERIFY_MS}): SIGKILL, count`,
    `stopping(killing until ${1100 + KILL_VERIFY_MS}): SIGKILL`,
    `stopping(killing until ${1100 + KILL_VERIFY_MS}): count`,
    "draining: drain",
    'ended: end STOPPED 137 SIGKILL "enough"',
  ]);
});

test("what survives SIGKILL makes it FAILED_STOP, with names", () => {
  const verified = 100 + KILL_VERIFY_MS;
  const kill: RunInput = { kind: "stop", order: { ...order, mode: "kill" } };
  expect(
    trace([
      [10, launched],
      [100, kill],
      [verified, tick],
      [verified + 1, census(1)],
      [verified + 2, drained],
    ]),
  ).toEqual([
    "running: running",
    `stopping(killing until ${verified}): stopping by ada: enough, SIGKILL, count`,
    `stopping(killing until ${verified}): count`,
    "draining: drain",
    'ended: end FAILED_STOP null null "1 process(es) survived SIGKILL: pid 7 (state D)"',
  ]);
});

test("a stop that comes before the start is carried out right after it; a kill on top makes it faster", () => {
  const kill: RunInput = { kind: "stop", order: { ...order, mode: "kill", actor: "bob" } };
  expect(
    trace([
      [5, stop],
      [6, kill],
      [10, launched],
    ]).at(-1),
  ).toBe(`stopping(killing until ${10 + KILL_VERIFY_MS}): running, stopping by ada: enough, SIGKILL, count`);
  expect(
    trace([
      [10, launched],
      [20, stop],
      [30, kill],
    ]).at(-1),
  ).toBe(`stopping(killing until ${30 + KILL_VERIFY_MS}): SIGKILL, count`);
});

test("others left behind are ended, and the main process's exit counts", () => {
  expect(
    trace([
      [10, launched],
      [50, exited(4)],
      [60, census(2)],
      [70, census(0)],
      [80, drained],
    ]),
  ).toEqual([
    "running: running",
    "running: count",
    `stopping(terminating until ${60 + Math.min(2000, LEFTOVER_GRACE_MS_MAX)}): stopping by agent: its main process ended and left 2 other(s) behind, SIGTERM, count`,
    "draining: drain",
    'ended: end FAILED 4 null "null"',
  ]);
});

test("a time limit counts from the start", () => {
  const script: [number, RunInput][] = [
    [10, launched],
    [309, tick],
    [310, tick],
    [320, exited(143, "SIGTERM")],
    [330, census(0)],
    [340, drained],
  ];
  expect(trace(script, 300).slice(1)).toEqual([
    "running: ",
    "stopping(terminating until 2310): stopping by agent: it ran longer than 300 ms, SIGTERM, count",
    "stopping(terminating until 2310): count",
    "draining: drain",
    'ended: end TIMED_OUT 143 SIGTERM "it ran longer than 300 ms"',
  ]);
});

test("what cannot start, what never says that it has, and what is lost", () => {
  expect(
    trace([
      [1, { kind: "launch_failed", exitCode: 127, reason: "no such file" }],
      [2, drained],
    ]).at(-1),
  ).toBe('ended: end FAILED 127 null "no such file"');
  expect(
    trace([
      [START_MS_MAX, tick],
      [START_MS_MAX + 1, drained],
    ]).at(-1),
  ).toMatch(/^ended: end FAILED null null "the process did not start/);
  expect(
    trace([
      [10, launched],
      [20, { kind: "exited", exit: "unknown", at: 20 }],
      [21, census(0)],
      [22, drained],
    ]).at(-1),
  ).toMatch(/^ended: end LOST/);
});

const inputs = fc.oneof(
  fc.constantFrom(launched, stop, tick, drained, exited(0), exited(9), census(0), census(3)),
  fc.constant<RunInput>({ kind: "exited", exit: "unknown", at: 1 }),
  fc.constant<RunInput>({ kind: "lost", reason: "gone" }),
  fc.constant<RunInput>({ kind: "launch_failed", exitCode: 126, reason: "no" }),
);

test("whatever happens in whatever order: one end at most, nothing after it, every wait has a deadline, and data survives JSON", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40_000), inputs), { maxLength: 30 }), (script) => {
      let state: RunState = startRun({ graceMs: 500, maxRuntimeMs: 5000 }, 0);
      let now = 0;
      let ends = 0;
      for (const [ms, input] of script) {
        now += ms;
        const wasEnded = state.kind === "ended";
        const { state: next, effects } = stepRun(JSON.parse(JSON.stringify(state)) as RunState, input, now);
        expect(stepRun(state, input, now)).toEqual({ state: next, effects });
        ends += effects.filter((effect) => effect.kind === "report_ended").length;
        if (wasEnded) expect(effects).toEqual([]);
        if (next.kind === "starting" || next.kind === "stopping" || next.kind === "draining")
          expect(Number.isFinite(runWakeAt(next))).toBe(true);
        state = next;
      }
      expect(ends).toBe(state.kind === "ended" ? 1 : 0);
    }),
  );
});
