import { hostname, userInfo } from "node:os";
import type { Agent, AgentDetail, ConnectionChange, Health, ListedAgent } from "@flowplane/contract";
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
import { parseCount } from "../input.ts";
import { listUpTo } from "../listing.ts";
import { printable } from "../text-width.ts";
import { showTraces, type TracesOptions } from "../agent-traces.ts";
import { reconnectAgent, type ReconnectOptions } from "../reconnect-agent.ts";
import { agentStyle } from "../run-words.ts";
import { packageLines } from "../package-words.ts";
import { configurationLines } from "../agent-configuration.ts";
import type { Column } from "../table.ts";

interface ListOptions extends ApiOptions {
  query?: string;
  state?: Agent["state"];
  kind?: Agent["kind"];
  limit?: number;
}

const AGENTS_SHOWN = 200;
const AGENT = "name, hostname, id or a part of the id";

export function declareAgents(program: Command, context: Context): void {
  const agents = plainCommand(program, "agents", "See and look after agents");

  const ls = defaultCommand(agents, "ls", "List agents")
    .option("-q, --query <query>", "words, and kind: state: site: version: os: label.KEY=VALUE")
    .option("--limit <n>", `at most so many (default: ${AGENTS_SHOWN})`, parseCount)
    .action((options: ListOptions) => listAgents(context, options));
  ls.addOption(
    ls
      .createOption("--state <state>", "only agents in this state")
      .choices(["expected", "pending", "connected", "stale", "offline", "revoked"]),
  );
  ls.addOption(ls.createOption("--kind <kind>", "only this kind").choices(["site", "collector", "gateway"]));

  apiCommand(agents, "show", "Show one agent whole")
    .argument("<agent>", AGENT)
    .action((wanted: string, options: ApiOptions) => showAgent(context, wanted, options));

  apiCommand(agents, "rename", "Give an agent another name")
    .argument("<agent>", AGENT)
    .argument("<name>", "the new name")
    .action((wanted: string, name: string, options: ApiOptions) =>
      act(context, wanted, options, "renamed", ({ client }, { id }) =>
        client.agentChange({ params: { agent_id: id }, body: { name } }),
      ),
    );

  apiCommand(agents, "approve", "Let a waiting agent in")
    .argument("<agent>", AGENT)
    .action((wanted: string, options: ApiOptions) =>
      act(context, wanted, options, "approved", ({ client }, { id }) =>
        client.agentApprove({ params: { agent_id: id } }),
      ),
    );

  apiCommand(agents, "revoke", "Revoke an agent's identity: it is cut off at once and refused from then on")
    .argument("<agent>", AGENT)
    .option("-r, --reason <text>", "why; it is kept in the audit log")
    .action((wanted: string, options: ApiOptions & { reason?: string }) => {
      const reason =
        options.reason ?? `\`flowplane agents revoke\` by ${userInfo().username} on ${hostname()}`;
      return act(context, wanted, options, "revoked", ({ client }, { id }) =>
        client.agentRevoke({ params: { agent_id: id }, body: { reason } }),
      );
    });

  apiCommand(
    agents,
    "reconnect",
    "Offer an agent a new credential, and another address if one is given (OpAMP connection settings)",
  )
    .argument("<agent>", AGENT)
    .option("-r, --reason <text>", "why; it is kept in the audit log")
    .option(
      "--endpoint <url>",
      "where it shall come to: ws, wss, http or https; default: where it comes to now",
    )
    .option(
      "--ca <file>",
      "PEM of the authority of that address's certificate; default: whom its system trusts",
    )
    .option("--retire-old", "its old credentials end once it has come, also where it may forget the new one")
    .option("--keep-old", "its old credentials stay valid")
    .option("--deadline <seconds>", "when the offer counts as failed (default: 3600)", parseCount)
    .option("--wait", "until the agent has come, or not; exit code 1 then")
    .option("--withdraw", "offer it no more")
    .action((wanted: string, options: ReconnectOptions) => reconnectAgent(context, wanted, options));

  const traces = apiCommand(agents, "traces", "List traces of an agent's own work, or show the spans of one")
    .argument("<agent>", AGENT)
    .argument("[trace]", "its id, or the beginning of it")
    .option("--errors", "only traces with a span that ended with an error")
    .option("--limit <n>", "at most so many (default: 20)", parseCount);
  traces.action((wanted: string, trace: string | undefined, options: TracesOptions) =>
    showTraces(context, wanted, trace, options),
  );

  apiCommand(agents, "rm", "Forget a revoked, expected or offline agent; its runs stay")
    .argument("<agent>", AGENT)
    .action((wanted: string, options: ApiOptions) =>
      act(context, wanted, options, "removed", async ({ client }, agent) => {
        await client.agentDelete({ params: { agent_id: agent.id } });
        return agent;
      }),
    );

  apiCommand(agents, "ca", "Print the certificate authority of the agents' listener, as PEM").action(
    (options: ApiOptions) => printAuthority(context, options),
  );
}

