import type { Site, Variable } from "@flowplane/contract";
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
import { formatWhen, shortId } from "../format.ts";
import { listUpTo } from "../listing.ts";
import { readValue } from "../prompt.ts";
import { printable } from "../text-width.ts";
import { findSite, listAllSites } from "./sites.ts";

const VARIABLES_MAX = 10_000;

interface VariableOptions extends ApiOptions {
  site?: string;
}

export function declareVariables(program: Command, context: Context): void {
  const variables = plainCommand(program, "variables", "Set what ${var:NAME} stands for in configurations");
  defaultCommand(variables, "ls", "List variables with their values")
    .alias("list")
    .option("--site <site>", "only values of this site (default: of the organization and of all sites)")
    .action((options: VariableOptions) => list(context, options));
  apiCommand(
    variables,
    "set",
    "Set a variable; agents keep the value they run until a rollout brings the new one",
  )
    .argument("<variable>", "letters, digits and _")
    .argument("[value]", "the value; without it, or with -, it is read from stdin or asked for")
    .option("--site <site>", "only for agents of this site, where it wins (default: for all)")
    .addHelpText(
      "after",
      "\nExamples:\n  flowplane variables set BACKEND otlp.example:4317\n  flowplane variables set BACKEND --site berlin < backend.txt",
    )
    .action((name: string, value: string | undefined, options: VariableOptions) =>
      set(context, name, value, options),
    );
  apiCommand(variables, "rm", "Forget variables, of the organization or of one site")
    .alias("delete")
    .argument("<variable...>", "names")
    .option("--site <site>", "the value of this site alone (default: the organization's)")
    .action((names: string[], options: VariableOptions) => remove(context, names, options));
}

async function list(context: Context, options: VariableOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const site = options.site === undefined ? {} : { site_id: (await findSite(client, options.site)).id };
  const { items } = await listUpTo(
    (query) => client.variableList({ query: { ...query, ...site } }),
    VARIABLES_MAX,
  );
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No variables.");
  const sites = items.some(({ site_id: id }) => id !== null) ? await listAllSites(client) : [];
  output.table<Variable>(
    [
      { title: "NAME", value: ({ name }) => name, shrinkTo: 12 },
      { title: "FOR", value: (variable) => scopeOf(variable, sites), shrinkTo: 8 },
      { title: "VALUE", value: ({ value }) => printable(value), shrinkTo: 12 },
      { title: "CHANGED", value: ({ updated_at: at }) => formatWhen(at, context.now()) },
      { title: "BY", value: ({ created_by: by }) => by.name, shrinkTo: 8 },
    ],
    items,
  );
}

function scopeOf({ site_id: id }: Variable, sites: readonly Site[]): string {
  if (id === null) return "all sites";
  return sites.find((site) => site.id === id)?.name ?? shortId(id);
}

async function set(
  context: Context,
  name: string,
  given: string | undefined,
  options: VariableOptions,
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const site = options.site === undefined ? null : await findSite(client, options.site);
  const value = given === undefined || given === "-" ? await asked(name) : given;
  const variable = await client.variablePut({
    params: { variable_name: name },
    body: { value, site_id: site?.id ?? null },
  });
  if (options.json === true) return output.json(variable);
  output.print(printable(`${variable.name} set${ofSite(site)}`));
}

/** A value may be empty; a file or an answer that is empty is more likely a mistake. */
async function asked(name: string): Promise<string> {
  const value = await readValue(`Value of ${name}: `);
  if (value !== "") return value;
  throw new CliError("The value is empty.", {
    exitCode: EXIT.usage,
    advice: `Say so if it shall be: \`flowplane variables set ${name} ""\`.`,
  });
}

async function remove(context: Context, names: readonly string[], options: VariableOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const site = options.site === undefined ? null : await findSite(client, options.site);
  const query = site === null ? {} : { site_id: site.id };
  for (const name of names) {
    await client.variableDelete({ params: { variable_name: name }, query });
    if (options.json !== true) output.print(printable(`${name} forgotten${ofSite(site)}`));
  }
  if (options.json === true) output.json(names);
}

function ofSite(site: Site | null): string {
  return site === null ? "" : ` for ${site.name}`;
}
