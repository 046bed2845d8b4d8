import { randomUUID } from "node:crypto";
import type { Client, Rollout, RolloutPreview } from "@flowplane/contract";
import type { Command } from "commander";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-codes.ts";
import { describeChange } from "./config-words.ts";
import { parseCount } from "./input.ts";
import type { Output } from "./output.ts";
import { parseSplit, planOf, type PlanOptions, type SplitInput } from "./rollout-input.ts";
import { agentsWord } from "./rollout-words.ts";
import { printable } from "./text-width.ts";

export interface TargetOptions {
  to: string;
  at?: number;
  split?: SplitInput;
  everybody?: true;
  queue?: true;
}

/** The argument and the options that say what is brought to whom. */
export function withTargetOptions(command: Command): Command {
  return command
    .argument("<configuration>", "name or id")
    .requiredOption("--to <selector>", `which agents, as CEL: 'kind == "collector" && labels.env == "prod"'`)
    .option("--at <version>", "another than the current version", parseCount)
    .option(
      "--split <share>",
      "20%:3 gives 20 % of the agents this version and the others version 3",
      parseSplit,
    );
}

function targetOf(configurationId: string, options: TargetOptions & PlanOptions) {
  return {
    configuration_id: configurationId,
    selector: options.to,
    plan: planOf(options),
    ...(options.at === undefined ? {} : { version: options.at }),
    ...(options.split === undefined ? {} : { split: options.split }),
  };
}

export async function startRollout(
  client: Client,
  configurationId: string,
  options: TargetOptions & PlanOptions,
  message: string | undefined,
): Promise<Rollout> {
  return client.rolloutCreate(
    {
      body: {
        ...targetOf(configurationId, options),
        ...(message === undefined ? {} : { message }),
        confirm_everybody: options.everybody === true,
        on_overlap: options.queue === true ? "queue" : "refuse",
      },
    },
    { idempotencyKey: randomUUID() },
  );
}

/** Prints what a rollout would do; fails when something keeps it from being started. */
export async function planRollout(
  context: Context,
  client: Client,
  output: Output,
  configurationId: string,
  options: TargetOptions & PlanOptions & { json?: true },
): Promise<void> {
  const preview = await client.rolloutPreview({ body: targetOf(configurationId, options) });
  if (preview.problems.length > 0) context.exitCode = EXIT.failed;
  if (options.json === true) return output.json(preview);
  for (const line of previewLines(preview)) output.print(printable(line));
  printAgents(output, preview);
  for (const { agents, text_diff, from } of preview.changes) {
    if (text_diff === "") continue;
    const before = from === null ? "nothing of Flowplane's" : `version ${from.version}`;
    output.print("");
    output.print(output.style("bold", `${agentsWord(agents)} with ${before}`));
    for (const line of text_diff.trimEnd().split("\n")) output.print(paintDiff(output, printable(line)));
  }
  for (const problem of preview.problems) output.note(printable(problem));
  return undefined;
}

function previewLines(preview: RolloutPreview): string[] {
  const waves = preview.waves.map(({ agents }) => String(agents)).join(", then ");
  return [
    `${agentsWord(preview.agents)}: ${preview.reachable} reachable, ${preview.unreachable} not${preview.everybody ? "; these are all there are: starting needs --everybody" : ""}`,
    ...(preview.waves.length === 0 ? [] : [`in waves of ${waves}`]),
    ...preview.skipped.map(({ sentence }) => `skipped: ${sentence}`),
    ...preview.overlaps.map(({ sentence }) => `overlap: ${sentence}`),
    ...preview.changes.flatMap(({ agents, changes }) =>
      changes.map((change) => `${describeChange(change)}  (${agentsWord(agents)})`),
    ),
  ];
}

function printAgents(output: Output, { items, agents }: RolloutPreview): void {
  if (items.length === 0) return;
  output.print("");
  output.table<RolloutPreview["items"][number]>(
    [
      { title: "AGENT", value: ({ name }) => name, shrinkTo: 12 },
      { title: "STATE", value: ({ state }) => state },
      { title: "WAVE", align: "right", value: ({ wave }) => String(wave + 1) },
      { title: "SKIPPED", value: ({ reason_code }) => reason_code ?? "" },
    ],
    items,
  );
  if (items.length < agents) output.note(`and ${agents - items.length} more`);
}

function paintDiff(output: Output, line: string): string {
  if (line.startsWith("+")) return output.style("green", line);
  if (line.startsWith("-")) return output.style("red", line);
  return line;
}
