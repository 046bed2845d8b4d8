import {
  availableOf,
  checkConfig,
  findReferences,
  graphOf,
  lacking,
  lackSentence,
} from "@flowplane/collector-config";
import type { ConfigurationCheck, ConfigurationOverlay, ConfigurationProblem } from "@flowplane/contract";
import type { Ctx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { countByComponents, readEffectiveConfig } from "../fleet/components.ts";
import { checkSources, problemOf } from "./text.ts";

/** A text held against itself, and against what the Collectors of the fleet are built with. Nothing is stored. */
export async function checkText(
  ctx: Ctx,
  input: { body: string; overlays: readonly ConfigurationOverlay[]; agents: string },
): Promise<ConfigurationCheck> {
  const { checked, problems } = checkSources(input.body, input.overlays);
  const { config, model } = checked;
  const sets = await countByComponents(ctx, input.agents);
  const fleet = sets.flatMap(({ components, agents }) => {
    const available = availableOf(components);
    return available === null ? [] : [{ available, agents }];
  });
  const reporting = fleet.reduce((sum, set) => sum + set.agents, 0);
  return {
    problems,
    fleet: { agents: sets.reduce((sum, set) => sum + set.agents, 0), reporting },
    lacks:
      model === null
        ? []
        : lacking(model, fleet).map((lack) => ({
            ...lack,
            ids: [...lack.ids],
            sentence: lackSentence(lack, reporting),
          })),
    graph:
      model === null
        ? null
        : {
            nodes: graphOf(model).nodes.map((node) => ({ ...node })),
            edges: graphOf(model).edges.map((edge) => ({ ...edge })),
          },
    references: [...(config === null ? [] : [config]), ...checked.overlays]
      .flatMap((section) => findReferences(section))
      .map(({ scheme, name }) => ({ scheme, name })),
  };
}

/** What an agent runs, as a text to begin a configuration with. */
export async function importFrom(
  ctx: Ctx,
  input: { agent_id: string; entry?: string | undefined },
): Promise<{ entry: string; body: string; problems: ConfigurationProblem[] }> {
  const { name, entries } = await readEffectiveConfig(ctx, input.agent_id);
  const [only, ...others] = entries;
  if (only === undefined)
    throw new AppError(
      "conflict",
      `The agent ${name} has not reported what it runs. It needs the capability ReportsEffectiveConfig.`,
    );
  if (input.entry === undefined && others.length > 0)
    throw new AppError(
      "conflict",
      `The agent ${name} runs ${entries.length} entries; choose one with entry: ${entries.map((entry) => JSON.stringify(entry.name)).join(", ")}.`,
    );
  const entry = input.entry === undefined ? only : entries.find((one) => one.name === input.entry);
  if (entry === undefined)
    throw new AppError("conflict", `The agent ${name} runs no entry ${JSON.stringify(input.entry)}.`);
  return { entry: entry.name, body: entry.body, problems: checkConfig(entry.body).problems.map(problemOf) };
}
