import { parseEvent, TEXT_CHARS_MAX, type LinkEvent, type ParsedEvent } from "@flowplane/link";
import { capitalized, endWords, type Run, type RunState } from "@flowplane/contract";
import { START_DEADLINE_MS, STOP_MARGIN_MS, WAIT_MS_MAX } from "./limits.ts";
import { storableJson, storableText } from "./sanitize.ts";
import { standingOf, transition, type RunInput, type RunStanding } from "./transitions.ts";

/** What a report is judged by: the run as it stands. */
export interface ReportedRun extends RunStanding {
  readonly created_at: Date;
  readonly state_since: Date;
  readonly started_at: Date | null;
  readonly pid: number | null;
  readonly grace_ms: number;
  readonly log_stored_seq: number;
}

/** Columns a report changes. */
export interface RunPatch {
  state?: RunState;
  state_since?: Date;
  waiting_for?: string | null;
  deadline?: Date | null;
  pid?: number | null;
  /** What the kernel enforces of the limits, as the agent tells. */
  enforced?: string[];
  exit_code?: number | null;
  signal?: string | null;
  reason?: string | null;
  started_at?: Date | null;
  ended_at?: Date | null;
  log_last_seq?: number | null;
  retry_at?: Date | null;
  frozen_since?: Date | null;
  evidence_last?: number | null;
  incidents_open?: number;
  incidents_total?: number;
  intervention?: NonNullable<Run["intervention"]>;
  holder?: string | null;
}

export interface TimelineEntry {
  readonly type: string;
  readonly title: string;
  readonly reason: string | null;
  readonly payload: Record<string, unknown>;
  readonly at: Date;
}

export interface Judgement {
  readonly patch: RunPatch;
  readonly entry: TimelineEntry;
  /** The run lives although somebody wanted it stopped: the agent has to be told, perhaps once more. */
  readonly mustStop: boolean;
}

type StateReport = Extract<
  ParsedEvent,
  { type: "run.starting" | "run.running" | "run.stopping" | "run.ended" }
>;

/**
 * What one report of an agent means for a run. Pure. It never fails: a report that is unknown, malformed, late or
 * impossible becomes an entry of the timeline, so that nothing an agent says can hold up what it says next.
 */
export function judgeReport(run: ReportedRun, event: LinkEvent, now: number): Judgement {
  const at = plausible(event.at, run.created_at.getTime(), now);
  const parsed = parseEvent(event);
  if (!parsed.ok) return noted(`Report not understood: ${event.type}`, parsed.issue, event, at);
  const report = parsed.value;
  switch (report.type) {
    case "run.note":
      return {
        ...note(report.payload.title, report.payload.reason, report.payload.payload, at),
        // The agent says that no further attempt follows after all.
        patch: report.payload.payload["retry"] === null ? { retry_at: null } : {},
      };
    case "intent.refused":
      // A start that is refused will never end by itself.
      if (report.payload.intent_type === "run.start" && run.state === "QUEUED")
        return refusedStart(run, report, at);
      // It said before that it runs the process; a stop that overtook its start is another matter.
      if (report.payload.intent_type === "run.stop" && run.state === "STOPPING" && run.started_at !== null)
        return forgotten(run, report, at, now);
      return note(`The agent refused the order ${report.payload.intent_type}`, report.payload.reason, {}, at);
    case "run.starting":
    case "run.running":
    case "run.stopping":
    case "run.ended":
      return judgeState(run, report, at, now);
    case "run.frozen":
      return frozen(run, report, at);
    case "run.created":
    case "incident.opened":
    case "incident.intervention":
    case "incident.closed":
    case "guard.changed":
      return noted(`Report not understood: ${event.type}`, "this version does not take it", event, at);
  }
}

