import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import type { Client, Package, PackagePlace, Release, ReleaseFile } from "@flowplane/contract";
import { routes, upload as send } from "@flowplane/contract/light";
import type { Command } from "commander";
import {
  apiCommand,
  defaultCommand,
  openApi,
  plainCommand,
  type Api,
  type ApiOptions,
  type Context,
} from "../context.ts";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { findAgent, findPackage } from "../find.ts";
import { formatWhen } from "../format.ts";
import { listUpTo } from "../listing.ts";
import { reasonOf } from "../reasons.ts";
import { printable } from "../text-width.ts";

const PACKAGES_MAX = 10_000;
const PLACES_SHOWN = 200;
const PACKAGE = "name or id";

interface UploadOptions extends ApiOptions {
  file: string[];
  canary?: true;
  addon?: true;
  signature: string[];
  reason?: string;
}

interface GiveOptions extends ApiOptions {
  release: string[];
  drop: string[];
  reason?: string;
  retry?: true;
  withdraw?: true;
}

export function declarePackages(program: Command, context: Context): void {
  const packages = plainCommand(
    program,
    "packages",
    "Keep programs and addons, and give them to agents over OpAMP",
  );
  const collect = (value: string, all: readonly string[]) => [...all, value];

  defaultCommand(packages, "ls", "List packages")
    .alias("list")
    .action((options: ApiOptions) => list(context, options));

  apiCommand(packages, "show", "Show a package: its releases, their files, and who has which")
    .argument("<package>", PACKAGE)
    .action((wanted: string, options: ApiOptions) => show(context, wanted, options));

  apiCommand(packages, "upload", "Publish a release; the package is made with its first")
    .argument("<package>", "name; letters, digits and . _ -")
    .argument("<version>", "of the release")
    .requiredOption(
      "-f, --file <[os/arch=]path>",
      "a file, and what it is made for (default: anything); may be given several times",
      collect,
      [],
    )
    .option(
      "--signature <[os/arch=]path>",
      "the signature of that file, in the format its agents check; may be given several times",
      collect,
      [],
    )
    .option("--canary", "into the channel canary (default: stable)")
    .option("--addon", "a new package is something beside the agent's program, not that itself")
    .option("-r, --reason <text>", "what is new in it")
    .addHelpText(
      "after",
      "\nExample:\n  flowplane packages upload otelcol 0.150.0 -f linux/amd64=./otelcol-amd64 -f linux/arm64=./otelcol-arm64",
    )
    .action((name: string, version: string, options: UploadOptions) =>
      upload(context, name, version, options),
    );

  apiCommand(packages, "delete", "Delete a release, or a package with all of them, which no agent is to have")
    .alias("rm")
    .argument("<package>", PACKAGE)
    .argument("[version]", "of the release; without it the whole package goes")
    .action((wanted: string, version: string | undefined, options: ApiOptions) =>
      remove(context, wanted, version, options),
    );

  apiCommand(packages, "give", "Say what packages agents are to have, all of them: others they delete")
    .argument("<agent...>", "name, hostname, id or a part of the id")
    .option("--release <package@version>", "one of them; may be given several times", collect, [])
    .option("--drop <package>", "one they have and shall delete; may be given several times", collect, [])
    .option("--retry", "offer them once more what they are to have")
    .option("--withdraw", "offer them nothing any more; they keep what they have")
    .option("-r, --reason <text>", "why; it is kept in the audit log")
    .action((wanted: string[], options: GiveOptions) => give(context, wanted, options));
}

