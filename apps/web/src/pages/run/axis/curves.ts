/** What was measured of a run, as curves: counters become rates, and a gap in time stays a gap. */
import type { RunSample } from "@flowplane/contract";

export const CURVES = ["cpu", "memory", "output", "io", "processes"] as const;
export type CurveName = (typeof CURVES)[number];
type Values = readonly (number | null)[];

export interface Curves {
  /** Seconds since the epoch, ascending. */
  readonly at: readonly number[];
  /** Cores in use. */
  readonly cpu: Values;
  readonly memory: Values;
  readonly memoryLimit: Values;
  /** Bytes a second. */
  readonly output: Values;
  readonly read: Values;
  readonly write: Values;
  readonly processes: Values;
}

/** Samples further apart than this many intervals have a hole between them. */
const GAP_INTERVALS = 2.5;

export function curvesOf(samples: readonly RunSample[], everyMs: number): Curves {
  const rows: Row[] = [];
  let before: RunSample | undefined;
  for (const sample of samples) {
    const at = Date.parse(sample.at);
    const since = before === undefined ? 0 : at - Date.parse(before.at);
    if (before !== undefined && since > everyMs * GAP_INTERVALS) {
      rows.push(hole(at - since + everyMs));
      before = undefined;
    }
    rows.push(rowOf(sample, before, at, since));
    before = sample;
  }
  const column = (key: keyof Row) => rows.map((row) => row[key]);
  return {
    at: rows.map(({ at }) => at),
    cpu: column("cpu"),
    memory: column("memory"),
    memoryLimit: column("memoryLimit"),
    output: column("output"),
    read: column("read"),
    write: column("write"),
    processes: column("processes"),
  };
}

interface Row {
  readonly at: number;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly memoryLimit: number | null;
  readonly output: number | null;
  readonly read: number | null;
  readonly write: number | null;
  readonly processes: number | null;
}

function rowOf(sample: RunSample, before: RunSample | undefined, at: number, since: number): Row {
  const rate = (key: "cpu_ms" | "read_bytes" | "write_bytes" | "log_bytes", scale: number) => {
    const [now, then] = [sample[key], before?.[key]];
    // A counter that went back was begun anew; what happened in between is not known.
    if (now === null || then === null || then === undefined || since <= 0 || now < then) return null;
    return ((now - then) / since) * scale;
  };
  return {
    at: at / 1_000,
    cpu: rate("cpu_ms", 1),
    memory: sample.memory_bytes,
    memoryLimit: sample.memory_limit_bytes,
    output: rate("log_bytes", 1_000),
    read: rate("read_bytes", 1_000),
    write: rate("write_bytes", 1_000),
    processes: sample.processes,
  };
}

function hole(at: number): Row {
  return {
    at: at / 1_000,
    cpu: null,
    memory: null,
    memoryLimit: null,
    output: null,
    read: null,
    write: null,
    processes: null,
  };
}

/** The last known value before the end and the largest one, for words beside a curve. */
export function extremes(values: Values): { last: number | null; most: number | null } {
  const known = values.filter((value) => value !== null);
  return {
    last: known.at(-1) ?? null,
    most: known.length === 0 ? null : known.reduce((a, b) => Math.max(a, b)),
  };
}

/** Index of the point nearest to a moment (s); -1 when there is none. */
export function nearest(at: readonly number[], moment: number): number {
  let best = -1;
  for (const [index, time] of at.entries()) {
    if (best === -1 || Math.abs(time - moment) < Math.abs((at[best] ?? 0) - moment)) best = index;
  }
  return best;
}

/** At most `max` indices, evenly spread, first and last among them: what a table shows of a curve. */
export function spread(count: number, max: number): number[] {
  if (count <= max) return Array.from({ length: count }, (_, index) => index);
  return Array.from({ length: max }, (_, index) => Math.round((index * (count - 1)) / (max - 1)));
}