function judgeState(run: ReportedRun, report: StateReport, at: Date, now: number): Judgement {
  const input = INPUT_OF[report.type];
  const step = transition(run, input, report.type === "run.ended" ? report.payload.state : undefined);
  switch (step.kind) {
    case "refuse":
    case "stale":
      return noted(`Late report, nothing changed: ${report.type}`, `The run ${endWordsOf(run)}.`, report, at);
    case "stay":
    case "move": {
      const state = step.kind === "move" ? step.to : run.state;
      const revivedFrom = standingOf(run) === "PRESUMED" ? run.state : null;
      const isLife = report.type === "run.starting" || report.type === "run.running";
      return {
        patch: {
          ...(revivedFrom === null ? {} : { reason: null, ended_at: null }),
          ...stateOf(run, state, at),
          ...(revivedFrom !== null && state === "STOPPING" ? stopWait(run.grace_ms, now) : {}),
          ...facts(run, report, state, at, now),
        },
        entry: entryOf(report, at, revivedFrom),
        // An agent that starts a run after it was asked to stop it may have refused that: it did not know the run yet.
        // And of a run thought to be over it was not asked at all, or too long ago.
        mustStop: run.stop !== null && (report.type === "run.starting" || (isLife && revivedFrom !== null)),
      };
    }
  }
}

const INPUT_OF = {
  "run.starting": "starting",
  "run.running": "running",
  "run.stopping": "stopping",
  "run.ended": "ended",
} as const satisfies Record<StateReport["type"], RunInput>;

/** What a stop waits for until the agent says that it is at it. */
export function stopWait(graceMs: number, now: number): { waiting_for: string; deadline: Date } {
  return {
    waiting_for: "the agent to carry out the stop",
    deadline: new Date(now + graceMs + STOP_MARGIN_MS),
  };
}

function stateOf(run: ReportedRun, state: RunState, at: Date): RunPatch {
  if (state === run.state) return {};
  // Time in a state is counted from when the device says it began, but never runs backwards.
  return { state, state_since: later(at, run.state_since) };
}

/** What the report says beside the state. `state` is the one the run has after it. */
function facts(run: ReportedRun, report: StateReport, state: RunState, at: Date, now: number): RunPatch {
  switch (report.type) {
    case "run.starting":
      if (state !== "STARTING") return {};
      return {
        waiting_for: "the process to start",
        deadline: deadline(report.payload.waiting, report.at, now, START_DEADLINE_MS),
      };
    case "run.running":
      return {
        pid: int32(report.payload.pid),
        ...(report.payload.enforced === undefined
          ? {}
          : { enforced: report.payload.enforced.map((name) => storableText(name, TEXT_CHARS_MAX)) }),
        started_at: plausible(report.payload.started_at, run.created_at.getTime(), now),
        ...(state === "RUNNING" ? { waiting_for: null, deadline: null } : {}),
      };
    case "run.stopping":
      return {
        waiting_for: "every process of the run to end",
        deadline: deadline(report.payload.waiting, report.at, now, run.grace_ms + STOP_MARGIN_MS),
      };
    case "run.ended": {
      const { exit_code, signal, ended_at, reason, log } = report.payload;
      const started = run.started_at ?? run.created_at;
      return {
        exit_code,
        signal: signal === null ? null : storableText(signal, TEXT_CHARS_MAX),
        reason: reason === null ? null : storableText(reason, TEXT_CHARS_MAX),
        ended_at: plausible(ended_at, started.getTime(), now),
        state_since: later(at, run.state_since),
        waiting_for: null,
        deadline: null,
        log_last_seq: Math.max(log.last_seq, run.log_stored_seq),
        retry_at: retryTime(report.payload.retry, report.at, now),
        frozen_since: null,
        ...(report.payload.last_evidence === undefined
          ? {}
          : { evidence_last: int32(report.payload.last_evidence) }),
      };
    }
  }
}

/** When the next attempt is to follow, by our clock: the agent's own wait, added to now. */
function retryTime(retry: { at: string } | undefined, reportedAt: string, now: number): Date | null {
  if (retry === undefined) return null;
  const waitMs = Date.parse(retry.at) - Date.parse(reportedAt);
  return new Date(now + Math.min(Math.max(waitMs, 0), WAIT_MS_MAX));
}

/** Paused, or going on. Which runs can be paused is the agent's to know; one that has ended is not. */
function frozen(run: ReportedRun, report: Extract<ParsedEvent, { type: "run.frozen" }>, at: Date): Judgement {
  const { frozen: isFrozen, reason, actor } = report.payload;
  const title = `${isFrozen ? "Paused" : "Goes on"}${actor === "" ? "" : ` · ${actor}`}`;
  const judgement = note(title, reason, { actor, frozen: isFrozen }, at);
  if (standingOf(run) === "ENDED") return judgement;
  return {
    ...judgement,
    patch: { frozen_since: isFrozen ? at : null },
    entry: { ...judgement.entry, type: isFrozen ? "run.frozen" : "run.resumed" },
  };
}

