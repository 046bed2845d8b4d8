import { randomUUID } from "node:crypto";
import type { Bearer, EnrolmentToken } from "@flowplane/contract";
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
import { findAgent } from "../find.ts";
import { formatLabels, formatWhen, shortId } from "../format.ts";
import { collectPairs, parseCount, parseDurationSeconds } from "../input.ts";
import { isWholeId, listUpTo, matchesId, theOnly } from "../listing.ts";
import { findSite } from "./sites.ts";

const TOKENS_MAX = 10_000;

interface CreateOptions extends ApiOptions {
  bearer?: true;
  name?: string;
  agent?: string;
  kind?: "site" | "collector" | "gateway";
  site?: string;
  label?: Record<string, string>;
  manual?: true;
  uses?: number | "unlimited";
  expires?: number;
}

export function declareTokens(program: Command, context: Context): void {
  const tokens = plainCommand(program, "tokens", "Make and revoke what lets agents in");
  defaultCommand(tokens, "ls", "List enrolment tokens")
    .option("--bearer", "list bearers instead")
    .action((options: ApiOptions & { bearer?: true }) =>
      options.bearer === true ? listBearers(context, options) : listTokens(context, options),
    );

  const create = apiCommand(
    tokens,
    "create",
    "Create an enrolment token, or with --bearer a bearer; the secret alone goes to stdout",
  )
    .option("--bearer", "a bearer for one agent that cannot do certificates, such as a collector")
    .option("-n, --name <name>", "name of the token; with --bearer of the new agent")
    .option("-a, --agent <agent>", "with --bearer: for this agent, which is there already")
    .option("--site <site>", "name or id of the site agents join (default: the first)")
    .option("-l, --label <key=value>", "label agents get; repeatable", collectPairs)
    .option("--manual", "agents wait until somebody approves them")
    .option("--uses <n>", "how many agents it lets in, or `unlimited` (default: 1)", (text) =>
      text === "unlimited" ? text : parseCount(text),
    )
    .option("--expires <duration>", "how long it is good (default: 1h; a bearer 90d)", parseDurationSeconds)
    .action((options: CreateOptions) =>
      options.bearer === true ? createBearer(context, options) : createToken(context, options),
    );
  create.addOption(
    create
      .createOption("--kind <kind>", "with --bearer: what the new agent is (default: collector)")
      .choices(["site", "collector", "gateway"]),
  );

  apiCommand(tokens, "revoke", "Revoke an enrolment token or a bearer at once")
    .argument("<token>", "id, a part of one, or its name")
    .action((wanted: string, options: ApiOptions) => revoke(context, wanted, options));
}

async function listTokens(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.enrolmentTokenList({ query }), TOKENS_MAX);
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No enrolment tokens.");
  const now = context.now();
  output.table<EnrolmentToken>(
    [
      { title: "ID", value: (token) => shortId(token.id) },
      { title: "NAME", value: (token) => token.name, shrinkTo: 8 },
      {
        title: "STATE",
        value: (token) => token.state,
        paint: (cell, token) => output.style(token.state === "usable" ? "green" : "gray", cell),
      },
      { title: "USES", value: (token) => `${token.uses}/${token.uses_max ?? "unlimited"}` },
      { title: "APPROVAL", value: (token) => token.approval },
      { title: "EXPIRES", value: (token) => formatWhen(token.expires_at, now) },
      { title: "BY", value: (token) => token.created_by.name, shrinkTo: 8 },
      { title: "LABELS", value: (token) => formatLabels(token.labels), shrinkTo: 8 },
    ],
    items,
  );
}

async function listBearers(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await listUpTo((query) => client.bearerList({ query }), TOKENS_MAX);
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No bearers.");
  const now = context.now();
  output.table<Bearer>(
    [
      { title: "ID", value: (bearer) => shortId(bearer.id) },
      { title: "AGENT", value: (bearer) => bearer.agent_name, shrinkTo: 8 },
      { title: "STATE", value: (bearer) => bearerState(bearer, now) },
      { title: "EXPIRES", value: (bearer) => formatWhen(bearer.expires_at, now) },
      { title: "USED", value: (bearer) => formatWhen(bearer.last_used_at, now) },
      { title: "BY", value: (bearer) => bearer.created_by.name, shrinkTo: 8 },
    ],
    items,
  );
}

