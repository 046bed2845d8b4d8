import {
  capitalized,
  comparedAmount,
  comparedDifference,
  comparedName,
  type ComparedFigure,
  type ComparedFigureName,
} from "@flowplane/contract";
import { COMPARED_AGENTS_MIN, COMPARED_SECONDS_MIN } from "@flowplane/rollouts";
import { plural } from "../../platform/words.ts";

/** How sentences call the other side of a version. */
export interface SideNames {
  readonly version: string;
  /** As its column is headed. */
  readonly baseline: string;
  /** After “compared with”. */
  readonly others: string;
  /** After a figure of it. */
  readonly without: string;
}

/** `baseline` is null without a split: the other side then is agents that do not have the version yet. */
export function sideNames(version: number, baseline: number | null): SideNames {
  if (baseline === null)
    return {
      version: `v${version}`,
      baseline: `not v${version} yet`,
      others: "agents that do not have it yet",
      without: "without it",
    };
  return {
    version: `v${version}`,
    baseline: `v${baseline}`,
    others: `v${baseline}`,
    without: `with v${baseline}`,
  };
}

/** Counted at one moment: no time is needed for them. */
const TIMELESS: readonly ComparedFigureName[] = ["failed_percent", "unhealthy_percent"];

/** What one figure says of the two sides; no verdict where the data does not carry one. */
export function figureSentence(said: Omit<ComparedFigure, "sentence">, names: SideNames): string {
  const { figure, version, baseline, difference, verdict } = said;
  if (difference === null || verdict === "not_enough_data") return lackSentence(said, names);
  const values = `${comparedAmount(figure, version.value)} with ${names.version}, ${comparedAmount(figure, baseline.value)} ${names.without}`;
  const [low, high] = [
    comparedDifference(figure, difference.low),
    comparedDifference(figure, difference.high),
  ];
  if (verdict === "no_difference_seen")
    return low === high
      ? `No difference: ${values}.`
      : `No certain difference: ${values}. It may lie anywhere between ${low} and ${high}.`;
  return `${capitalized(verdict)}: ${values}${low === high ? "" : `; between ${low} and ${high}`}.`;
}

function lackSentence(
  { figure, version, baseline }: Omit<ComparedFigure, "sentence">,
  names: SideNames,
): string {
  const lacking = [
    { agents: version.agents, name: names.version },
    { agents: baseline.agents, name: names.baseline },
  ].filter(({ agents }) => agents < COMPARED_AGENTS_MIN);
  const have = lacking.map(({ agents, name }) => `${plural(agents, "agent")} (${name})`).join(" and ");
  const time = TIMELESS.includes(figure) ? "" : `, each with ${COMPARED_SECONDS_MIN / 60} minutes of it`;
  return `Not enough data: ${have}; ${COMPARED_AGENTS_MIN} a side are needed${time}.`;
}

/** All figures in one sentence: what is worse first. */
export function comparisonSentence(figures: readonly ComparedFigure[], names: SideNames): string {
  const both = `${names.version} compared with ${names.others}`;
  const judged = figures.filter(({ verdict }) => verdict !== "not_enough_data").length;
  if (judged === 0) return `${both}: not enough data for a verdict yet.`;
  const parts = (["worse", "better", "higher", "lower"] as const).flatMap((verdict) => {
    const those = figures.filter((figure) => figure.verdict === verdict);
    return those.length === 0 ? [] : [`${verdict} in ${those.map(pair).join(", ")}`];
  });
  const enough = `${judged} of ${plural(figures.length, "figure")} ${judged === 1 ? "has" : "have"} enough data.`;
  return `${both}: ${parts.length === 0 ? "no certain difference" : parts.join("; ")}. ${enough}`;
}

function pair({ figure, version, baseline }: ComparedFigure): string {
  return `${comparedName(figure)} (${comparedAmount(figure, version.value)} against ${comparedAmount(figure, baseline.value)})`;
}
