import type { DetectorConfig } from "./config.ts";
import type { FamilyReading } from "./events.ts";
import { ramp } from "./fixed.ts";
import { gate, type Finding } from "./verdicts.ts";

/** Watches how a run that is restarted ends: the same way again and again means that restarting does not help. */
export interface ExitWatch {
  readonly exits: Exit[];
  startedAt: number;
}

interface Exit {
  readonly at: number;
  readonly line: number;
  readonly how: string;
  readonly signature: number;
  readonly text: string;
  readonly uptimeMs: number;
}

const EXITS_KEPT = 32;
/** A run that lived this long did its work; what ended it is another matter. */
const UPTIME_LONG_MS = 600_000;
const DAY_MS = 86_400_000;
const EXITS_PER_DAY_FACTOR = 4;

export function newExitWatch(): ExitWatch {
  return { exits: [], startedAt: -1 };
}

export interface Ended {
  readonly at: number;
  readonly line: number;
  readonly code: number | null;
  readonly signal: string | null;
  /** The failure printed last, 0 for none. */
  readonly signature: number;
  readonly text: string;
  /** Null: since `startedAt`. */
  readonly uptimeMs: number | null;
}

/** A run that ended well, or lived long, ends the row of failures. */
export function endsRow(ended: Ended): boolean {
  return ended.code === 0 || (ended.uptimeMs ?? 0) >= UPTIME_LONG_MS;
}

export function watchExit(
  watch: ExitWatch,
  config: DetectorConfig,
  hash: string,
  ended: Ended,
): Finding | null {
  if (ended.code === 0) {
    watch.exits.length = 0;
    return null;
  }
  const exit: Exit = {
    at: ended.at,
    line: ended.line,
    how: ended.signal ?? `exit code ${ended.code ?? "unknown"}`,
    signature: ended.signature,
    text: ended.text,
    uptimeMs: ended.uptimeMs ?? (watch.startedAt < 0 ? 0 : ended.at - watch.startedAt),
  };
  watch.exits.push(exit);
  if (watch.exits.length > EXITS_KEPT) watch.exits.shift();
  const alike = watch.exits.filter(
    (before) =>
      before.how === exit.how && before.signature === exit.signature && before.uptimeMs < UPTIME_LONG_MS,
  );
  const inWindow = alike.filter((before) => exit.at - before.at <= config.exitsWindowMs);
  const inDay = alike.filter((before) => exit.at - before.at <= DAY_MS);
  const perDay = config.exitsMin * EXITS_PER_DAY_FACTOR;
  const fast = inWindow.length * perDay >= inDay.length * config.exitsMin;
  const [counted, threshold] = fast ? [inWindow, config.exitsMin] : [inDay, perDay];
  const [first] = counted;
  if (first === undefined || counted.length < 2) return null;
  const longest = Math.max(...counted.map((before) => before.uptimeMs));
  const families: FamilyReading[] = [
    {
      family: "exits",
      strength: ramp(counted.length, 0, threshold * 2),
      value: counted.length,
      threshold,
      unit: fast ? "exits alike in the window" : "exits alike in a day",
    },
    {
      family: ended.signature === 0 ? "no_progress" : "error",
      strength: ended.signature === 0 ? 1000 - ramp(longest, 0, UPTIME_LONG_MS) : 1000,
      value: ended.signature === 0 ? longest : counted.length,
      threshold: ended.signature === 0 ? UPTIME_LONG_MS / 2 : 1,
      unit: ended.signature === 0 ? "ms of uptime at most" : "exits after the same failure",
    },
  ];
  const established = counted.length >= threshold;
  const score = established
    ? Math.min(100, 76 + 4 * (counted.length - threshold))
    : Math.floor((70 * counted.length) / threshold);
  return {
    category: "retry_storm",
    score: gate(score, families),
    established,
    evidence: () => ({
      families,
      signature: {
        text: exit.text === "" ? exit.how : exit.text,
        lastText: exit.how,
        count: counted.length,
        periodMs: Math.round((exit.at - first.at) / Math.max(1, counted.length - 1)),
      },
      lines: { from: first.line, to: exit.line },
      since: { line: first.line, at: first.at },
      lastProgress: null,
      suppressions: [],
      configHash: hash,
    }),
  };
}
