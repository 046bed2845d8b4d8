import type { DetectorConfig } from "./config.ts";
import type { FamilyReading } from "./events.ts";
import { ramp } from "./fixed.ts";
import { PACE_WINDOW_MS, type OutputWatch } from "./output-state.ts";
import { progressReading, repetitionReading } from "./readings.ts";
import { readableText } from "./signatures.ts";
import { gate, type Finding } from "./verdicts.ts";

const FLOOD_FACTOR = 10;
const PEAK_FACTOR = 2;
const PACE_RECORDS_MIN = 50;
const PACE_MS_MIN = 30_000;
const RUNAWAY_BYTES_PER_SECOND = 1_000_000;
/** Looking at every line would cost more than it tells. */
const LOOK_EVERY = 16;

/** Repetition without any failure: only a pace far above the job's own makes it more than a poll. */
export function floodFinding(
  watch: OutputWatch,
  config: DetectorConfig,
  hash: string,
  bytes: Uint8Array,
  at: number,
  line: number,
): Finding | null {
  const lastsMs = at - watch.epochAt;
  if (lastsMs < config.floodMsMin || watch.records < PACE_RECORDS_MIN) return null;
  if (watch.records % LOOK_EVERY !== 0) return null;
  if (watch.successes * 4 >= watch.records) return null;
  const perSecond = Math.floor((watch.records * 1000) / lastsMs);
  const beforeMs = watch.epochAt - watch.startedAt;
  // What is a flood for this job only its own pace can tell.
  if (beforeMs < PACE_MS_MIN || watch.recordsBefore < PACE_RECORDS_MIN) return null;
  const pace = Math.ceil((FLOOD_FACTOR * watch.recordsBefore * 1000) / beforeMs);
  const peak = Math.ceil((PEAK_FACTOR * watch.peakBefore * 1000) / PACE_WINDOW_MS);
  const threshold = Math.max(config.floodPerSecond, pace, peak);
  const bytesPerSecond = Math.floor((watch.bytes * 1000) / lastsMs);
  const families: FamilyReading[] = [
    repetitionReading(watch, config),
    progressReading(watch, config),
    {
      family: "activity",
      strength: ramp(perSecond, 0, threshold * 2),
      value: perSecond,
      threshold,
      unit: "records/s",
    },
  ];
  const [repetition = 0, noProgress = 0, activity = 0] = families.map((f) => f.strength);
  const score = Math.floor((35 * repetition + 25 * noProgress + 40 * Math.min(1000, activity * 2)) / 1000);
  if (activity < 500) return null;
  return {
    category: bytesPerSecond >= RUNAWAY_BYTES_PER_SECOND ? "runaway" : "loop",
    score: gate(score, families),
    established: repetition >= 500 && noProgress >= 500,
    evidence: () => ({
      families,
      signature: {
        text: readableText(bytes),
        lastText: readableText(bytes),
        count: watch.records,
        periodMs: Math.floor(lastsMs / watch.records),
      },
      lines: { from: watch.epochLine, to: line },
      since: { line: watch.epochLine, at: watch.epochAt },
      lastProgress: watch.lastProgress === null ? null : { ...watch.lastProgress },
      suppressions: [],
      configHash: hash,
    }),
  };
}
