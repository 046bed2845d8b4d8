import type { Climb } from "./climb.ts";
import type { DetectorConfig } from "./config.ts";
import type { FamilyReading } from "./events.ts";
import { ramp } from "./fixed.ts";
import type { Grown } from "./grown.ts";
import { gate, type Finding } from "./verdicts.ts";

/** Above everything the run ever held, per mille, where the limit decides. */
const LEVEL_LIMITED = 1_100;
/** Without a limit nothing is urgent: it has to outlast what fills a cache. */
export const UNLIMITED_FACTOR = 6;

/**
 * A limit is due when what is left of the way lasts half as long as what was climbed: what levels off before its limit has
 * done so by then.
 */
export function dueOf(climbedMs: number): number {
  return Math.floor(climbedMs / 2);
}

/** Where nothing else decides: three times as much as before, as the settings are. */
export function unlimitedLevel(config: DetectorConfig): number {
  return config.growth * 4 - 3000;
}

/**
 * What a late climb says. Towards a limit it is left alone until that is due; without one it has to go on for long, and far
 * above the highest level there was.
 */
export function climbFinding(
  climb: Climb,
  config: DetectorConfig,
  hash: string,
  { family, limit, unit, text }: Grown,
  startedLine: number,
  line: number,
): Finding {
  const { before, last, peak, rising, durationMs } = climb;
  // What fills up comes to its limit later than its whole climb says, or never; what gathers pace comes sooner.
  const slope = config.version < 3 ? climb.slope : climb.lateSlope;
  const ratio = Math.round((last * 1000) / Math.max(1, before));
  const levelMin = limit === null ? unlimitedLevel(config) : LEVEL_LIMITED;
  const families: FamilyReading[] = [
    {
      family,
      strength: rising,
      value: rising,
      threshold: 500,
      unit: "‰ of the climb's parts higher than the one before",
    },
    {
      family: "level",
      strength: ramp(ratio, 1000, levelMin * 2 - 1000),
      value: ratio,
      threshold: levelMin,
      unit: `‰ of the most ${unit} before`,
    },
  ];
  const [trending = 0, level = 0] = families.map(({ strength }) => strength);
  let near = level;
  let lasting = durationMs >= config.growthMsMin * UNLIMITED_FACTOR;
  if (limit !== null) {
    const etaMs = Math.max(0, Math.round(((limit - peak) * 1000) / slope));
    const dueMs = dueOf(durationMs);
    near = 1000 - ramp(etaMs, 0, dueMs * 2);
    lasting = true;
    families.push({
      family: "volume",
      strength: near,
      value: etaMs,
      threshold: dueMs,
      unit: "ms to the limit",
    });
  }
  const established = lasting && level >= 500 && near >= 500;
  const score = Math.floor((30 * trending + 35 * level + 35 * near) / 1000) + 15;
  return {
    category: "runaway",
    score: Math.min(100, gate(score, families)),
    established,
    evidence: () => ({
      families,
      signature: { text, lastText: text, count: 1, periodMs: durationMs },
      lines: { from: startedLine, to: line },
      since: { line: startedLine, at: climb.from },
      lastProgress: null,
      suppressions: [],
      configHash: hash,
    }),
  };
}
