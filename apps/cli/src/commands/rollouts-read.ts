import type { Rollout, RolloutAgent } from "@flowplane/contract";
import { openApi, type ApiOptions, type Context } from "../context.ts";
import { findAgent, findConfiguration, findRollout } from "../find.ts";
import { formatWhen, shortId } from "../format.ts";
import { listUpTo } from "../listing.ts";
import { printFailures, waveLines } from "../rollout-follow.ts";
import { countWords, rolloutStyle, stateWords } from "../rollout-words.ts";
import { printable } from "../text-width.ts";

export const ROLLOUTS_SHOWN = 50;
const AGENTS_SHOWN = 1_000;

export interface ListOptions extends ApiOptions {
  state?: Rollout["state"];
  config?: string;
  agent?: string;
  limit?: number;
}

export async function listRollouts(context: Context, options: ListOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const filter = {
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(options.config === undefined
      ? {}
      : { configuration_id: (await findConfiguration(client, options.config)).id }),
    ...(options.agent === undefined ? {} : { agent_id: (await findAgent(client, options.agent)).id }),
  };
  const max = options.limit ?? ROLLOUTS_SHOWN;
  const { items, more } = await listUpTo(
    (page) => client.rolloutList({ query: { ...filter, ...page } }),
    max,
  );
  if (options.json === true) return output.json(items);
  if (items.length === 0) {
    output.print("No rollouts.");
    return output.note("Plan one: `flowplane rollouts plan CONFIGURATION --to SELECTOR`.");
  }
  const now = context.now();
  output.table<Rollout>(
    [
      {
        title: "STATE",
        value: ({ state }) => stateWords(state),
        paint: (cell, { state }) => output.style(rolloutStyle(state), cell),
      },
      {
        title: "CONFIGURATION",
        value: ({ configuration_name, version }) => `${configuration_name} v${version}`,
        shrinkTo: 12,
      },
      { title: "WAVE", value: waveWord },
      { title: "AGENTS", value: ({ counts }) => countWords(counts), shrinkTo: 16 },
      { title: "STARTED", value: ({ started_at }) => formatWhen(started_at, now) },
      { title: "BY", value: ({ created_by }) => created_by.name, shrinkTo: 8 },
      { title: "WHY", value: ({ message }) => message, shrinkTo: 12 },
      { title: "ID", value: ({ id }) => shortId(id) },
    ],
    items,
  );
  if (more)
    output.note(`There are more than these ${max}; narrow with --state or --config, or raise --limit.`);
  return undefined;
}

function waveWord({ wave, waves }: Rollout): string {
  return wave === null ? "-" : `${wave + 1} of ${waves.length}`;
}

export async function showRollout(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { id } = await findRollout(client, wanted);
  const rollout = await client.rolloutRead({ params: { rollout_id: id } });
  if (options.json === true) return output.json(rollout);
  const now = context.now();
  output.print(output.style("bold", printable(`${rollout.configuration_name} v${rollout.version}`)));
  output.print(printable(rollout.sentence));
  output.print("");
  for (const [key, value] of factsOf(rollout, now)) output.print(printable(`${key.padEnd(16)}${value}`));
  output.print("");
  for (const line of waveLines(output, rollout)) output.print(line);
  await printFailures(client, output, rollout);
  return undefined;
}

function factsOf(rollout: Rollout, now: number): [string, string][] {
  const { split } = rollout;
  const facts: [string, string | null][] = [
    ["id", rollout.id],
    ["state", `${stateWords(rollout.state)} since ${rollout.state_since}`],
    ["reason", rollout.reason],
    ["waiting for", rollout.waiting === null ? null : rollout.waiting.for],
    ["to", rollout.selector],
    [
      "split",
      split === null ? null : `${split.percent} % get it, the others version ${split.baseline_version}`,
    ],
    ["why", rollout.message],
    ["by", rollout.created_by.name],
    ["started", formatWhen(rollout.started_at, now)],
    ["ended", rollout.ended_at === null ? null : formatWhen(rollout.ended_at, now)],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

export interface AgentsOptions extends ApiOptions {
  state?: RolloutAgent["state"];
  wave?: number;
}

export async function listRolloutAgents(
  context: Context,
  wanted: string,
  options: AgentsOptions,
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { id } = await findRollout(client, wanted);
  const filter = {
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(options.wave === undefined ? {} : { wave: options.wave - 1 }),
  };
  const { items, more } = await listUpTo(
    (page) => client.rolloutAgents({ params: { rollout_id: id }, query: { ...filter, ...page } }),
    AGENTS_SHOWN,
  );
  if (options.json === true) return output.json(items);
  const now = context.now();
  output.table<RolloutAgent>(
    [
      { title: "AGENT", value: ({ name }) => name, shrinkTo: 12 },
      { title: "WAVE", align: "right", value: ({ wave }) => String(wave + 1) },
      { title: "STATE", value: ({ state }) => state },
      { title: "SINCE", value: ({ state_since }) => formatWhen(state_since, now) },
      { title: "HAD", value: ({ from }) => (from === null ? "-" : `v${from.version}`) },
      {
        title: "WHY",
        value: ({ reason_code, reason }) =>
          [reason_code, reason].filter((part) => part !== null).join(": ") || "-",
        shrinkTo: 16,
      },
      { title: "ID", value: ({ agent_id }) => shortId(agent_id) },
    ],
    items,
  );
  if (more) output.note(`There are more than these ${AGENTS_SHOWN}; narrow with --state or --wave.`);
  return undefined;
}
