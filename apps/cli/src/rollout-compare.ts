import type { ComparedFigure, RolloutComparison } from "@flowplane/contract";
import { comparedAmount, comparedName } from "@flowplane/contract/light";
import { openApi, type ApiOptions, type Context } from "./context.ts";
import { findRollout } from "./find.ts";
import { formatWhen } from "./format.ts";
import type { Style } from "./output.ts";
import { agentsWord, stateWords } from "./rollout-words.ts";
import { printable } from "./text-width.ts";

export interface CompareOptions extends ApiOptions {
  signal?: "traces" | "metrics" | "logs";
}

const STYLES: Readonly<Record<ComparedFigure["verdict"], Style>> = {
  worse: "red",
  better: "green",
  higher: "blue",
  lower: "blue",
  no_difference_seen: "gray",
  not_enough_data: "gray",
};

/** Both sides of a rollout, figure by figure, with how many agents are behind each. */
export async function compareRollout(
  context: Context,
  wanted: string,
  options: CompareOptions,
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { id } = await findRollout(client, wanted);
  const comparison = await client.rolloutComparison({
    params: { rollout_id: id },
    query: options.signal === undefined ? {} : { signal: options.signal },
  });
  if (options.json === true) return output.json(comparison);
  const { version, baseline } = comparison.sides;
  output.print(output.style("bold", printable(comparison.sentence)));
  output.print("");
  for (const side of [version, baseline]) output.print(printable(sideLine(side)));
  output.print("");
  output.table<ComparedFigure>(
    [
      { title: "FIGURE", value: ({ figure }) => comparedName(figure) },
      { title: version.name.toUpperCase(), align: "right", value: (row) => cellOf(row, row.version) },
      { title: baseline.name.toUpperCase(), align: "right", value: (row) => cellOf(row, row.baseline) },
      {
        title: "VERDICT",
        value: ({ verdict }) => stateWords(verdict),
        paint: (cell, { verdict }) => output.style(STYLES[verdict], cell),
      },
    ],
    comparison.figures,
  );
  output.note(noteOf(comparison, context.now()));
  return undefined;
}

function cellOf({ figure }: ComparedFigure, { value, agents }: ComparedFigure["version"]): string {
  return value === null ? "-" : `${comparedAmount(figure, value)} (${agents})`;
}

function sideLine(side: RolloutComparison["sides"]["version"]): string {
  const levels = Object.entries(side.levels)
    .filter(([, agents]) => agents > 0)
    .map(([level, agents]) => `${agents} ${level}`);
  const parts = [
    agentsWord(side.agents),
    ...levels,
    ...(side.failed > 0 ? [`${side.failed} of ${side.given} failed`] : []),
    ...(side.given_back > 0 ? [`${side.given_back} given back what they had`] : []),
  ];
  return `${side.name.padEnd(16)}${parts.join(", ")}`;
}

function noteOf({ sides, telemetry_until, needs }: RolloutComparison, now: number): string {
  const sampled = [sides.version, sides.baseline].filter((side) => side.looked_at < side.agents);
  return [
    `In brackets: agents behind a figure. A verdict needs ${needs.agents} of each side${needs.minutes === 0 ? "" : `, each with ${needs.minutes} minutes`}, and a difference that is certain by 99 %.`,
    ...(telemetry_until === null ? [] : [`Own telemetry up to ${formatWhen(telemetry_until, now)}.`]),
    ...sampled.map((side) => `${side.name}: history of ${side.looked_at} agents, a fixed sample.`),
  ].join(" ");
}
