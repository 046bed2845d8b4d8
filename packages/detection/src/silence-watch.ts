import type { DetectorConfig } from "./config.ts";
import type { FamilyReading, SampleEvent, Suppression } from "./events.ts";
import { ramp } from "./fixed.ts";
import { gate, type Finding } from "./verdicts.ts";

/**
 * Watches for silence. How long a job may be silent is learnt from its own gaps between signs of progress; that it is
 * stuck, not thinking, needs a second witness: neither CPU nor disk is used. Silence alone is never more than suspect.
 */
export interface SilenceWatch {
  lastSignAt: number;
  lastSignLine: number;
  lastSign: string;
  /** Gaps between signs of progress, four classes for each power of two of milliseconds. */
  readonly gaps: Uint32Array;
  gapCount: number;
  lastSample: { at: number; cpuMs: number; ioBytes: number; children: number } | null;
  idleSince: number;
}

const GAP_CLASSES = 128;
const GAPS_MIN = 5;
const BURST_MS = 100;
const CPU_IDLE_PERMILLE = 10;
const IDLE_IO_BYTES_PER_SECOND = 64;
/** With no rhythm learnt yet, silence must last this much longer. */
const UNKNOWN_FACTOR = 10;

export function newSilenceWatch(): SilenceWatch {
  return {
    lastSignAt: -1,
    lastSignLine: 0,
    lastSign: "start",
    gaps: new Uint32Array(GAP_CLASSES),
    gapCount: 0,
    lastSample: null,
    idleSince: -1,
  };
}

/** A line, a heartbeat, a start: something happened. */
export function sign(watch: SilenceWatch, what: string, at: number, line: number): void {
  if (watch.lastSignAt >= 0) {
    const gap = at - watch.lastSignAt;
    if (gap >= BURST_MS) {
      const index = gapClass(gap);
      watch.gaps[index] = (watch.gaps[index] as number) + 1;
      watch.gapCount += 1;
    }
  }
  watch.lastSignAt = at;
  watch.lastSignLine = line;
  watch.lastSign = what;
}

function gapClass(gap: number): number {
  const power = 31 - Math.clz32(Math.min(gap, 0x7fffffff));
  const quarter = power < 2 ? 0 : (gap >> (power - 2)) & 3;
  return Math.min(GAP_CLASSES - 1, power * 4 + quarter);
}

/** Upper edge of the class that holds the gap 99 of 100 do not exceed. */
function longGap(watch: SilenceWatch): number {
  const rank = Math.ceil(watch.gapCount * 0.99);
  let sum = 0;
  for (let index = 0; index < GAP_CLASSES; index += 1) {
    sum += watch.gaps[index] as number;
    if (sum >= rank) return 2 ** (index >> 2) * (1 + ((index & 3) + 1) / 4);
  }
  return 0;
}

/** After a pause silence begins anew; while it lasts, nobody listens. */
export function thaw(watch: SilenceWatch, at: number, line: number): void {
  watch.lastSignAt = at;
  watch.lastSignLine = line;
  watch.idleSince = -1;
  watch.lastSample = null;
}

export function watchSilence(
  watch: SilenceWatch,
  config: DetectorConfig,
  hash: string,
  sample: SampleEvent | null,
  at: number,
  line: number,
): Finding | null {
  if (watch.lastSignAt < 0) sign(watch, "start", at, line);
  if (sample !== null) noteActivity(watch, sample);
  const silentMs = at - watch.lastSignAt;
  const known = watch.gapCount >= GAPS_MIN;
  const threshold = Math.round(
    known
      ? Math.max(config.quietMsMin, config.quietFactor * longGap(watch))
      : config.quietMsMin * UNKNOWN_FACTOR,
  );
  if (silentMs < threshold / 2) return null;
  const idleMs = watch.idleSince < 0 ? 0 : at - Math.max(watch.idleSince, watch.lastSignAt);
  const families: FamilyReading[] = [
    {
      family: "quiet",
      strength: ramp(silentMs, 0, threshold * 2),
      value: silentMs,
      threshold,
      unit: "ms without a sign",
    },
    {
      family: "activity",
      strength: ramp(idleMs, 0, Math.floor(threshold * 1.5)),
      value: idleMs,
      threshold: Math.floor(threshold * 0.75),
      unit: "ms without CPU, disk or new processes",
    },
  ];
  const [quiet = 0, idle = 0] = families.map((f) => f.strength);
  const suppressions: Suppression[] = [];
  if (!known) suppressions.push({ name: "no rhythm known yet", count: watch.gapCount });
  const score = Math.floor((Math.min(1000, quiet * 2) * 50 + Math.min(1000, idle * 2) * 50) / 1000);
  return {
    category: "stall",
    score: known ? gate(score, families) : Math.min(70, gate(score, families)),
    established: known && silentMs >= threshold && idle >= 500,
    evidence: () => ({
      families,
      signature: null,
      lines: { from: watch.lastSignLine, to: line },
      since: { line: watch.lastSignLine, at: watch.lastSignAt },
      lastProgress: { what: watch.lastSign, line: watch.lastSignLine, at: watch.lastSignAt },
      suppressions,
      configHash: hash,
    }),
  };
}

function noteActivity(watch: SilenceWatch, sample: SampleEvent): void {
  const now = {
    at: sample.at,
    cpuMs: sample.cpuMs ?? 0,
    ioBytes: sample.ioBytes ?? 0,
    children: sample.children ?? 0,
  };
  const before = watch.lastSample;
  watch.lastSample = now;
  if (before === null || sample.cpuMs === undefined) return;
  const elapsedMs = Math.max(1, now.at - before.at);
  const busy =
    (now.cpuMs - before.cpuMs) * 1000 >= elapsedMs * CPU_IDLE_PERMILLE ||
    (now.ioBytes - before.ioBytes) * 1000 >= elapsedMs * IDLE_IO_BYTES_PER_SECOND ||
    now.children !== before.children;
  if (busy) watch.idleSince = -1;
  else if (watch.idleSince < 0) watch.idleSince = before.at;
}
