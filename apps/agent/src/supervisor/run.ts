// One run as a pure machine: what happened goes in, what to do comes out. It knows neither processes nor files nor
// clocks, and its state is plain data, so the spool keeps it and a restarted agent goes on from it.
//
//   starting ──► running ──► stopping ──► draining ──► ended
//      └────────────┴───────────────────────▲
//
// `stopping` is also where a run goes whose main process ended by itself and left others behind.

import type { EndState } from "@flowplane/link";
import type { ExitStatus } from "./exit-status.ts";

/** A wrapper has this long to start the job. */
export const START_MS_MAX = 30_000;
/** After SIGKILL, processes have this long to be gone. Longer means uninterruptible sleep: nothing can be done from here. */
export const KILL_VERIFY_MS = 5_000;
/** What is left of the log after the end has this long to be read from the run's own files. */
export const DRAIN_MS_MAX = 10 * 60_000;
/** Processes left behind by a main process that ended by itself get at most this grace. */
export const LEFTOVER_GRACE_MS_MAX = 10_000;

/** What a waiting state waits for, since when and until when (ms since epoch). */
export type Wait = { waitsFor: string; since: number; deadline: number };

/** Why a run is being ended. `order` came from a person or a program, `timeout` from `max_runtime_ms`, `limit` from a sample. */
export type StopCause =
  | { kind: "order"; reason: string; actor: string; traceparent?: string | undefined }
  | { kind: "timeout"; limitMs: number }
  | { kind: "limit"; reason: string }
  | { kind: "leftovers"; count: number };

export type StopOrder = {
  mode: "stop" | "kill";
  graceMs: number;
  reason: string;
  actor: string;
  /** W3C trace context of the request that asks for it. */
  traceparent?: string | undefined;
};

/** How the main process ended: known, or gone without a trace of its status (its wrapper was killed). */
export type Exit = ExitStatus | "unknown";

export type Outcome = {
  state: EndState;
  exitCode: number | null;
  signal: string | null;
  reason: string | null;
  endedAt: number;
};

export type RunLimits = { graceMs: number; maxRuntimeMs: number | null };

export type RunState =
  | { kind: "starting"; limits: RunLimits; wait: Wait; stop: StopOrder | null }
  | {
      kind: "running";
      limits: RunLimits;
      timeoutAt: number | null;
      exit: Exit | null;
      exitedAt: number | null;
    }
  | {
      kind: "stopping";
      cause: StopCause;
      phase: "terminating" | "killing";
      wait: Wait;
      exit: Exit | null;
      exitedAt: number | null;
    }
  | { kind: "draining"; outcome: Outcome; wait: Wait }
  | { kind: "ended"; outcome: Outcome };

export type RunInput =
  | { kind: "launched"; startedAt: number }
  | { kind: "launch_failed"; exitCode: number | null; reason: string }
  | { kind: "lost"; reason: string }
  | { kind: "stop"; order: StopOrder }
  /** It uses more than it may, and the kernel does not enforce that here; `reason` says of what and how much. */
  | { kind: "over_limit"; reason: string; graceMs: number }
  | { kind: "exited"; exit: Exit; at: number }
  /** All processes of the run that are alive now, the main one included; `detail` names them for people. */
  | { kind: "census"; alive: number; detail: string }
  | { kind: "drained"; problem: string | null }
  | { kind: "tick" };

export type RunEffect =
  | { kind: "signal"; signal: "SIGTERM" | "SIGKILL" }
  /** Count the processes of the run and answer with `census`; again and again while the state is `stopping`. */
  | { kind: "count" }
  | { kind: "drain" }
  | { kind: "report_running"; startedAt: number }
  | { kind: "report_stopping"; reason: string; actor: string; traceparent?: string | undefined; wait: Wait }
  | { kind: "report_ended"; outcome: Outcome };

type Step = { state: RunState; effects: RunEffect[] };

export function startRun(limits: RunLimits, now: number): RunState {
  return {
    kind: "starting",
    limits,
    wait: { waitsFor: "the process to start", since: now, deadline: now + START_MS_MAX },
    stop: null,
  };
}

/** A run whose order to stop is carried out before the one to start it: it ends STOPPED and is never launched. */
export function stopBeforeStart(order: StopOrder, now: number): Step {
  return drain(stopOutcome({ kind: "order", ...order }, "unknown", now), now);
}

export function stepRun(state: RunState, input: RunInput, now: number): Step {
  switch (state.kind) {
    case "starting":
      return stepStarting(state, input, now);
    case "running":
      return stepRunning(state, input, now);
    case "stopping":
      return stepStopping(state, input, now);
    case "draining":
      return stepDraining(state, input, now);
    case "ended":
      return { state, effects: [] };
  }
}

