import { addToClimbs, newClimbs, type Climbs } from "./climb.ts";
import type { DetectorConfig } from "./config.ts";
import type { FamilyReading } from "./events.ts";
import { ramp } from "./fixed.ts";
import type { Grown } from "./grown.ts";
import { climbFinding, dueOf, unlimitedLevel, UNLIMITED_FACTOR } from "./climb-finding.ts";
import { addSample, newFloors, trendOf, type Floors } from "./trend.ts";
import { gate, SUSPECT_AT, type Finding } from "./verdicts.ts";

/** Watches one quantity that should not grow for ever: memory, disk, children. */
export interface GrowthWatch {
  readonly floors: Floors;
  startedAt: number;
  startedLine: number;
  /** From configuration 2 on. */
  readonly climbs: Climbs;
  /** What was said of a climb holds until then, or until so little is left of it. */
  heldUntil: number;
  heldAbove: number;
}

/** Below this growth is noise, whatever its sign. */
const SIGNIFICANCE_MIN = 2_300;
const RECENT_SIGNIFICANCE_MIN = 1_000;
const SAMPLES_MIN = 24;
/** Where the limit is known, less of a history will do. */
const LIMITED_SHARE = 0.4;
const HELD_SHARE = 0.25;
/** What fills up and levels off grows less in the last quarter than in the two before it… */
const LATER_RISE_PERCENT_MIN = 60;
/** …and what was one step grows in one of them alone. */
const EARLIER_SHARE_PERCENT_MIN = 15;

export function newGrowthWatch(): GrowthWatch {
  return {
    floors: newFloors(),
    startedAt: -1,
    startedLine: 0,
    climbs: newClimbs(),
    heldUntil: -1,
    heldAbove: 0,
  };
}

/** Takes one measurement; a finding when there is enough to judge and something may have changed. */
export function watchGrowth(
  watch: GrowthWatch,
  config: DetectorConfig,
  hash: string,
  grown: Grown,
  at: number,
  line: number,
): Finding | null {
  const whole = watchWhole(watch, config, hash, grown, at, line);
  if (config.version < 2) return whole;
  const climb = addToClimbs(watch.climbs, at, grown.value);
  if (grown.value < watch.heldAbove) watch.heldUntil = -1;
  const late = climb === null ? null : climbFinding(climb, config, hash, grown, watch.startedLine, line);
  if (climb !== null && late !== null && late.score >= SUSPECT_AT) {
    // It is seen again with each span that closes; some may stand still.
    watch.heldUntil = at + Math.floor(climb.durationMs * HELD_SHARE);
    watch.heldAbove = climb.before + (climb.last - climb.before) / 2;
    if (whole === null || late.score > whole.score) return late;
  }
  const holds = at < watch.heldUntil && (whole === null || whole.score < SUSPECT_AT);
  return holds ? null : whole;
}

/** Growth over the run's whole life. */
function watchWhole(
  watch: GrowthWatch,
  config: DetectorConfig,
  hash: string,
  grown: Grown,
  at: number,
  line: number,
): Finding | null {
  if (watch.startedAt < 0) {
    watch.startedAt = at;
    watch.startedLine = line;
  }
  if (!addSample(watch.floors, at, grown.value) || watch.floors.samples < SAMPLES_MIN) return null;
  const trend = trendOf(watch.floors);
  if (trend === null) return null;
  const [first, second, third, last] = trend.quarters;
  const ratio = Math.round((last * 1000) / Math.max(1, first));
  const growing =
    trend.slope > 0 &&
    first < second &&
    second < third &&
    third < last &&
    trend.significance >= SIGNIFICANCE_MIN &&
    trend.recentSignificance >= RECENT_SIGNIFICANCE_MIN &&
    (config.version < 2 || isEven(third - first, last - third));
  // A log that speaks of memory does so for a reason, and goes on doing it; measurements are of any run.
  const patient = config.version >= 2 && grown.limit === null && grown.measured;
  const growthMin = patient ? unlimitedLevel(config) : config.growth;
  const lastingMin =
    grown.limit !== null
      ? Math.floor(config.growthMsMin * LIMITED_SHARE)
      : config.growthMsMin * (patient ? UNLIMITED_FACTOR : 1);
  const lasting = at - watch.startedAt >= lastingMin;
  const slope = config.version < 3 ? trend.slope : trend.recentSlope;
  const etaMs =
    grown.limit === null || trend.slope <= 0
      ? null
      : slope <= 0
        ? Number.MAX_SAFE_INTEGER
        : Math.max(0, Math.round(((grown.limit - last) * 1000) / slope));
  const dueMs =
    config.version < 2 ? config.limitEtaMs : Math.min(config.limitEtaMs, dueOf(at - watch.startedAt));
  const families: FamilyReading[] = [
    {
      family: grown.family,
      strength: growing ? ramp(trend.significance, 0, SIGNIFICANCE_MIN * 2) : 0,
      value: trend.significance,
      threshold: SIGNIFICANCE_MIN,
      unit: "‰ of a standard deviation (Mann–Kendall)",
    },
    {
      family: "level",
      strength: ramp(ratio, 1000, growthMin * 2 - 1000),
      value: ratio,
      threshold: growthMin,
      unit: `‰ of the ${grown.unit} after warm-up`,
    },
  ];
  if (etaMs !== null) {
    families.push({
      family: "volume",
      strength: 1000 - ramp(etaMs, 0, dueMs * 2),
      value: etaMs,
      threshold: dueMs,
      unit: "ms to the limit",
    });
  }
  const [trending = 0, level = 0] = families.map((f) => f.strength);
  const near = etaMs === null ? level : 1000 - ramp(etaMs, 0, dueMs * 2);
  const score = growing ? Math.floor((30 * trending + 35 * level + 35 * near) / 1000) + 15 : 0;
  return {
    category: "runaway",
    score: Math.min(100, gate(score, families)),
    established: growing && lasting && level >= 500 && near >= 500,
    evidence: () => ({
      families,
      signature: {
        text: grown.text,
        lastText: grown.text,
        count: watch.floors.samples,
        periodMs: watch.floors.widthMs,
      },
      lines: { from: watch.startedLine, to: line },
      since: { line: watch.startedLine, at: watch.startedAt },
      lastProgress: null,
      suppressions: [],
      configHash: hash,
    }),
  };
}

/** Whether growth from the first quarter to the third and from there to the last is of one kind. */
function isEven(earlier: number, later: number): boolean {
  return (
    later * 200 >= earlier * LATER_RISE_PERCENT_MIN &&
    earlier * 100 >= (earlier + later) * EARLIER_SHARE_PERCENT_MIN
  );
}
