import type { DetectorConfig } from "./config.ts";
import type { Category, FamilyReading } from "./events.ts";
import { categoryOf } from "./failure-finding.ts";
import { ramp } from "./fixed.ts";
import { PACE_WINDOW_MS, type OutputWatch } from "./output-state.ts";
import { progressReading, repetitionReading } from "./readings.ts";
import { readableText } from "./signatures.ts";
import { bytesOf, type Span } from "./span.ts";
import { surgeOf } from "./surge.ts";
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
  span: Readonly<Span>,
  at: number,
  line: number,
): Finding | null {
  const { surge } = watch;
  const surges = config.version >= 2 && surge.since > watch.epochAt;
  const since = surges ? surge.since : watch.epochAt;
  const lastsMs = at - since;
  if (lastsMs < config.floodMsMin || watch.records < PACE_RECORDS_MIN) return null;
  if (watch.records % LOOK_EVERY !== 0) return null;
  if (watch.successes * 4 >= watch.records) return null;
  const perSecond = Math.floor(((surges ? surge.lines : watch.records) * 1000) / lastsMs);
  const beforeMs = watch.epochAt - watch.startedAt;
  // What is a flood for this job only its own pace can tell.
  if (!surges && (beforeMs < PACE_MS_MIN || watch.recordsBefore < PACE_RECORDS_MIN)) return null;
  const pace = Math.ceil((FLOOD_FACTOR * watch.recordsBefore * 1000) / beforeMs);
  const peak = Math.ceil((PEAK_FACTOR * watch.peakBefore * 1000) / PACE_WINDOW_MS);
  const threshold = surges ? surgeOf(surge, config) / 10 : Math.max(config.floodPerSecond, pace, peak);
  const sinceLine = surges ? surge.sinceLine : watch.epochLine;
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
  const text = readableText(bytesOf(span));
  return {
    category: bytesPerSecond >= RUNAWAY_BYTES_PER_SECOND ? "runaway" : nameOf(watch, config),
    score: gate(score, families),
    established: repetition >= 500 && noProgress >= 500,
    evidence: () => ({
      families,
      signature: {
        text,
        lastText: text,
        count: watch.records,
        periodMs: Math.floor(lastsMs / watch.records),
      },
      lines: { from: sinceLine, to: line },
      since: { line: sinceLine, at: since },
      lastProgress: watch.lastProgress === null ? null : { ...watch.lastProgress },
      suppressions: [],
      configHash: hash,
    }),
  };
}

/** A flood that is mostly one failure, or mostly attempts, is named as that is. */
function nameOf(watch: OutputWatch, config: DetectorConfig): Category {
  if (config.version < 2) return "loop";
  const commonest =
    watch.commonestCount * 4 >= watch.records ? watch.signatures.get(watch.commonest) : undefined;
  if (commonest !== undefined) return categoryOf(watch, config, commonest);
  return watch.retries * 4 >= watch.records ? "retry_storm" : "loop";
}
