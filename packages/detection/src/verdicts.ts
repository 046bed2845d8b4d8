import type { Category, Decision, Evidence, FamilyReading, Source } from "./events.ts";

/** What one tick says of one category; the phases below turn it into decisions. */
export interface Finding {
  readonly category: Category;
  readonly score: number;
  /** Counts and durations suffice; a score alone never confirms. */
  readonly established: boolean;
  /** The surge it speaks of: it holds as long as that does. */
  readonly surge?: number;
  /** Put together only for a decision, since most findings change nothing. */
  readonly evidence: () => Evidence;
}

export type Phase = "none" | "suspected" | "confirmed";
export interface Verdict {
  phase: Phase;
  category: Category;
  /** When it last changed. */
  at: number;
}
export type Verdicts = Record<Source, Verdict>;

export const SUSPECT_AT = 60;
export const CONFIRM_AT = 75;
const LEAVE_BELOW = 40;
/** What wavers around the threshold is not told of at every turn. */
const SUSPECT_PAUSE_MS = 1_000;
const SCORE_MAX_WITH_ONE_FAMILY = 55;
const STRENGTH_THAT_AGREES = 500;

export function newVerdicts(): Verdicts {
  const fresh = (): Verdict => ({
    phase: "none",
    category: "loop",
    at: -SUSPECT_PAUSE_MS,
  });
  return {
    output: fresh(),
    silence: fresh(),
    heartbeat: fresh(),
    exits: fresh(),
    steps: fresh(),
    memory: fresh(),
    disk: fresh(),
    children: fresh(),
    reported: fresh(),
  };
}

/** One kind of signal never suffices, however strong. */
export function gate(score: number, families: readonly FamilyReading[]): number {
  const agreeing = new Set(families.filter((f) => f.strength >= STRENGTH_THAT_AGREES).map((f) => f.family));
  return agreeing.size >= 2 ? score : Math.min(score, SCORE_MAX_WITH_ONE_FAMILY);
}

/** The decision a finding leads to, if it changes anything. */
export function judge(
  verdict: Verdict,
  source: Source,
  finding: Finding,
  at: number,
  line: number,
): Decision | null {
  const { score, established } = finding;
  const kind = change(verdict.phase, score, established);
  if (kind === null || (kind === "suspected" && at - verdict.at < SUSPECT_PAUSE_MS)) return null;
  // A verdict is withdrawn under the name it was given.
  if (kind !== "cleared") verdict.category = finding.category;
  verdict.phase = kind === "cleared" ? "none" : kind;
  verdict.at = at;
  return { kind, category: verdict.category, source, score, at, line, evidence: finding.evidence() };
}

function change(phase: Phase, score: number, established: boolean): Decision["kind"] | null {
  if (phase !== "confirmed" && established && score >= CONFIRM_AT) return "confirmed";
  if (phase === "none" && score >= SUSPECT_AT) return "suspected";
  if (phase !== "none" && score < LEAVE_BELOW) return "cleared";
  return null;
}
