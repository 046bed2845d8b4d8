import type { Command } from "commander";
import { apiCommand, type ApiOptions, type Context } from "../context.ts";
import { connect } from "../connection.ts";
import { CliError, isApiError } from "../failure.ts";
import { VERSION } from "../version.ts";

export function declareVersion(program: Command, context: Context): void {
  apiCommand(
    program,
    "version",
    "Print the versions of this command, of Node and of the control plane",
  ).action((options: ApiOptions) => version(context, options));
}

async function version(context: Context, options: ApiOptions): Promise<void> {
  const { output } = context;
  const server = await serverVersion(context, options);
  if (options.json === true) return output.json({ version: VERSION, node: process.versions.node, server });
  output.print(`flowplane      ${VERSION}`);
  output.print(`node           ${process.versions.node}`);
  output.print(`control plane  ${server ?? "not reachable, or not signed in"}`);
}

/** Null when there is none to ask: the other two versions are worth printing all the same. */
async function serverVersion(context: Context, options: ApiOptions): Promise<string | null> {
  try {
    const { client } = await connect(context.env, options);
    return (await client.me({})).server.version;
  } catch (error) {
    if (error instanceof CliError || isApiError(error)) return null;
    throw error;
  }
}
