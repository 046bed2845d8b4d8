import type { Secret } from "@flowplane/contract";
import type { Command } from "commander";
import {
  apiCommand,
  defaultCommand,
  openApi,
  plainCommand,
  type ApiOptions,
  type Context,
} from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { formatWhen } from "../format.ts";
import { listUpTo } from "../listing.ts";
import { readHidden } from "../prompt.ts";
import { findSite } from "./sites.ts";

const SECRETS_MAX = 10_000;

export function declareSecrets(program: Command, context: Context): void {
  const secrets = plainCommand(program, "secrets", "Keep values that runs get and nobody is shown");
  defaultCommand(secrets, "ls", "List the names of secrets")
    .alias("list")
    .action((options: ApiOptions) => list(context, options));
  apiCommand(secrets, "set", "Store a secret, or replace its value, which is read from stdin or asked for")
    .argument("<name>", "letters, digits and _")
    .option("--site <site>", "only for runs of this site (default: for all)")
    .addHelpText("after", "\nExample:\n  flowplane secrets set API_KEY < key.txt")
    .action((name: string, options: ApiOptions & { site?: string }) => set(context, name, options));
  apiCommand(secrets, "rm", "Forget secrets")
    .argument("<name...>", "names")
    .action((names: string[], options: ApiOptions) => remove(context, names, options));
}

async function list(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.secretList({ query }), SECRETS_MAX);
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No secrets.");
  output.table<Secret>(
    [
      { title: "NAME", value: ({ name }) => name, shrinkTo: 12 },
      { title: "FOR", value: ({ site_id: site }) => (site === null ? "all sites" : "one site") },
      { title: "CHANGED", value: ({ updated_at: at }) => formatWhen(at, context.now()) },
      { title: "USED", value: ({ last_used_at: at }) => formatWhen(at, context.now()) },
      { title: "BY", value: ({ created_by: by }) => by.name, shrinkTo: 8 },
    ],
    items,
  );
}

async function set(context: Context, name: string, options: ApiOptions & { site?: string }): Promise<void> {
  const { client, output } = await openApi(context, options);
  const site = options.site === undefined ? null : (await findSite(client, options.site)).id;
  const value = await readHidden(`Value of ${name}: `, output);
  if (value === "")
    throw new CliError("The value is empty.", {
      exitCode: EXIT.usage,
      advice: "Give it on stdin: `flowplane secrets set NAME < FILE`.",
    });
  const secret = await client.secretPut({ params: { secret_name: name }, body: { value, site_id: site } });
  if (options.json === true) return output.json(secret);
  output.print(`${secret.name} stored`);
}

async function remove(context: Context, names: readonly string[], options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  for (const name of names) {
    await client.secretDelete({ params: { secret_name: name } });
    if (options.json !== true) output.print(`${name} forgotten`);
  }
  if (options.json === true) output.json(names);
}
