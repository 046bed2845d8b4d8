import type { Argument, Command, Option } from "commander";
import { connect } from "./connection.ts";
import type { Context } from "./context.ts";
import { CliError, isApiError } from "./failure.ts";
import { shortId } from "./format.ts";
import { printable } from "./text-width.ts";

export interface Candidate {
  readonly value: string;
  readonly meaning: string;
}

/** A completion that takes longer is worse than none. */
const LOOK_UP_TIMEOUT_MS = 1_500;
const LOOKED_UP_MAX = 50;

/** What may stand in the place of the last word, after the words before it. */
export async function complete(
  program: Command,
  context: Context,
  words: readonly string[],
): Promise<Candidate[]> {
  const typed = words.at(-1) ?? "";
  const { command, position, option } = walk(program, words.slice(0, -1));
  const candidates = await candidatesAt(command, position, option, typed, context);
  return candidates.filter(({ value }) => value.startsWith(typed));
}

/** The command the words name, how many arguments it has so far, and the option that waits for its value. */
function walk(program: Command, words: readonly string[]) {
  let command = program;
  let position = 0;
  let option: Option | null = null;
  let onlyArguments = false;
  for (const word of words) {
    if (option !== null) {
      option = null;
    } else if (word === "--") {
      onlyArguments = true;
    } else if (!onlyArguments && word.startsWith("-")) {
      const found = command.options.find((each) => each.long === word || each.short === word);
      option = found !== undefined && (found.required || found.optional) ? found : null;
    } else {
      const child: Command | undefined = position === 0 ? childOf(command, word) : undefined;
      if (child === undefined) position += 1;
      else command = child;
    }
  }
  return { command, position, option };
}

async function candidatesAt(
  command: Command,
  position: number,
  option: Option | null,
  typed: string,
  context: Context,
): Promise<Candidate[]> {
  if (option !== null) {
    if (option.argChoices !== undefined) return option.argChoices.map((value) => ({ value, meaning: "" }));
    return await lookUp(option.attributeName(), context);
  }
  if (typed.startsWith("-")) return optionsOf(command);
  const children = position === 0 ? visible(command) : [];
  if (children.length > 0) return children.map((each) => ({ value: each.name(), meaning: each.summary() }));
  const argument = argumentAt(command.registeredArguments, position);
  if (argument === undefined) return [];
  if (argument.argChoices !== undefined) return argument.argChoices.map((value) => ({ value, meaning: "" }));
  return await lookUp(argument.name(), context);
}

function argumentAt(declared: readonly Argument[], position: number): Argument | undefined {
  const last = declared.at(-1);
  return declared[position] ?? (last?.variadic === true ? last : undefined);
}

function childOf(command: Command, name: string): Command | undefined {
  return command.commands.find((each) => each.name() === name || each.aliases().includes(name));
}

function visible(command: Command): Command[] {
  return command.createHelp().visibleCommands(command);
}

function optionsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map((each) => ({ value: each.long ?? each.short ?? "", meaning: each.description }));
}

/** Runs, agents and variables that are there now; nothing when the control plane cannot be asked. */
async function lookUp(what: string, context: Context): Promise<Candidate[]> {
  if (what !== "run" && what !== "agent" && what !== "variable") return [];
  const signal = AbortSignal.timeout(LOOK_UP_TIMEOUT_MS);
  try {
    const { client } = await connect(context.env);
    const query = { limit: LOOKED_UP_MAX };
    if (what === "agent") {
      const { items } = await client.agentList({ query }, { signal });
      return items.map(({ name, kind, state }) => ({ value: name, meaning: `${kind}, ${state}` }));
    }
    if (what === "variable") {
      const { items } = await client.variableList({ query }, { signal });
      // A name that sites have values for stands there once.
      return [...new Set(items.map(({ name }) => name))].map((value) => ({ value, meaning: "variable" }));
    }
    const { items } = await client.runList({ query }, { signal });
    return items.map(({ id, name, state }) => ({
      value: shortId(id),
      meaning: printable(`${state} ${name}`),
    }));
  } catch (error) {
    if (error instanceof CliError || isApiError(error) || signal.aborted) return [];
    throw error;
  }
}
