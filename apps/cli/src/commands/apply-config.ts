import { createHash, randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import type { Client, Configuration } from "@flowplane/contract";
import type { Command } from "commander";
import { apiCommand, openApi, type Api, type ApiOptions, type Context } from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { findConfigurationByName } from "../find.ts";
import { shortId } from "../format.ts";
import { parseDurationMs } from "../input.ts";
import { followRollout } from "../rollout-follow.ts";
import { withPlanOptions, type PlanOptions } from "../rollout-input.ts";
import { startRollout } from "../rollout-start.ts";
import { printable } from "../text-width.ts";

interface ApplyOptions extends ApiOptions, PlanOptions {
  file: string;
  name?: string;
  message?: string;
  agents?: string;
  dryRun?: true;
  to?: string;
  everybody?: true;
  queue?: true;
  wait?: true;
  timeout?: number;
}

/** What became of the file: a version, the one there is when it says the same. */
interface Saved {
  readonly id: string;
  readonly version: number;
  readonly isNew: boolean;
}

/** A file becomes a version and, with `--to`, the version comes to agents: the whole way of a change, for CI/CD. */
export function declareApply(configs: Command, context: Context): void {
  withPlanOptions(
    apiCommand(
      configs,
      "apply",
      "Save a file as the next version of a configuration, which is created if there is none, and bring it to agents",
    )
      .requiredOption("-f, --file <file>", "YAML; - is what is piped in")
      .option("-n, --name <name>", "of the configuration (default: the file's, without its ending)")
      .option("-m, --message <text>", "why")
      .option(
        "--agents <filter>",
        "hold it against these Collectors, as the fleet page filters them (default: all)",
      )
      .option("--dry-run", "check, compare and save nothing")
      .option("--to <selector>", "bring it to these agents, as CEL: 'labels.env == \"prod\"'")
      .option("--everybody", "yes, to every agent there is")
      .option("--queue", "wait for another rollout that has some of these agents, instead of being refused")
      .option("--wait", "wait for the end of the rollout; the exit code says how it ended")
      .option("--timeout <duration>", "with --wait: at most so long; the rollout goes on", parseDurationMs),
  ).action((options: ApplyOptions) => apply(context, options));
}

async function apply(context: Context, options: ApplyOptions): Promise<void> {
  if (options.wait === true && options.to === undefined)
    throw new CliError("There is nothing to wait for without --to SELECTOR.", { exitCode: EXIT.usage });
  const api = await openApi(context, options);
  const { client, output } = api;
  const body = await readFile(options.file === "-" ? "/dev/stdin" : options.file, "utf8");
  const name = options.name ?? basename(options.file).replace(/\.ya?ml$/i, "");
  if (name === "-") throw new CliError("Say what it is called: --name NAME.", { exitCode: EXIT.usage });
  const check = await judge(api, body, options);
  const known = await findConfigurationByName(client, name);
  if (options.dryRun === true) {
    if (options.json === true) return output.json(check);
    output.print(printable(`${forecast(name, known, body)}; nothing was saved`));
    return undefined;
  }
  const saved = await save(client, known, name, body, options.message);
  if (options.json !== true)
    output.print(printable(`${name} ${saved.isNew ? "saved as" : "is unchanged:"} version ${saved.version}`));
  if (options.to === undefined) {
    if (options.json === true) output.json(await versionOf(client, saved));
    return undefined;
  }
  return bring(context, api, saved, { ...options, to: options.to });
}

/** Says what is wrong with it; refuses what a Collector would refuse. */
async function judge({ client, output }: Api, body: string, options: ApplyOptions) {
  const check = await client.configurationCheck({ body: { body, agents: options.agents ?? "" } });
  for (const { line, column, severity, message } of check.problems)
    output.note(printable(`${options.file}:${line}:${column}: ${severity}: ${message}`));
  for (const { sentence } of check.lacks) output.note(printable(sentence));
  if (check.problems.some(({ severity }) => severity === "error"))
    throw new CliError("A Collector would refuse it, so it was not saved.");
  return check;
}

function forecast(name: string, known: Configuration | null, body: string): string {
  if (known === null) return `${name} would be created`;
  if (known.hash === hashOf(body)) return `${name} is version ${known.current_version} already`;
  return `${name} would get version ${known.current_version + 1}`;
}

async function save(
  client: Client,
  known: Configuration | null,
  name: string,
  body: string,
  message: string | undefined,
): Promise<Saved> {
  const once = { idempotencyKey: randomUUID() };
  if (known === null) {
    const why = message === undefined ? {} : { message };
    const { id, current_version } = await client.configurationCreate({ body: { name, body, ...why } }, once);
    return { id, version: current_version, isNew: true };
  }
  const { id, current_version } = known;
  if (known.hash === hashOf(body)) return { id, version: current_version, isNew: false };
  const next = await client.configurationVersionCreate(
    {
      params: { configuration_id: id },
      body: { body, message: message ?? "Applied from a file", based_on: current_version },
    },
    once,
  );
  return { id, version: next.version, isNew: true };
}

/** As the control plane names the content of a version. */
function hashOf(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}

function versionOf(client: Client, { id, version }: Saved) {
  return client.configurationVersionRead({ params: { configuration_id: id, version: String(version) } });
}

async function bring(
  context: Context,
  { client, output }: Api,
  { id, version }: Saved,
  options: ApplyOptions & { to: string },
): Promise<void> {
  const rollout = await startRollout(client, id, { ...options, at: version }, options.message);
  if (options.wait === true) {
    if (options.json !== true) output.print(printable(`${rollout.sentence} (${shortId(rollout.id)})`));
    context.exitCode = await followRollout(client, output, rollout.id, options);
    return undefined;
  }
  if (options.json === true) return output.json(rollout);
  output.print(printable(`${rollout.sentence} (${shortId(rollout.id)})`));
  output.note(`Watch it with \`flowplane rollouts watch ${shortId(rollout.id)}\`.`);
  return undefined;
}
