import type { Configuration, ConfigurationVersion } from "@flowplane/contract";
import type { Command } from "commander";
import { apiCommand, openApi, type ApiOptions, type Context } from "../context.ts";
import { findAgent, findConfiguration } from "../find.ts";
import { formatWhen, shortId } from "../format.ts";
import { parseCount } from "../input.ts";
import { listUpTo } from "../listing.ts";
import { declareApply } from "./apply-config.ts";

const CONFIGURATIONS_MAX = 10_000;
const VERSIONS_MAX = 1_000;

/** Configurations as the control plane keeps them: names, and versions that never change. */
export function declareSavedConfigs(configs: Command, context: Context): void {
  apiCommand(configs, "ls", "List configurations").action((options: ApiOptions) => list(context, options));
  apiCommand(configs, "show", "Print the text of a configuration")
    .argument("<configuration>", "name or id")
    .option("--at <version>", "another than the current version", parseCount)
    .action((wanted: string, options: ApiOptions & { at?: number }) => show(context, wanted, options));
  apiCommand(configs, "history", "List the versions of a configuration, newest first")
    .argument("<configuration>", "name or id")
    .action((wanted: string, options: ApiOptions) => history(context, wanted, options));
  declareApply(configs, context);
  apiCommand(configs, "import", "Print what an agent runs, to begin a configuration with")
    .argument("<agent>", "name or id")
    .option("--entry <name>", "which, where it runs several")
    .action((agent: string, options: ApiOptions & { entry?: string }) => importFrom(context, agent, options));
}

async function list(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.configurationList({ query }), CONFIGURATIONS_MAX);
  if (options.json === true) return output.json(items);
  output.table<Configuration>(
    [
      { title: "NAME", value: ({ name }) => name, shrinkTo: 8 },
      { title: "VERSION", align: "right", value: ({ current_version }) => String(current_version) },
      { title: "WARNINGS", align: "right", value: ({ warnings }) => String(warnings) },
      { title: "DRAFTS", align: "right", value: ({ drafts }) => (drafts === 0 ? "-" : String(drafts)) },
      { title: "CHANGED", value: ({ updated_at }) => formatWhen(updated_at, context.now()) },
      { title: "ID", value: ({ id }) => shortId(id) },
    ],
    items,
  );
}

async function show(context: Context, wanted: string, options: ApiOptions & { at?: number }): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { id } = await findConfiguration(client, wanted);
  const version = await client.configurationVersionRead({
    params: { configuration_id: id, version: options.at === undefined ? "current" : String(options.at) },
  });
  if (options.json === true) return output.json(version);
  await output.write("stdout", Buffer.from(version.body));
}

async function history(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { id } = await findConfiguration(client, wanted);
  const { items } = await listUpTo(
    (query) => client.configurationVersionList({ params: { configuration_id: id }, query }),
    VERSIONS_MAX,
  );
  if (options.json === true) return output.json(items);
  output.table<ConfigurationVersion>(
    [
      { title: "VERSION", align: "right", value: ({ version }) => String(version) },
      { title: "SAVED", value: ({ created_at }) => formatWhen(created_at, context.now()) },
      { title: "BY", value: ({ created_by }) => created_by.name, shrinkTo: 8 },
      { title: "HASH", value: ({ hash }) => hash.slice(0, 12) },
      { title: "WHY", value: ({ message }) => message, shrinkTo: 12 },
    ],
    items,
  );
}

async function importFrom(
  context: Context,
  wanted: string,
  options: ApiOptions & { entry?: string },
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const agent = await findAgent(client, wanted);
  const body = { agent_id: agent.id, ...(options.entry === undefined ? {} : { entry: options.entry }) };
  const imported = await client.configurationImport({ body });
  if (options.json === true) return output.json(imported);
  await output.write("stdout", Buffer.from(imported.body));
}