/** When the next `tick` is due, in ms since epoch; Infinity when only something happening can move the run. */
export function runWakeAt(state: RunState): number {
  switch (state.kind) {
    case "starting":
    case "stopping":
    case "draining":
      return state.wait.deadline;
    case "running":
      return state.timeoutAt ?? Infinity;
    case "ended":
      return Infinity;
  }
}

function stepStarting(state: RunState & { kind: "starting" }, input: RunInput, now: number): Step {
  switch (input.kind) {
    case "launched": {
      const { maxRuntimeMs } = state.limits;
      const timeoutAt = maxRuntimeMs === null ? null : input.startedAt + maxRuntimeMs;
      const running: RunState = {
        kind: "running",
        limits: state.limits,
        timeoutAt,
        exit: null,
        exitedAt: null,
      };
      const report: RunEffect = { kind: "report_running", startedAt: input.startedAt };
      if (!state.stop) return { state: running, effects: [report] };
      const stopping = stopByOrder(state.stop, null, null, now);
      return { state: stopping.state, effects: [report, ...stopping.effects] };
    }
    case "launch_failed":
      return drain(
        { state: "FAILED", exitCode: input.exitCode, signal: null, reason: input.reason, endedAt: now },
        now,
      );
    case "lost":
      return drain(lostOutcome(input.reason, now), now);
    case "stop":
      return { state: { ...state, stop: strongest(state.stop, input.order) }, effects: [] };
    case "tick": {
      if (now < state.wait.deadline) return { state, effects: [] };
      const reason = `the process did not start within ${START_MS_MAX / 1000} s`;
      return drain({ state: "FAILED", exitCode: null, signal: null, reason, endedAt: now }, now);
    }
    case "exited":
    case "census":
    case "drained":
    case "over_limit":
      return { state, effects: [] };
  }
}

function stepRunning(state: RunState & { kind: "running" }, input: RunInput, now: number): Step {
  switch (input.kind) {
    case "exited":
      return { state: { ...state, exit: input.exit, exitedAt: input.at }, effects: [{ kind: "count" }] };
    case "census": {
      if (state.exit === null) return { state, effects: [] };
      const exitedAt = state.exitedAt ?? now;
      if (input.alive === 0) return drain(exitOutcome(state.exit, exitedAt), now);
      const graceMs = Math.min(state.limits.graceMs, LEFTOVER_GRACE_MS_MAX);
      return stop({ kind: "leftovers", count: input.alive }, graceMs, state.exit, exitedAt, now);
    }
    case "stop":
      return stopByOrder(input.order, state.exit, state.exitedAt, now);
    case "over_limit":
      return stop(
        { kind: "limit", reason: input.reason },
        Math.min(input.graceMs, state.limits.graceMs),
        state.exit,
        state.exitedAt,
        now,
      );
    case "lost":
      return drain(lostOutcome(input.reason, now), now);
    case "tick": {
      if (state.timeoutAt === null || now < state.timeoutAt) return { state, effects: [] };
      const limitMs = state.limits.maxRuntimeMs ?? 0;
      return stop({ kind: "timeout", limitMs }, state.limits.graceMs, state.exit, state.exitedAt, now);
    }
    case "launched":
    case "launch_failed":
    case "drained":
      return { state, effects: [] };
  }
}

function stepStopping(state: RunState & { kind: "stopping" }, input: RunInput, now: number): Step {
  switch (input.kind) {
    case "exited":
      return { state: { ...state, exit: input.exit, exitedAt: input.at }, effects: [{ kind: "count" }] };
    case "census": {
      if (input.alive === 0) {
        // The last process may be gone a moment before its status is on disk; "exited" follows, from the file or as unknown.
        if (state.exit === null) return { state, effects: [] };
        return drain(stopOutcome(state.cause, state.exit, state.exitedAt ?? now), now);
      }
      if (state.phase === "terminating") return { state, effects: [] };
      if (now < state.wait.deadline) return { state, effects: [{ kind: "signal", signal: "SIGKILL" }] };
      const exit = state.exit === null || state.exit === "unknown" ? null : state.exit;
      const reason = `${input.alive} process(es) survived SIGKILL: ${input.detail}`;
      const outcome: Outcome = {
        state: "FAILED_STOP",
        exitCode: exit?.code ?? null,
        signal: exit?.signal ?? null,
        reason,
        endedAt: now,
      };
      return drain(outcome, now);
    }
    case "stop":
      // Who asked first stays on record; asking for a kill only makes it faster.
      if (input.order.mode === "kill" && state.phase === "terminating") return kill(state, now);
      return { state, effects: [] };
    case "lost":
      return drain(lostOutcome(input.reason, now), now);
    case "tick":
      if (now < state.wait.deadline) return { state, effects: [] };
      return state.phase === "terminating" ? kill(state, now) : { state, effects: [{ kind: "count" }] };
    case "launched":
    case "launch_failed":
    case "drained":
    case "over_limit":
      return { state, effects: [] };
  }
}

