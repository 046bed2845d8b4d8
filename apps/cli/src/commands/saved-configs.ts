import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Client, Configuration, ConfigurationVersion } from "@flowplane/contract";
import type { Command } from "commander";
import { apiCommand, openApi, type ApiOptions, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { findAgent } from "../find.ts";
import { formatWhen, shortId } from "../format.ts";
import { parseCount } from "../input.ts";
import { listUpTo, matchesId, theOnly } from "../listing.ts";
import { printable } from "../text-width.ts";

const CONFIGURATIONS_MAX = 10_000;
const VERSIONS_MAX = 1_000;

interface ApplyOptions extends ApiOptions {
  file: string;
  name?: string;
  message?: string;
  agents?: string;
  dryRun?: true;
}

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
  apiCommand(
    configs,
    "apply",
    "Save a file as the next version of a configuration, which is created if there is none",
  )
    .requiredOption("-f, --file <file>", "YAML; - is what is piped in")
    .option("-n, --name <name>", "of the configuration (default: the file's, without its ending)")
    .option("-m, --message <text>", "why")
    .option(
      "--agents <filter>",
      "hold it against these Collectors, as the fleet page filters them (default: all)",
    )
    .option("--dry-run", "check, compare and save nothing")
    .action((options: ApplyOptions) => apply(context, options));
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

async function apply(context: Context, options: ApplyOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const body = await readFile(options.file === "-" ? "/dev/stdin" : options.file, "utf8");
  const name = options.name ?? basename(options.file).replace(/\.ya?ml$/i, "");
  if (name === "-") throw new CliError("Say what it is called: --name NAME.", { exitCode: EXIT.usage });
  const check = await client.configurationCheck({ body: { body, agents: options.agents ?? "" } });
  for (const { line, column, severity, message } of check.problems)
    output.note(printable(`${options.file}:${line}:${column}: ${severity}: ${message}`));
  for (const { sentence } of check.lacks) output.note(printable(sentence));
  if (check.problems.some(({ severity }) => severity === "error"))
    throw new CliError("A Collector would refuse it, so it was not saved.");

  const known = await findByName(client, name);
  if (options.dryRun === true) {
    const what =
      known === null ? `${name} would be created` : `${name} would get version ${known.current_version + 1}`;
    if (options.json === true) return output.json(check);
    output.print(printable(`${what}; nothing was saved`));
    return undefined;
  }
  const saved =
    known === null
      ? await client.configurationCreate(
          { body: { name, body, ...(options.message === undefined ? {} : { message: options.message }) } },
          { idempotencyKey: randomUUID() },
        )
      : await saveNext(client, known, body, options.message);
  if (options.json === true) return output.json(saved);
  const version = "version" in saved ? saved.version : saved.current_version;
  output.print(printable(`${name} saved as version ${version}`));
  return undefined;
}

async function saveNext(
  client: Client,
  { id, current_version }: Configuration,
  body: string,
  message = "Applied from a file",
): Promise<ConfigurationVersion> {
  return client.configurationVersionCreate(
    { params: { configuration_id: id }, body: { body, message, based_on: current_version } },
    { idempotencyKey: randomUUID() },
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

async function findByName(client: Client, name: string): Promise<Configuration | null> {
  const { items } = await listUpTo(
    (query) => client.configurationList({ query: { ...query, q: name } }),
    CONFIGURATIONS_MAX,
  );
  return items.find((configuration) => configuration.name === name) ?? null;
}

async function findConfiguration(client: Client, wanted: string): Promise<Configuration> {
  const named = await findByName(client, wanted);
  if (named !== null) return named;
  const { items } = await listUpTo((query) => client.configurationList({ query }), CONFIGURATIONS_MAX);
  return theOnly(
    items.filter(({ id }) => matchesId(id, wanted)),
    "configuration",
    wanted,
    ({ name, id }) => `${name} ${shortId(id)}`,
  );
}
