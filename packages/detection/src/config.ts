import { hashText } from "./hash.ts";

export type Sensitivity = "low" | "medium" | "high";

/**
 * Of the rules: what was recorded under older ones is decided again by those. 2 judges growth that begins late, names
 * waits by their pace, and knows a surge of one failure. 3 judges how far a limit is by the pace of late.
 */
export const RULES_VERSIONS = [1, 2, 3] as const;
export type RulesVersion = (typeof RULES_VERSIONS)[number];

/**
 * Everything a decision depends on besides the events. Shares are per mille, so that the same numbers stand in
 * evidence, configuration and code.
 */
export interface DetectorConfig {
  readonly version: RulesVersion;
  readonly sensitivity: Sensitivity;
  /** Substrings of lines that this job prints by design (a poll, a known warning); such lines are not failures. */
  readonly benign: readonly string[];
  /** Equal failures, a second or more apart, without progress between them. */
  readonly failuresMin: number;
  /** A failure streak shorter than this is a burst, such as many ranks saying the same. */
  readonly streakMsMin: number;
  /** Above this share of lines with news the job is at work. */
  readonly progressShare: number;
  /** Below this share of records seen for the first time the output repeats itself. */
  readonly noveltyShare: number;
  /** Failures must be at least this share of what is printed. */
  readonly errorShare: number;
  /** A dependency that is not up yet may be waited for this long after a start. */
  readonly startupMs: number;
  /** Records per second at which repetition without failure is a spin rather than a poll. */
  readonly floodPerSecond: number;
  readonly floodMsMin: number;
  /** Silence that counts, when the job's own rhythm does not ask for more. */
  readonly quietMsMin: number;
  readonly quietFactor: number;
  readonly exitsMin: number;
  readonly exitsWindowMs: number;
  /** Growth over the floor after warm-up, per mille of it. */
  readonly growth: number;
  /** Programs fill caches and compile themselves first; growth with no limit in sight must outlast that. */
  readonly growthMsMin: number;
  /** Time to the limit below which growth is acted upon. */
  readonly limitEtaMs: number;
  readonly stepsMin: number;
  readonly cycleRoundsMin: number;
  readonly poll: readonly string[];
  /** A heartbeat or a sign of progress is promised at least this often. */
  readonly heartbeatMs: number | null;
  /** A regular expression; a line in which it is found is a sign of progress. */
  readonly progressPattern: string | null;
}

const MEDIUM: DetectorConfig = {
  version: 3,
  sensitivity: "medium",
  benign: [],
  failuresMin: 9,
  streakMsMin: 8_000,
  progressShare: 200,
  noveltyShare: 300,
  errorShare: 200,
  startupMs: 300_000,
  floodPerSecond: 20,
  floodMsMin: 10_000,
  quietMsMin: 60_000,
  quietFactor: 4,
  exitsMin: 5,
  exitsWindowMs: 600_000,
  growth: 1_500,
  growthMsMin: 300_000,
  limitEtaMs: 1_800_000,
  stepsMin: 4,
  cycleRoundsMin: 3,
  poll: ["sleep", "wait", "poll", "status", "check_status", "get_status", "await"],
  heartbeatMs: null,
  progressPattern: null,
};

/** Counts and durations grow or shrink with sensitivity; shares stay, since they say what a failure is. */
export function detectorConfig(overrides: Partial<DetectorConfig> = {}): DetectorConfig {
  const sensitivity = overrides.sensitivity ?? "medium";
  const permille = { low: 1_700, medium: 1_000, high: 700 }[sensitivity];
  const scaled = (value: number) => Math.ceil((value * permille) / 1_000);
  return {
    ...MEDIUM,
    failuresMin: scaled(MEDIUM.failuresMin),
    streakMsMin: scaled(MEDIUM.streakMsMin),
    floodMsMin: scaled(MEDIUM.floodMsMin),
    quietMsMin: scaled(MEDIUM.quietMsMin),
    growthMsMin: scaled(MEDIUM.growthMsMin),
    exitsMin: Math.max(3, scaled(MEDIUM.exitsMin)),
    stepsMin: Math.max(3, scaled(MEDIUM.stepsMin)),
    ...overrides,
    sensitivity,
  };
}

/** Names a configuration in evidence: equal for equal values, whatever the order they were given in. */
export function configHash(config: DetectorConfig): string {
  const entries = Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = JSON.stringify(entries);
  return [hashText(text, 1), hashText(text, 2)].map((part) => part.toString(16).padStart(8, "0")).join("");
}
