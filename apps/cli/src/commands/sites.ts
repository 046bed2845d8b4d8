import { randomUUID } from "node:crypto";
import type { Client, Site } from "@flowplane/contract";
import type { Command } from "commander";
import {
  apiCommand,
  defaultCommand,
  openApi,
  plainCommand,
  type ApiOptions,
  type Context,
} from "../context.ts";
import { formatWhen, shortId } from "../format.ts";
import { listUpTo, matchesId, theOnly } from "../listing.ts";
import { printable } from "../text-width.ts";

const SITES_MAX = 10_000;

export function declareSites(program: Command, context: Context): void {
  const sites = plainCommand(program, "sites", "See and create sites");
  defaultCommand(sites, "ls", "List sites").action((options: ApiOptions) => listSites(context, options));
  apiCommand(sites, "create", "Create a site")
    .argument("<name>", "name of the site")
    .option("--environment <name>", "such as production or staging")
    .action((name: string, options: ApiOptions & { environment?: string }) =>
      createSite(context, name, options),
    );
}

/** The site somebody means: its name, an id, or a part of one. */
export async function findSite(client: Client, wanted: string): Promise<Site> {
  const items = await listAllSites(client);
  const named = items.filter((site) => site.name.toLowerCase() === wanted.toLowerCase());
  const matches = named.length > 0 ? named : items.filter((site) => matchesId(site.id, wanted));
  return theOnly(matches, "site", wanted, (site) => `${site.name} ${shortId(site.id)}`);
}

export async function listAllSites(client: Client): Promise<Site[]> {
  return (await listUpTo((query) => client.siteList({ query }), SITES_MAX)).items;
}

async function listSites(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const items = await listAllSites(client);
  if (options.json === true) return output.json(items);
  output.table<Site>(
    [
      { title: "NAME", value: (site) => site.name, shrinkTo: 8 },
      { title: "ENVIRONMENT", value: (site) => site.environment, shrinkTo: 11 },
      { title: "AGENTS", align: "right", value: (site) => String(site.agents) },
      { title: "CREATED", value: (site) => formatWhen(site.created_at, context.now()) },
      { title: "ID", value: (site) => shortId(site.id) },
    ],
    items,
  );
}

async function createSite(
  context: Context,
  name: string,
  options: ApiOptions & { environment?: string },
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const body = { name, ...(options.environment === undefined ? {} : { environment: options.environment }) };
  const site = await client.siteCreate({ body }, { idempotencyKey: randomUUID() });
  if (options.json === true) return output.json(site);
  output.print(printable(`${site.name} (${shortId(site.id)}) created`));
}