async function printAuthority(context: Context, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const authority = await client.certificateAuthority({});
  if (options.json === true) output.json(authority);
  else output.print(authority.certificate.trimEnd());
}

async function act(
  context: Context,
  wanted: string,
  options: ApiOptions,
  done: string,
  change: (api: Api, agent: Agent) => Promise<Agent>,
): Promise<void> {
  const api = await openApi(context, options);
  const before = await findAgent(api.client, wanted);
  const after = await change(api, before);
  if (options.json === true) return api.output.json(after);
  api.output.print(printable(`${before.name} (${shortId(before.id)}) ${done}`));
}

async function listAgents(context: Context, options: ListOptions): Promise<void> {
  const api = await openApi(context, options);
  const { client, output } = api;
  const filter = {
    ...(options.query === undefined ? {} : { q: options.query }),
    ...(options.state === undefined ? {} : { state: options.state }),
    ...(options.kind === undefined ? {} : { kind: options.kind }),
  };
  const max = options.limit ?? AGENTS_SHOWN;
  const { items, more } = await listUpTo((page) => client.agentList({ query: { ...filter, ...page } }), max);
  if (options.json === true) return output.json(items);
  if (items.length === 0) {
    output.print("No agents.");
    return output.note("Add one: `flowplane tokens create`, then `flowplane agent enroll` on its machine.");
  }
  output.table(agentColumns(api, context.now()), items);
  if (more) output.note(`There are more than these ${max}; narrow with --query, or raise --limit.`);
}

function agentColumns({ output }: Api, now: number): Column<ListedAgent>[] {
  return [
    { title: "NAME", value: (agent) => agent.name, shrinkTo: 12 },
    {
      title: "STATE",
      value: stateWord,
      paint: (cell, agent) => output.style(agentStyle(agent.state), cell),
    },
    { title: "KIND", value: (agent) => agent.kind },
    { title: "HEALTH", value: healthWord, shrinkTo: 9 },
    { title: "VERSION", value: (agent) => agent.version ?? "-", shrinkTo: 8 },
    { title: "OS", value: (agent) => agent.os ?? "-", shrinkTo: 6 },
    { title: "CONFIG", value: configurationWord, shrinkTo: 8 },
    { title: "SEEN", value: (agent) => formatWhen(agent.last_seen_at, now) },
    { title: "CERTIFICATE ENDS", value: (agent) => formatWhen(agent.certificate_expires_at, now) },
    { title: "LABELS", value: (agent) => formatLabels(agent.labels), shrinkTo: 6 },
    { title: "ID", value: (agent) => shortId(agent.id) },
  ];
}

/** What became of an offer of connection settings is said only where the agent has not simply come with them. */
function stateWord({ state, connection_change: change }: ListedAgent): string {
  return change == null ? state : `${state}, ${CHANGE_WORDS[change.state]}`;
}