async function list(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.packageList({ query }), PACKAGES_MAX);
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No packages.");
  output.table<Package>(
    [
      { title: "NAME", value: ({ name }) => name, shrinkTo: 12 },
      { title: "TYPE", value: ({ type }) => type.replaceAll("_", " ") },
      { title: "NEWEST", value: ({ newest_version: version }) => version ?? "-", shrinkTo: 8 },
      { title: "RELEASES", value: ({ releases }) => String(releases) },
      { title: "AGENTS", value: ({ agents }) => String(agents) },
      { title: "INSTALLED", value: ({ installed }) => String(installed) },
      {
        title: "FAILED",
        value: ({ failed }) => String(failed),
        paint: (cell, { failed }) => (failed > 0 ? output.style("red", cell) : cell),
      },
    ],
    items,
  );
}

async function show(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { id } = await findPackage(client, wanted);
  const shown = await client.packageRead({ params: { package_id: id } });
  const { items, more } = await listUpTo(
    (query) => client.packagePlaces({ params: { package_id: id }, query }),
    PLACES_SHOWN,
  );
  if (options.json === true) return output.json({ ...shown, places: items });
  output.print(output.style("bold", printable(`${shown.name} (${shown.type.replaceAll("_", " ")})`)));
  if (shown.description !== "") output.print(printable(shown.description));
  output.print("");
  if (shown.all_releases.length === 0) output.print("No releases.");
  else
    output.table<Release>(
      [
        { title: "VERSION", value: ({ version }) => version },
        { title: "CHANNEL", value: ({ channel }) => channel },
        {
          title: "PUBLISHED",
          value: ({ published_at: at }) => (at === null ? "not yet" : formatWhen(at, context.now())),
        },
        { title: "AGENTS", value: ({ agents }) => String(agents) },
        {
          title: "FILES",
          value: ({ files }) => files.map(({ os, arch }) => `${os}/${arch}`).join(" ") || "-",
          shrinkTo: 12,
        },
        { title: "WHAT IS NEW", value: ({ message }) => message, shrinkTo: 12 },
      ],
      shown.all_releases,
    );
  if (items.length === 0) return;
  output.print("");
  output.table<PackagePlace>(
    [
      { title: "AGENT", value: ({ agent_name: name }) => name, shrinkTo: 12 },
      { title: "HAS", value: ({ has_version: version }) => version ?? "-" },
      { title: "IS TO HAVE", value: ({ wanted_version: version }) => version ?? "-" },
      { title: "", value: ({ sentence }) => sentence, shrinkTo: 20 },
    ],
    items,
  );
  if (more) output.note(`There are more than these ${PLACES_SHOWN}; the API pages through all.`);
}

async function upload(
  context: Context,
  name: string,
  version: string,
  options: UploadOptions,
): Promise<void> {
  const files = options.file.map(platformAndPath);
  const signatures = options.signature.map(platformAndPath);
  const strange = signatures.find(({ platform }) => files.every((file) => file.platform !== platform));
  if (strange !== undefined)
    throw new CliError(`There is a signature for ${strange.platform} and no file.`, { exitCode: EXIT.usage });
  const api = await openApi(context, options);
  const { client, output } = api;
  const { items } = await listUpTo(
    (query) => client.packageList({ query: { ...query, q: name } }),
    PACKAGES_MAX,
  );
  const of =
    items.find((each) => each.name === name) ??
    (await client.packageCreate({ body: { name, type: options.addon === true ? "addon" : "top_level" } }));
  const release = await openRelease(api, of, version, {
    channel: options.canary === true ? "canary" : "stable",
    message: options.reason ?? reasonOf("packages upload"),
  });
  const params = { package_id: of.id, release_id: release.id };
  for (const { os, arch, path, platform } of files) {
    const file = (await send(
      api.options,
      routes.releaseFilePut,
      { params, query: { os, arch } },
      await openAsBlob(path),
    )) as ReleaseFile;
    const signature = signatures.find((each) => each.platform === platform);
    if (signature !== undefined)
      await client.releaseFileSign({
        params: { ...params, file_id: file.id },
        body: { signature: (await readFile(signature.path)).toString("base64") },
      });
    if (options.json !== true)
      output.note(printable(`${platform} ${file.bytes} bytes, SHA-256 ${file.sha256}`));
  }
  const published = await client.releasePublish({ params });
  if (options.json === true) return output.json(published);
  output.print(printable(`${name} ${version} published in ${published.channel}`));
  output.note(printable(`Give it to an agent: flowplane packages give AGENT --release ${name}@${version}`));
}

