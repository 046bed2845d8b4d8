// What the control plane is told of a run's states.

import { TEXT_CHARS_MAX } from "@flowplane/link";
import type { EventPayload } from "@flowplane/link";
import type { NewEvent } from "../spool/events.ts";
import type { NextStart } from "../spool/next-starts.ts";
import type { ActiveRun } from "./active-run.ts";
import type { Outcome, RunEffect, Wait } from "./run.ts";
import { tellTime } from "./supervision.ts";
import type { SupervisorOptions } from "./supervision.ts";

const NO_LOG = { stdoutBytes: 0, stderrBytes: 0, redactions: 0 };

type Times = Pick<SupervisorOptions, "clock" | "steady" | "redactors">;

/** A wait as it travels. */
export function tellWait(
  times: Pick<Times, "clock" | "steady">,
  wait: Wait,
): EventPayload<"run.starting">["waiting"] {
  return {
    waits_for: wait.waitsFor,
    since: tellTime(times, wait.since),
    deadline: tellTime(times, wait.deadline),
  };
}

/** The event of an effect; null for one that is acted upon. `next` is the attempt that follows an end. */
export function tellEffect(
  times: Times,
  run: ActiveRun,
  effect: RunEffect,
  next: NextStart | null,
): NewEvent | null {
  const at = times.clock();
  switch (effect.kind) {
    case "report_running": {
      const pid = run.process?.job.pid;
      if (pid === undefined) return null;
      const payload = {
        pid,
        started_at: tellTime(times, effect.startedAt),
        enforced: run.containment?.enforced ?? [],
        ...(run.spec.traceparent === undefined ? {} : { traceparent: run.spec.traceparent }),
      };
      return { type: "run.running", runId: run.id, at, payload };
    }
    case "report_stopping": {
      const waiting = tellWait(times, effect.wait);
      // What it does by itself belongs to the trace it was started in.
      const traceparent = effect.traceparent ?? run.spec.traceparent;
      const payload = {
        reason: effect.reason,
        actor: effect.actor,
        waiting,
        ...(traceparent === undefined ? {} : { traceparent }),
      };
      return { type: "run.stopping", runId: run.id, at, payload };
    }
    case "report_ended":
      return { type: "run.ended", runId: run.id, at, payload: tellEnd(times, run, effect.outcome, next) };
    case "signal":
    case "count":
    case "drain":
      return null;
  }
}

function tellEnd(
  times: Times,
  run: ActiveRun,
  outcome: Outcome,
  next: NextStart | null,
): EventPayload<"run.ended"> {
  const { lastSeq, lastSegment } = run.log;
  const { stdoutBytes, stderrBytes, redactions } = run.logTotals ?? NO_LOG;
  return {
    state: outcome.state,
    exit_code: outcome.exitCode,
    signal: outcome.signal,
    ended_at: tellTime(times, outcome.endedAt),
    // It may quote an argument, or what the wrapper said.
    reason:
      outcome.reason === null
        ? null
        : times.redactors.of(run.spec).redactText(outcome.reason).slice(0, TEXT_CHARS_MAX),
    log: {
      stdout_bytes: stdoutBytes,
      stderr_bytes: stderrBytes,
      lines: lastSeq,
      last_seq: lastSeq,
      last_segment: lastSegment,
      redactions,
    },
    usage: {
      cpu_ms: Math.round(run.usage.cpuMs),
      ...(run.usage.memoryPeakBytes > 0 ? { memory_peak_bytes: run.usage.memoryPeakBytes } : {}),
      oom_kills: run.usage.oomKills,
    },
    ...(next === null ? {} : { retry: { attempt: next.spec.attempt ?? 1, at: tellTime(times, next.dueAt) } }),
  };
}