const CHANGE_WORDS: Readonly<Record<ConnectionChange["state"], string>> = {
  reconnecting: "reconnecting",
  kept_old: "kept old connection",
  unknown_since_offer: "unknown since offer",
};

function healthWord(agent: Agent): string {
  if (agent.healthy === null) return "-";
  return agent.health_status || (agent.healthy ? "healthy" : "unhealthy");
}

/** How far it has come is said only where it has not arrived. */
function configurationWord({ configuration }: ListedAgent): string {
  if (configuration === null) return "-";
  const { name, version, state } = configuration;
  return state === "in_sync" ? `${name} v${version}` : `${name} v${version} ${state}`;
}

async function showAgent(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { id } = await findAgent(client, wanted);
  const agent = await client.agentRead({ params: { agent_id: id } });
  // Site agents take policies, and gateways nothing at all.
  const configuration =
    agent.kind === "collector" ? await client.agentConfiguration({ params: { agent_id: id } }) : null;
  const packages =
    agent.kind === "collector" ? await client.agentPackages({ params: { agent_id: id } }) : null;
  if (options.json === true)
    return output.json(configuration === null ? agent : { ...agent, configuration, packages });
  const now = context.now();
  output.print(output.style("bold", printable(agent.name)));
  output.print(printable(agent.sentence));
  output.print("");
  for (const [key, value] of factsOf(agent, now)) output.print(printable(`${key.padEnd(16)}${value}`));
  if (agent.health !== null) {
    output.print("\nHealth");
    for (const line of healthLines(agent.name, agent.health, "  ")) output.print(printable(line));
  }
  if (configuration !== null) {
    output.print("\nConfiguration");
    for (const line of configurationLines(configuration, now)) output.print(printable(`  ${line}`));
  }
  if (packages !== null && (packages.state !== "none" || packages.items.length > 0)) {
    output.print("\nPackages");
    for (const line of packageLines(packages, now)) output.print(printable(`  ${line}`));
  }
  const missing = agent.capabilities.filter(
    (capability) => !capability.present && capability.why_not !== null,
  );
  if (missing.length > 0) {
    output.print("\nCannot");
    for (const { name, why_not } of missing) output.print(printable(`  ${name}: ${why_not ?? ""}`));
  }
}

function factsOf(agent: AgentDetail, now: number): [string, string][] {
  const facts: [string, string | null][] = [
    ["id", agent.id],
    ["state", `${agent.state} since ${agent.state_since}`],
    ["waiting for", agent.waiting === null ? null : agent.waiting.for],
    ["kind", agent.kind],
    ["version", agent.version],
    ["host", agent.hostname],
    ["os", agent.os],
    ["labels", Object.keys(agent.labels).length === 0 ? null : formatLabels(agent.labels)],
    ["transport", agent.transport],
    ["address", agent.remote_address],
    [
      "connection",
      agent.connection_change == null
        ? null
        : `${CHANGE_WORDS[agent.connection_change.state]}: ${agent.connection_change.sentence}`,
    ],
    ["last seen", agent.last_seen_at === null ? null : formatWhen(agent.last_seen_at, now)],
    ["identity", agent.credential],
    [
      "certificate",
      agent.certificate_expires_at === null ? null : `ends ${formatWhen(agent.certificate_expires_at, now)}`,
    ],
    ["revoked", agent.revoked_reason],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null && fact[1] !== "");
}

/** The health tree, one indented line a component. */
function healthLines(name: string, health: Health, indent: string): string[] {
  const trouble = health.last_error === "" ? "" : `: ${health.last_error}`;
  const own = `${indent}${health.healthy ? "ok " : "bad"} ${name} ${health.status}${trouble}`.trimEnd();
  const children = Object.entries(health.components).flatMap(([child, each]) =>
    healthLines(child, each, `${indent}  `),
  );
  return [own, ...children];
}