/** A new one, or the one of that version which an upload that broke off has left open. */
async function openRelease(
  { client }: Api,
  of: Package,
  version: string,
  input: { channel: Release["channel"]; message: string },
): Promise<Release> {
  const params = { package_id: of.id };
  const known = (await client.packageRead({ params })).all_releases.find((each) => each.version === version);
  if (known === undefined) return client.releaseCreate({ params, body: { version, ...input } });
  if (known.published_at === null) return known;
  throw new CliError(`${of.name} ${version} is published, and never changes.`, {
    advice: "Upload it as another version.",
  });
}

async function remove(
  context: Context,
  wanted: string,
  version: string | undefined,
  options: ApiOptions,
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { id, name } = await findPackage(client, wanted);
  if (version === undefined) await client.packageDelete({ params: { package_id: id } });
  else
    await client.releaseDelete({
      params: { package_id: id, release_id: (await releaseOf(client, id, name, version)).id },
    });
  if (options.json === true) return output.json({ name, version: version ?? null });
  output.print(printable(`${name}${version === undefined ? "" : ` ${version}`} deleted`));
}

async function give(context: Context, wanted: readonly string[], options: GiveOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const ways = [options.release.length > 0, options.retry === true, options.withdraw === true];
  if (ways.filter(Boolean).length !== 1)
    throw new CliError("Give the set (--release), or --retry, or --withdraw.", { exitCode: EXIT.usage });
  const agents = await Promise.all(wanted.map((each) => findAgent(client, each)));
  const reason = options.reason ?? reasonOf("packages give");
  if (options.release.length > 0) {
    const releases = await Promise.all(options.release.map((each) => releaseNamed(client, each)));
    await client.packageSetsPut({
      body: {
        agent_ids: agents.map(({ id }) => id),
        release_ids: releases.map(({ id }) => id),
        drops: options.drop,
        reason,
      },
    });
  }
  const shown = [];
  for (const { id, name } of agents) {
    const params = { agent_id: id };
    if (options.retry === true) await client.agentPackagesRetry({ params, body: { reason } });
    if (options.withdraw === true) await client.agentPackagesWithdraw({ params });
    const packages = await client.agentPackages({ params });
    shown.push({ agent_id: id, ...packages });
    if (options.json !== true) output.print(printable(`${name}: ${packages.sentence}`));
  }
  if (options.json === true) output.json(shown);
}

async function releaseNamed(client: Client, wanted: string): Promise<Release> {
  const [, name, version] = /^(.+)@([^@]+)$/.exec(wanted) ?? [];
  if (name === undefined || version === undefined)
    throw new CliError(`${wanted} is no release; write PACKAGE@VERSION.`, { exitCode: EXIT.usage });
  const of = await findPackage(client, name);
  return releaseOf(client, of.id, of.name, version);
}

async function releaseOf(client: Client, id: string, name: string, version: string): Promise<Release> {
  const { all_releases: releases } = await client.packageRead({ params: { package_id: id } });
  const found = releases.find((each) => each.version === version);
  if (found !== undefined) return found;
  const known = releases.map((each) => each.version).join(", ");
  throw new CliError(`${name} has no release ${version}${known === "" ? "" : `, but ${known}`}.`, {
    exitCode: EXIT.notFound,
  });
}

/** `linux/amd64=./file`, or a path alone for what runs anywhere. */
function platformAndPath(text: string) {
  const [, os = "any", arch = "any", path = text] = /^([a-z0-9_]+)\/([a-z0-9_]+)=(.+)$/.exec(text) ?? [];
  return { os, arch, path, platform: `${os}/${arch}` };
}
