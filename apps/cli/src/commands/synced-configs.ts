import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { promisify } from "node:util";
import type { Client, Configuration, ConfigurationOverlay } from "@flowplane/contract";
import type { Command } from "commander";
import { readConfigurations, writeConfiguration, type KeptConfiguration } from "../configs-folder.ts";
import { apiCommand, openApi, type ApiOptions, type Context } from "../context.ts";
import { CliError } from "../failure.ts";
import { listUpTo } from "../listing.ts";
import { printable } from "../text-width.ts";

const CONFIGURATIONS_MAX = 10_000;
const GIT_TIMEOUT_MS = 10_000;

interface SyncOptions extends ApiOptions {
  dryRun?: true;
  message?: string;
}

/** What becomes of one configuration; printed by `--json`. */
interface Step {
  readonly name: string;
  readonly action: "create" | "version" | "none" | "not_in_folder";
  /** That it has, or would get. */
  readonly version: number;
}

/** Configurations as folders of a repository, so that it can be where they are written and reviewed. */
export function declareSyncedConfigs(configs: Command, context: Context): void {
  apiCommand(
    configs,
    "export",
    "Write every configuration into a folder: its text, and a file for each overlay",
  )
    .argument("<dir>", "is created if there is none")
    .action((dir: string, options: ApiOptions) => exportTo(context, dir, options));
  apiCommand(
    configs,
    "sync",
    "Save what a folder has otherwise; what it does not have is told, never archived",
  )
    .argument("<dir>", "as `configs export` writes it")
    .option("--dry-run", "check, say what it would do and save nothing")
    .option("-m, --message <text>", "why; the commit is added where the work tree is clean")
    .action((dir: string, options: SyncOptions) => sync(context, dir, options));
}

async function exportTo(context: Context, dir: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const known = await listAll(client);
  for (const configuration of known) {
    const { body, overlays } = await readCurrent(client, configuration);
    await writeConfiguration(dir, { name: configuration.name, body, overlays });
  }
  if (options.json === true) return output.json(known);
  output.print(printable(`${known.length} configurations written to ${dir}`));
  return undefined;
}

async function sync(context: Context, dir: string, options: SyncOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const kept = await readConfigurations(dir);
  const known = new Map((await listAll(client)).map((one) => [one.name, one]));
  const steps: (Step & { readonly wanted: KeptConfiguration })[] = [];
  for (const wanted of kept) {
    const before = known.get(wanted.name);
    if (before === undefined) steps.push({ name: wanted.name, action: "create", version: 1, wanted });
    else {
      const isSame = same(wanted, await readCurrent(client, before));
      const version = before.current_version + (isSame ? 0 : 1);
      steps.push({ name: wanted.name, action: isSame ? "none" : "version", version, wanted });
    }
  }
  const changed = steps.filter(({ action }) => action !== "none");
  // All before the first is saved: a folder is brought whole or, as far as that can be known, not at all.
  await checkAll(context, client, changed);
  const message = changed.length === 0 ? "" : await messageFor(dir, options.message);
  const done: Step[] = [];
  for (const step of steps) {
    if (options.dryRun !== true) await save(client, step, known.get(step.name), message);
    done.push({ name: step.name, action: step.action, version: step.version });
    if (options.json !== true) output.print(printable(describe(step, options.dryRun === true)));
  }
  const names = new Set(kept.map(({ name }) => name));
  for (const { name, current_version: version } of known.values())
    if (!names.has(name)) {
      done.push({ name, action: "not_in_folder", version });
      output.note(printable(`${name} is not in ${dir}; it was left as it is`));
    }
  if (options.json === true) output.json(done);
}

function describe({ name, action, version }: Step, isDry: boolean): string {
  if (action === "none") return `= ${name} is the same`;
  const what = action === "create" ? `+ ${name}` : `~ ${name}`;
  return isDry ? `${what} would be saved as version ${version}` : `${what} saved as version ${version}`;
}

async function checkAll(
  context: Context,
  client: Client,
  changed: readonly { readonly wanted: KeptConfiguration }[],
): Promise<void> {
  let errors = 0;
  for (const { wanted } of changed) {
    const { body, overlays } = wanted;
    const { problems, lacks } = await client.configurationCheck({
      body: { body, overlays: [...overlays], agents: "" },
    });
    for (const { severity, line, column, message, overlay } of problems) {
      const place = overlay === null ? wanted.name : `${wanted.name}, overlay ${overlay}`;
      // The selector is the first line of an overlay's file.
      const inFile = overlay === null ? line : line + 1;
      context.output.note(printable(`${place}:${inFile}:${column}: ${severity}: ${message}`));
      if (severity === "error") errors += 1;
    }
    for (const { sentence } of lacks) context.output.note(printable(`${wanted.name}: ${sentence}`));
  }
  if (errors > 0) throw new CliError("A Collector would refuse what is told above, so nothing was saved.");
}

async function save(
  client: Client,
  { action, wanted }: Pick<Step, "action"> & { readonly wanted: KeptConfiguration },
  before: Configuration | undefined,
  message: string,
): Promise<void> {
  const body = { body: wanted.body, overlays: [...wanted.overlays], message };
  const key = { idempotencyKey: randomUUID() };
  if (action === "create") await client.configurationCreate({ body: { ...body, name: wanted.name } }, key);
  if (action === "version" && before !== undefined)
    await client.configurationVersionCreate(
      {
        params: { configuration_id: before.id },
        body: { ...body, based_on: before.current_version },
      },
      key,
    );
}

async function listAll(client: Client): Promise<Configuration[]> {
  const { items, more } = await listUpTo((query) => client.configurationList({ query }), CONFIGURATIONS_MAX);
  if (more)
    throw new CliError(`There are more than ${CONFIGURATIONS_MAX} configurations; that is the limit here.`);
  return items;
}

async function readCurrent(client: Client, { id }: Configuration) {
  return client.configurationVersionRead({ params: { configuration_id: id, version: "current" } });
}

function same(
  one: { body: string; overlays: readonly ConfigurationOverlay[] },
  other: { body: string; overlays: readonly ConfigurationOverlay[] },
): boolean {
  const content = ({ body, overlays }: typeof one) =>
    JSON.stringify([body, ...overlays.map(({ name, selector, body }) => [name, selector, body])]);
  return content(one) === content(other);
}

/** Names the commit only where it says what was synced: nothing of the work tree is uncommitted. */
async function messageFor(dir: string, message = "Synced from a folder"): Promise<string> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)("git", ["-C", dir, ...args], { timeout: GIT_TIMEOUT_MS })).stdout.trim();
  try {
    if ((await git("status", "--porcelain")) !== "") return message;
    return `${message} (${await git("rev-parse", "--short", "HEAD")})`;
  } catch {
    // No git, no repository or no commit yet: then there is nothing to name.
    return message;
  }
}
