/** What the detector measured, in words for people. */
import type { IncidentDetail } from "@flowplane/contract";
import { duration } from "../../lib/time.ts";
import { bytes, number } from "../../lib/units.ts";

type Reading = IncidentDetail["evidence"]["families"][number];

/** From this strength on a kind of signal counts as agreeing; two that agree are needed. */
export const AGREES_FROM = 500;
export const STRENGTH_MAX = 1_000;

const FAMILY_WORD: Readonly<Record<string, string>> = {
  repetition: "Repetition",
  error: "Failures",
  no_progress: "No progress",
  activity: "No activity",
  exits: "Exits",
  memory: "Memory",
  disk: "Disk",
  children: "Processes",
  volume: "Volume of output",
  quiet: "Silence",
  steps: "Steps of the agent",
  level: "Level of the lines",
};

/** A family this build does not know is shown by its own name. */
export function familyWord(family: string): string {
  return FAMILY_WORD[family] ?? family.replaceAll("_", " ");
}

const PROGRESS_WORDS: Readonly<Record<string, string>> = {
  counter: "a counter that went up",
  progress: "the progress it reports",
  "new line": "a line of a new kind",
};

/** What the last sign of progress was; one this build does not know in its own words. */
export function progressWords(what: string): string {
  return PROGRESS_WORDS[what] ?? what;
}

/** "1.2 % of records new; the threshold is 5 %". */
export function readingWords({
  value,
  threshold,
  unit,
}: Pick<Reading, "value" | "threshold" | "unit">): string {
  const { amount, rest } = unitOf(unit);
  return `${amount(value)}${rest === "" ? "" : ` ${rest}`}; the threshold is ${amount(threshold)}`;
}

/** What the reading says for the verdict, as a word. */
export function readingVerdict({ strength }: Pick<Reading, "strength">): string {
  return strength >= AGREES_FROM ? "agrees" : "does not count";
}

function unitOf(unit: string): { amount: (value: number) => string; rest: string } {
  const [first = "", ...others] = unit.split(" ");
  const rest = others.join(" ");
  if (first === "‰") return { amount: (value) => `${trimmed(value / 10)} %`, rest };
  if (first === "ms") return { amount: duration, rest };
  if (first === "bytes") return { amount: bytes, rest };
  return { amount: (value) => (Number.isInteger(value) ? number(value) : trimmed(value)), rest: unit };
}

function trimmed(value: number): string {
  return value.toFixed(1).replace(/\.0$/, "");
}
