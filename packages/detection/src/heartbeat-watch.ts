import type { DetectorConfig } from "./config.ts";
import type { FamilyReading } from "./events.ts";
import { ramp } from "./fixed.ts";
import { CONFIRM_AT, type Finding } from "./verdicts.ts";

/**
 * Holds a run to what it promised: a heartbeat, or another sign of progress, at least so often. A broken promise is a fact and
 * needs no second witness.
 */
export interface HeartbeatWatch {
  lastAt: number;
  lastLine: number;
  lastWhat: string;
  count: number;
}

/** Starting takes longer than going on: the first sign may be this many times later. */
const FIRST_FACTOR = 3;

export function newHeartbeatWatch(): HeartbeatWatch {
  return { lastAt: -1, lastLine: 0, lastWhat: "start", count: 0 };
}

export function beat(watch: HeartbeatWatch, what: string, at: number, line: number): void {
  watch.lastAt = at;
  watch.lastLine = line;
  watch.lastWhat = what;
  if (what !== "start") watch.count += 1;
}

/** A finding where something was promised and is late, or is there again. */
export function watchHeartbeat(
  watch: HeartbeatWatch,
  config: DetectorConfig,
  hash: string,
  at: number,
  line: number,
): Finding | null {
  if (config.heartbeatMs === null || watch.lastAt < 0) return null;
  const threshold = watch.count === 0 ? config.heartbeatMs * FIRST_FACTOR : config.heartbeatMs;
  const silentMs = at - watch.lastAt;
  const missed = silentMs > threshold;
  const families: FamilyReading[] = [
    {
      family: "heartbeat",
      strength: ramp(silentMs, 0, threshold * 2),
      value: silentMs,
      threshold,
      unit: "ms without the promised sign of life",
    },
  ];
  const { lastAt, lastLine, lastWhat, count } = watch;
  return {
    category: "stall",
    score: missed ? Math.min(100, CONFIRM_AT + Math.floor((silentMs - threshold) / (threshold / 25))) : 0,
    established: missed,
    evidence: () => ({
      families,
      signature: null,
      lines: { from: lastLine, to: line },
      since: { line: lastLine, at: lastAt },
      lastProgress: count === 0 ? null : { what: lastWhat, line: lastLine, at: lastAt },
      suppressions: [],
      configHash: hash,
    }),
  };
}