function entryOf(report: StateReport, at: Date, revivedFrom: RunState | null): TimelineEntry {
  const entry = plainEntry(report);
  const title = revivedFrom === null ? entry.title : `Heard of again · ${entry.title}`;
  const corrected =
    revivedFrom === null ? null : `It was presumed ${revivedFrom}; the agent's own report corrects that.`;
  const reason = [entry.reason, corrected].filter((part) => part !== null).join(" · ");
  return {
    type: report.type,
    title: storableText(title, TEXT_CHARS_MAX),
    reason: reason === "" ? null : storableText(reason, TEXT_CHARS_MAX),
    payload: storableJson(report.payload),
    at,
  };
}

function plainEntry(report: StateReport): { title: string; reason: string | null } {
  switch (report.type) {
    case "run.starting":
      return { title: "Starting", reason: null };
    case "run.running":
      return { title: `Running as process ${report.payload.pid}`, reason: null };
    case "run.stopping":
      return { title: "Stopping", reason: report.payload.reason };
    case "run.ended":
      return { title: capitalized(endWords(report.payload)), reason: report.payload.reason };
  }
}

function refusedStart(
  run: ReportedRun,
  report: Extract<ParsedEvent, { type: "intent.refused" }>,
  at: Date,
): Judgement {
  const reason = storableText(report.payload.reason, TEXT_CHARS_MAX);
  return {
    patch: {
      ...stateOf(run, "FAILED", at),
      reason,
      ended_at: at,
      waiting_for: null,
      deadline: null,
      log_last_seq: 0,
    },
    entry: { type: "run.ended", title: "The agent refused to start it", reason, payload: {}, at },
    mustStop: false,
  };
}

function forgotten(
  run: ReportedRun,
  report: Extract<ParsedEvent, { type: "intent.refused" }>,
  at: Date,
  now: number,
): Judgement {
  const step = transition(run, "agent_gone");
  const told = storableText(report.payload.reason, TEXT_CHARS_MAX / 2);
  const reason = `The agent no longer knows it: ${told}. Look for process ${run.pid ?? "of the run"} on its host.`;
  return {
    patch: {
      ...stateOf(run, step.kind === "move" ? step.to : run.state, at),
      reason,
      ended_at: new Date(now),
      waiting_for: null,
      deadline: null,
    },
    entry: { type: "run.presumed_ended", title: "Presumed LOST", reason, payload: {}, at },
    mustStop: false,
  };
}

function noted(title: string, reason: string, event: LinkEvent | ParsedEvent, at: Date): Judgement {
  return note(title, reason, { type: event.type, payload: event.payload }, at);
}

function note(title: string, reason: string | null, payload: Record<string, unknown>, at: Date): Judgement {
  return {
    patch: {},
    entry: {
      type: "run.note",
      title: storableText(title, TEXT_CHARS_MAX),
      reason: reason === null ? null : storableText(reason, TEXT_CHARS_MAX),
      payload: storableJson(payload),
      at,
    },
    mustStop: false,
  };
}

function endWordsOf(run: ReportedRun): string {
  return endWords({ state: run.state, exit_code: null, signal: null });
}

/** An agent's clock may be wrong: a time is moved between when the run was made and now. */
export function plausible(time: string, earliest: number, now: number): Date {
  return new Date(Math.min(Math.max(Date.parse(time), earliest), Math.max(earliest, now)));
}

function later(a: Date, b: Date): Date {
  return a.getTime() >= b.getTime() ? a : b;
}

/** The agent's own deadline, as a length of time so that its clock does not matter, or ours. */
function deadline(
  waiting: { deadline: string } | undefined,
  reportedAt: string,
  now: number,
  otherwiseMs: number,
): Date {
  if (waiting === undefined) return new Date(now + otherwiseMs);
  const lengthMs = Date.parse(waiting.deadline) - Date.parse(reportedAt);
  return new Date(now + Math.min(Math.max(lengthMs, 0), WAIT_MS_MAX) + STOP_MARGIN_MS);
}

const INT32_MAX = 2 ** 31 - 1;

function int32(value: number): number | null {
  return value <= INT32_MAX ? value : null;
}
