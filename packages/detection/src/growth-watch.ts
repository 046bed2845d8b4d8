import type { DetectorConfig } from "./config.ts";
import type { Family, FamilyReading } from "./events.ts";
import { ramp } from "./fixed.ts";
import { addSample, newFloors, trendOf, type Floors } from "./trend.ts";
import { gate, type Finding } from "./verdicts.ts";

/** Watches one quantity that should not grow for ever: memory, disk, children. */
export interface GrowthWatch {
  readonly floors: Floors;
  startedAt: number;
  startedLine: number;
}

/** Below this growth is noise, whatever its sign. */
const SIGNIFICANCE_MIN = 2_300;
const RECENT_SIGNIFICANCE_MIN = 1_000;
const SAMPLES_MIN = 24;
/** Where the limit is known, less of a history will do. */
const LIMITED_SHARE = 0.4;

export function newGrowthWatch(): GrowthWatch {
  return { floors: newFloors(), startedAt: -1, startedLine: 0 };
}

export interface Grown {
  readonly family: Extract<Family, "memory" | "disk" | "children">;
  readonly value: number;
  readonly limit: number | null;
  readonly unit: string;
  readonly text: string;
}

/** Takes one measurement; a finding when a bucket closes and there is enough to judge. */
export function watchGrowth(
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
    trend.recentSignificance >= RECENT_SIGNIFICANCE_MIN;
  const lastingMin =
    grown.limit === null ? config.growthMsMin : Math.floor(config.growthMsMin * LIMITED_SHARE);
  const lasting = at - watch.startedAt >= lastingMin;
  const etaMs =
    grown.limit === null || trend.slope <= 0
      ? null
      : Math.max(0, Math.round(((grown.limit - last) * 1000) / trend.slope));
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
      strength: ramp(ratio, 1000, config.growth * 2 - 1000),
      value: ratio,
      threshold: config.growth,
      unit: `‰ of the ${grown.unit} after warm-up`,
    },
  ];
  if (etaMs !== null) {
    families.push({
      family: "volume",
      strength: 1000 - ramp(etaMs, 0, config.limitEtaMs * 2),
      value: etaMs,
      threshold: config.limitEtaMs,
      unit: "ms to the limit",
    });
  }
  const [trending = 0, level = 0] = families.map((f) => f.strength);
  const near = etaMs === null ? level : 1000 - ramp(etaMs, 0, config.limitEtaMs * 2);
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
