import type { Command } from "commander";
import { connect, type Connection } from "./connection.ts";
import type { Output } from "./output.ts";

/** What a command has of the world around it. */
export interface Context {
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
  readonly now: () => number;
  /** Set by commands whose exit code says more than done or failed. */
  exitCode: number;
}

/** Options of every command that talks to the control plane. */
export interface ApiOptions {
  json?: true;
  url?: string;
  local?: true;
}

export interface Api extends Connection {
  readonly output: Output;
}

/** Declares a command that talks to the control plane, with `--json` and `--url`. */
export function apiCommand(parent: Command, usage: string, summary: string): Command {
  return withApiOptions(plainCommand(parent, usage, summary));
}

function withApiOptions(command: Command): Command {
  const json = command.createOption("--json", "print the API's objects instead of a table");
  const url = command.createOption("--url <url>", "address of the control plane");
  const local = command.createOption("--local", "ask this machine's agent itself, not a control plane");
  for (const option of [json, url, local]) command.addOption(option.helpGroup("Common options:"));
  return command;
}

/** The same for the command a group runs when none of its own is named. */
export function defaultCommand(parent: Command, name: string, summary: string): Command {
  const command = parent.command(name, { isDefault: true });
  return withApiOptions(describe(command, summary))
    .allowExcessArguments()
    .hook("preAction", () => {
      // Whatever a group does not know ends up here, as an argument.
      const [unknown] = command.args;
      if (unknown !== undefined) parent.error(`error: unknown command '${parent.name()} ${unknown}'`);
    });
}

export function plainCommand(parent: Command, usage: string, summary: string): Command {
  return describe(parent.command(usage), summary);
}

function describe(command: Command, summary: string): Command {
  return command.summary(summary).description(summary);
}

export async function openApi(context: Context, options: ApiOptions): Promise<Api> {
  const connection = await connect(context.env, options);
  const { output } = context;
  if (connection.isLocal && output.interactive)
    output.note(output.style("dim", "Asking this machine's agent; no control plane is involved."));
  return { ...connection, output };
}
