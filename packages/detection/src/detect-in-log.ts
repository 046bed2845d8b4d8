import type { DetectorConfig } from "./config.ts";
import { createDetector } from "./detector.ts";
import type { Category, Decision, DetectionEvent, Evidence } from "./events.ts";
import { createLogReader, HEAD_BYTES, LINES_PER_SECOND_ASSUMED } from "./saved-log.ts";

export interface LogVerdict {
  readonly detected: boolean;
  /** Of the first confirmed decision, else of what was suspected most. */
  readonly category: Category | null;
  readonly score: number;
  readonly atLine: number | null;
  /** Since the first line. */
  readonly atSeconds: number | null;
  readonly evidence: Evidence | null;
}

/** The detector at work on one saved log that comes in chunks. */
export interface LogDetection {
  /** False once the answer is known: the first confirmed decision is it, and nothing later changes that. */
  push(chunk: Uint8Array): boolean;
  finish(): LogVerdict;
}

/** Where the pace is only assumed, starting is so many lines rather than so many minutes. */
const UNTIMED_STARTUP_MS = 30_000;

/** What is different when a log is read afterwards. */
export function savedLogConfig(
  timed: boolean,
  overrides: Partial<DetectorConfig> = {},
): Partial<DetectorConfig> {
  return timed ? overrides : { startupMs: UNTIMED_STARTUP_MS, ...overrides };
}

/**
 * Logs without times of their own are reported at `linesPerSecond`. `head` is the beginning of the log, which is pushed as
 * well: as much as there is, up to `HEAD_BYTES`.
 */
export function createLogDetection(
  head: Uint8Array,
  overrides: Partial<DetectorConfig> = {},
  linesPerSecond = LINES_PER_SECOND_ASSUMED,
): LogDetection {
  const reader = createLogReader(head);
  const detector = createDetector(savedLogConfig(reader.timed, overrides));
  let state = detector.start();
  let best: Decision | null = null;
  let first: number | null = null;
  let latest = 0;
  const take = (event: DetectionEvent) => {
    const step = detector.step(state, event);
    state = step.state;
    for (const decision of step.decisions) best = better(best, decision);
  };
  const takeLines = (events: readonly DetectionEvent[]) => {
    for (const event of events) {
      if (isConfirmed(best)) return;
      first ??= event.at;
      latest = event.at;
      take(event);
    }
  };
  return {
    push(chunk) {
      takeLines(reader.push(chunk));
      return !isConfirmed(best);
    },
    finish() {
      takeLines(reader.end());
      if (!isConfirmed(best)) take({ kind: "end", at: latest });
      return verdictOf(best, (decision) => {
        const seconds = reader.timed
          ? (decision.at - (first ?? 0)) / 1000
          : (decision.line - 1) / linesPerSecond;
        return Math.round(seconds * 1000) / 1000;
      });
    },
  };
}

/** What the detector says of a whole saved log. */
export function detectInLog(
  bytes: Uint8Array,
  overrides: Partial<DetectorConfig> = {},
  linesPerSecond = LINES_PER_SECOND_ASSUMED,
): LogVerdict {
  const detection = createLogDetection(bytes.subarray(0, HEAD_BYTES), overrides, linesPerSecond);
  detection.push(bytes);
  return detection.finish();
}

function isConfirmed(decision: Decision | null): boolean {
  return decision?.kind === "confirmed";
}

function better(before: Decision | null, now: Decision): Decision | null {
  if (now.kind === "cleared" || before?.kind === "confirmed") return before;
  if (before === null || now.kind === "confirmed" || now.score > before.score) return now;
  return before;
}

function verdictOf(decision: Decision | null, secondsOf: (decision: Decision) => number): LogVerdict {
  if (decision === null)
    return { detected: false, category: null, score: 0, atLine: null, atSeconds: null, evidence: null };
  return {
    detected: decision.kind === "confirmed",
    category: decision.category,
    score: decision.score,
    atLine: decision.line,
    atSeconds: secondsOf(decision),
    evidence: decision.evidence,
  };
}
