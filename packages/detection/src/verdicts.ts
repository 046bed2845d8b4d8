import type { Category, Decision, Evidence, FamilyReading } from "./events.ts";

/** What one tick says of one category; the phases below turn it into decisions. */
export interface Finding {
  readonly category: Category;
  readonly score: number;
  /** Counts and durations suffice; a score alone never confirms. */
  readonly established: boolean;
  /** Put together only for a decision, since most findings change nothing. */
  readonly evidence: () => Evidence;
}

/** The watches, each of which holds one verdict at a time. */
export type Source = "output" | "silence" | "exits" | "steps" | "memory" | "disk" | "children" | "reported";

export type Phase = "none" | "suspected" | "confirmed";
export interface Verdict {
  phase: Phase;
  category: Category;
}
export type Verdicts = Record<Source, Verdict>;

const SUSPECT_AT = 60;
export const CONFIRM_AT = 75;
const LEAVE_BELOW = 40;
const SCORE_MAX_WITH_ONE_FAMILY = 55;
const STRENGTH_THAT_AGREES = 500;

export function newVerdicts(): Verdicts {
  const fresh = (): Verdict => ({ phase: "none", category: "loop" });
  return {
    output: fresh(),
    silence: fresh(),
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
export function judge(verdict: Verdict, finding: Finding, at: number, line: number): Decision | null {
  const { score, established } = finding;
  const kind = change(verdict.phase, score, established);
  if (kind === null) return null;
  // A verdict is withdrawn under the name it was given.
  if (kind !== "cleared") verdict.category = finding.category;
  verdict.phase = kind === "cleared" ? "none" : kind;
  return { kind, category: verdict.category, score, at, line, evidence: finding.evidence() };
}

function change(phase: Phase, score: number, established: boolean): Decision["kind"] | null {
  if (phase !== "confirmed" && established && score >= CONFIRM_AT) return "confirmed";
  if (phase === "none" && score >= SUSPECT_AT) return "suspected";
  if (phase !== "none" && score < LEAVE_BELOW) return "cleared";
  return null;
}
