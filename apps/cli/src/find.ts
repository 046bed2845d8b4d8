import type { Agent, Client, Configuration, Job, Package, Policy, Rollout, Run } from "@flowplane/contract";
import { EXIT } from "./exit-codes.ts";
import { CliError } from "./failure.ts";
import { shortId } from "./format.ts";
import { isWholeId, listUpTo, matchesId, theOnly } from "./listing.ts";

/** How far back a part of an id is looked for. */
const RUNS_SEARCHED_MAX = 2_000;
const AGENTS_SEARCHED_MAX = 2_000;
const JOBS_SEARCHED_MAX = 10_000;
const CONFIGURATIONS_SEARCHED_MAX = 10_000;
const ROLLOUTS_SEARCHED_MAX = 2_000;
const PACKAGES_SEARCHED_MAX = 10_000;
const POLICIES_SEARCHED_MAX = 10_000;

/** The run somebody means: an id, a part of one, or `-` or `@last` for the newest. */
export async function findRun(client: Client, wanted: string): Promise<Run> {
  if (wanted === "-" || wanted === "@last") return await newestRun(client);
  if (isWholeId(wanted)) return await client.runRead({ params: { run_id: wanted.toLowerCase() } });
  const { items } = await listUpTo((query) => client.runList({ query }), RUNS_SEARCHED_MAX);
  const matches = items.filter((run) => matchesId(run.id, wanted));
  return theOnly(matches, "run", wanted, (run) => `${shortId(run.id)} (${run.name})`);
}

async function newestRun(client: Client): Promise<Run> {
  const { items } = await client.runList({ query: { limit: 1 } });
  const [newest] = items;
  if (newest !== undefined) return newest;
  throw new CliError("There is no run yet.", {
    exitCode: EXIT.notFound,
    advice: "Start one with `flowplane run -- COMMAND`.",
  });
}

/** The agent somebody means: its name or hostname, an id, or a part of one. A name that is exact wins. */
export async function findAgent(client: Client, wanted: string): Promise<Agent> {
  if (isWholeId(wanted)) return await client.agentRead({ params: { agent_id: wanted.toLowerCase() } });
  const named = await listUpTo(
    (query) => client.agentList({ query: { ...query, q: quoteWord(wanted) } }),
    AGENTS_SEARCHED_MAX,
  );
  for (const is of [
    (agent: Agent) => agent.name === wanted,
    (agent: Agent) => agent.name.toLowerCase() === wanted.toLowerCase(),
    (agent: Agent) => agent.hostname?.toLowerCase() === wanted.toLowerCase(),
  ]) {
    const matches = named.items.filter(is);
    if (matches.length > 0) return theOnly(matches, "agent", wanted, agentWords);
  }
  const { items } = await listUpTo((query) => client.agentList({ query }), AGENTS_SEARCHED_MAX);
  return theOnly(
    items.filter((agent) => matchesId(agent.id, wanted)),
    "agent",
    wanted,
    agentWords,
  );
}

function agentWords(agent: Agent): string {
  return `${agent.name} ${shortId(agent.id)} (${agent.state})`;
}

/** The query language gives `word:` a meaning of its own; a name with a colon is not searched by the server. */
function quoteWord(name: string): string {
  return /[:"]/.test(name) ? "" : name;
}

/** The job somebody means: its name, an id, or a part of one. A name that is exact wins. */
export async function findJob(client: Client, wanted: string): Promise<Job> {
  if (isWholeId(wanted)) return await client.jobRead({ params: { job_id: wanted.toLowerCase() } });
  const { items } = await listUpTo((query) => client.jobList({ query }), JOBS_SEARCHED_MAX);
  const named = items.filter((job) => job.name === wanted);
  const matches = named.length > 0 ? named : items.filter((job) => matchesId(job.id, wanted));
  return theOnly(matches, "job", wanted, (job) => `${job.name} ${shortId(job.id)}`);
}

/** The detection policy somebody means: its name, an id, or a part of one. A name wins, however it is capitalized. */
export async function findPolicy(client: Client, wanted: string): Promise<Policy> {
  if (isWholeId(wanted)) return await client.policyRead({ params: { policy_id: wanted.toLowerCase() } });
  const { items } = await listUpTo((query) => client.policyList({ query }), POLICIES_SEARCHED_MAX);
  const named = items.filter(({ name }) => name.toLowerCase() === wanted.toLowerCase());
  const matches = named.length > 0 ? named : items.filter(({ id }) => matchesId(id, wanted));
  return theOnly(matches, "policy", wanted, ({ id, name }) => `${name} ${shortId(id)}`);
}

/** The package somebody means: its name, an id, or a part of one. */
export async function findPackage(client: Client, wanted: string): Promise<Package> {
  const { items } = await listUpTo((query) => client.packageList({ query }), PACKAGES_SEARCHED_MAX);
  const named = items.filter(({ name }) => name === wanted);
  const matches = named.length > 0 ? named : items.filter(({ id }) => matchesId(id, wanted));
  return theOnly(matches, "package", wanted, ({ id, name }) => `${name} ${shortId(id)}`);
}

/** A policy as a reference: as `findPolicy`, and `@3` for that version. */
export async function findPolicyRef(
  client: Client,
  wanted: string,
): Promise<{ policy_id: string; version?: number }> {
  const [, name = wanted, version] = /^(.*?)(?:@v?(\d+))?$/.exec(wanted) ?? [];
  const { id } = await findPolicy(client, name);
  return { policy_id: id, ...(version === undefined ? {} : { version: Number(version) }) };
}

/** The configuration of exactly this name. */
export async function findConfigurationByName(client: Client, name: string): Promise<Configuration | null> {
  const { items } = await listUpTo(
    (query) => client.configurationList({ query: { ...query, q: name } }),
    CONFIGURATIONS_SEARCHED_MAX,
  );
  return items.find((configuration) => configuration.name === name) ?? null;
}

/** The configuration somebody means: its name, an id, or a part of one. */
export async function findConfiguration(client: Client, wanted: string): Promise<Configuration> {
  const named = await findConfigurationByName(client, wanted);
  if (named !== null) return named;
  const { items } = await listUpTo(
    (query) => client.configurationList({ query }),
    CONFIGURATIONS_SEARCHED_MAX,
  );
  return theOnly(
    items.filter(({ id }) => matchesId(id, wanted)),
    "configuration",
    wanted,
    ({ name, id }) => `${name} ${shortId(id)}`,
  );
}

/** The rollout somebody means: an id, a part of one, or `-` or `@last` for the newest. */
export async function findRollout(client: Client, wanted: string): Promise<Rollout> {
  if (isWholeId(wanted)) return await client.rolloutRead({ params: { rollout_id: wanted.toLowerCase() } });
  if (wanted === "-" || wanted === "@last") return await newestRollout(client);
  const { items } = await listUpTo((query) => client.rolloutList({ query }), ROLLOUTS_SEARCHED_MAX);
  return theOnly(
    items.filter(({ id }) => matchesId(id, wanted)),
    "rollout",
    wanted,
    ({ configuration_name, version, id }) => `${shortId(id)} (${configuration_name} v${version})`,
  );
}

async function newestRollout(client: Client): Promise<Rollout> {
  const { items } = await client.rolloutList({ query: { limit: 1 } });
  const [newest] = items;
  if (newest !== undefined) return newest;
  throw new CliError("There is no rollout yet.", {
    exitCode: EXIT.notFound,
    advice: "Start one with `flowplane rollouts start CONFIGURATION --to SELECTOR`.",
  });
}