function stepDraining(state: RunState & { kind: "draining" }, input: RunInput, now: number): Step {
  const end = (problem: string | null): Step => {
    const reason = [state.outcome.reason, problem].filter((part) => part !== null).join("; ");
    const outcome = { ...state.outcome, reason: reason === "" ? null : reason };
    return { state: { kind: "ended", outcome }, effects: [{ kind: "report_ended", outcome }] };
  };
  if (input.kind === "drained") return end(input.problem);
  if (input.kind === "tick" && now >= state.wait.deadline)
    return end("the rest of its log could not be read in time");
  return { state, effects: [] };
}

function stopByOrder(order: StopOrder, exit: Exit | null, exitedAt: number | null, now: number): Step {
  const { reason, actor, traceparent } = order;
  const cause: StopCause = {
    kind: "order",
    reason,
    actor,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
  return stop(cause, order.mode === "kill" ? 0 : order.graceMs, exit, exitedAt, now);
}

/** A grace of 0 goes straight to SIGKILL. */
function stop(
  cause: StopCause,
  graceMs: number,
  exit: Exit | null,
  exitedAt: number | null,
  now: number,
): Step {
  const phase = graceMs > 0 ? "terminating" : "killing";
  const wait: Wait = {
    waitsFor:
      phase === "terminating"
        ? "its processes to end after SIGTERM"
        : "its processes to be gone after SIGKILL",
    since: now,
    deadline: now + (phase === "terminating" ? graceMs : KILL_VERIFY_MS),
  };
  return {
    state: { kind: "stopping", cause, phase, wait, exit, exitedAt },
    effects: [
      { kind: "report_stopping", ...tellCause(cause), wait },
      { kind: "signal", signal: phase === "terminating" ? "SIGTERM" : "SIGKILL" },
      { kind: "count" },
    ],
  };
}

function kill(state: RunState & { kind: "stopping" }, now: number): Step {
  const wait: Wait = {
    waitsFor: "its processes to be gone after SIGKILL",
    since: now,
    deadline: now + KILL_VERIFY_MS,
  };
  return {
    state: { ...state, phase: "killing", wait },
    effects: [{ kind: "signal", signal: "SIGKILL" }, { kind: "count" }],
  };
}

function drain(outcome: Outcome, now: number): Step {
  const wait: Wait = { waitsFor: "the rest of its log", since: now, deadline: now + DRAIN_MS_MAX };
  return { state: { kind: "draining", outcome, wait }, effects: [{ kind: "drain" }] };
}

function tellCause(cause: StopCause): { reason: string; actor: string; traceparent?: string | undefined } {
  switch (cause.kind) {
    case "order":
      return {
        reason: cause.reason,
        actor: cause.actor,
        ...(cause.traceparent === undefined ? {} : { traceparent: cause.traceparent }),
      };
    case "timeout":
      return { reason: `it ran longer than ${cause.limitMs} ms`, actor: "agent" };
    case "limit":
      return { reason: cause.reason, actor: "agent" };
    case "leftovers":
      return { reason: `its main process ended and left ${cause.count} other(s) behind`, actor: "agent" };
  }
}

function exitOutcome(exit: Exit, endedAt: number): Outcome {
  if (exit === "unknown") return lostOutcome("the wrapper that keeps its exit status was killed", endedAt);
  const state = exit.code === 0 ? "SUCCEEDED" : "FAILED";
  const reason = exit.why ?? (exit.signal === null ? null : `ended by ${exit.signal}`);
  return { state, exitCode: exit.code, signal: exit.signal, reason, endedAt };
}

function stopOutcome(cause: StopCause, exit: Exit, endedAt: number): Outcome {
  const known =
    exit === "unknown" ? { exitCode: null, signal: null } : { exitCode: exit.code, signal: exit.signal };
  switch (cause.kind) {
    case "order":
      return { state: "STOPPED", ...known, reason: cause.reason === "" ? null : cause.reason, endedAt };
    case "timeout":
      return { state: "TIMED_OUT", ...known, reason: tellCause(cause).reason, endedAt };
    case "limit":
      return { state: "FAILED", ...known, reason: cause.reason, endedAt };
    case "leftovers":
      return exitOutcome(exit, endedAt);
  }
}

function lostOutcome(reason: string, now: number): Outcome {
  return { state: "LOST", exitCode: null, signal: null, reason, endedAt: now };
}

function strongest(first: StopOrder | null, second: StopOrder): StopOrder {
  if (!first) return second;
  return second.mode === "kill" ? { ...first, mode: "kill" } : first;
}