function bearerState(bearer: Bearer, now: number): string {
  if (bearer.revoked_at !== null) return "revoked";
  return Date.parse(bearer.expires_at) <= now ? "expired" : "usable";
}

async function createToken(context: Context, options: CreateOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const siteId = options.site === undefined ? undefined : (await findSite(client, options.site)).id;
  const body = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(siteId === undefined ? {} : { site_id: siteId }),
    ...(options.label === undefined ? {} : { labels: options.label }),
    ...(options.manual === undefined ? {} : { approval: "manual" as const }),
    ...(options.uses === undefined ? {} : { uses_max: options.uses === "unlimited" ? null : options.uses }),
    ...(options.expires === undefined ? {} : { expires_in_seconds: options.expires }),
  };
  const created = await client.enrolmentTokenCreate({ body }, { idempotencyKey: randomUUID() });
  if (options.json === true) return output.json(created);
  output.print(created.secret);
  if (!output.interactive) return;
  output.note(
    `\nIt is shown this once, and is good for ${usesWords(created.token.uses_max)} until ${created.token.expires_at}. On the agent's machine:`,
  );
  output.note(`  flowplane agent enroll --server ${created.agents_url} --token TOKEN`);
}

function usesWords(max: number | null): string {
  if (max === null) return "any number of agents";
  return max === 1 ? "one agent" : `${max} agents`;
}

async function createBearer(context: Context, options: CreateOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const agentId = options.agent === undefined ? undefined : (await findAgent(client, options.agent)).id;
  const siteId = options.site === undefined ? undefined : (await findSite(client, options.site)).id;
  const body = {
    ...(agentId === undefined ? { name: options.name ?? "collector" } : { agent_id: agentId }),
    ...(options.kind === undefined ? {} : { kind: options.kind }),
    ...(siteId === undefined ? {} : { site_id: siteId }),
    ...(options.label === undefined ? {} : { labels: options.label }),
    ...(options.expires === undefined ? {} : { expires_in_seconds: options.expires }),
  };
  const created = await client.bearerCreate({ body }, { idempotencyKey: randomUUID() });
  if (options.json === true) return output.json(created);
  output.print(created.secret);
  if (!output.interactive) return;
  output.note(
    `\nIt is shown this once, and is good for ${created.bearer.agent_name} until ${created.bearer.expires_at}.`,
  );
  output.note(`  endpoint: ${created.opamp_url}`);
  output.note("  header:   Authorization: Bearer …");
}

async function revoke(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const api = await openApi(context, options);
  const { client, output } = api;
  const token = await findToken(api, wanted);
  if (token.kind === "bearer") await client.bearerRevoke({ params: { bearer_id: token.id } });
  else await client.enrolmentTokenRevoke({ params: { token_id: token.id } });
  if (options.json === true) output.json({ id: token.id, revoked: true });
  else output.print(`${token.name} (${shortId(token.id)}) revoked`);
}

async function findToken({ client }: Api, wanted: string) {
  const [tokens, bearers] = await Promise.all([
    listUpTo((query) => client.enrolmentTokenList({ query }), TOKENS_MAX),
    listUpTo((query) => client.bearerList({ query }), TOKENS_MAX),
  ]);
  const all = [
    ...tokens.items.map(({ id, name, revoked_at }) => ({ id, name, revoked_at, kind: "token" as const })),
    ...bearers.items.map(({ id, agent_name: name, revoked_at }) => ({
      id,
      name,
      revoked_at,
      kind: "bearer" as const,
    })),
  ];
  const byId = all.filter(({ id }) => id === wanted.toLowerCase() || matchesId(id, wanted));
  const matches =
    byId.length > 0 || isWholeId(wanted)
      ? byId
      : all.filter((token) => token.name === wanted && token.revoked_at === null);
  return theOnly(
    matches,
    "enrolment token",
    wanted,
    (token) => `${token.kind} ${token.name} ${shortId(token.id)}`,
  );
}
