import type { Run } from "@flowplane/contract";

export interface Rates {
  /** Of one core; null while it is not known. */
  readonly cpuShare: number | null;
  readonly outputBytesPerSecond: number | null;
}

const UNKNOWN: Rates = { cpuShare: null, outputBytesPerSecond: null };

/**
 * What a run used per second between two looks at it, the second at `atMs`. Use of the CPU is measured by the agent, so that its
 * own times count; where there is no second measurement yet, the whole of the run's life is taken.
 */
export function ratesBetween(before: { run: Run; atMs: number } | null, run: Run, atMs = 0): Rates {
  const { usage } = run;
  if (before === null) return { ...UNKNOWN, cpuShare: shareSince(run.started_at, 0, usage) };
  const elapsedMs = atMs - before.atMs;
  const isSameMeasurement = before.run.usage?.at === usage?.at;
  return {
    cpuShare: isSameMeasurement
      ? shareSince(run.started_at, 0, usage)
      : shareSince(before.run.usage?.at ?? run.started_at, before.run.usage?.cpu_ms ?? 0, usage),
    outputBytesPerSecond:
      elapsedMs <= 0 ? null : (Math.max(0, run.log.bytes - before.run.log.bytes) * 1_000) / elapsedMs,
  };
}

function shareSince(since: string | null, cpuMsBefore: number, usage: Run["usage"]): number | null {
  if (usage === null || since === null) return null;
  const elapsedMs = Date.parse(usage.at) - Date.parse(since);
  return elapsedMs <= 0 ? null : Math.max(0, usage.cpu_ms - cpuMsBefore) / elapsedMs;
}
