import {
  AGENT_KINDS,
  AGENT_STATES,
  DELIVERY_STATES,
  HEALTH_LEVELS,
  type AgentState,
  type DeliveryState,
  type HealthLevel,
} from "@flowplane/contract";

/**
 * The query bar of the fleet page: `kind:collector health:bad site:berlin version:<0.159 label.env=prod offline db`.
 * `KEY:VALUE` filters, `label.KEY=VALUE` matches a label, a bare state word filters by state, any other word
 * must occur in the name, the host name or a label's value.
 */
export interface AgentQuery {
  readonly words: readonly string[];
  readonly kinds: readonly string[];
  readonly states: readonly AgentState[];
  /** What the agent says of itself. */
  readonly healths: readonly AgentHealth[];
  /** How well it is by the thresholds of its configuration, as the facet counts. */
  readonly healthLevels: readonly HealthLevel[];
  readonly sites: readonly string[];
  readonly os: readonly string[];
  readonly versions: readonly { operator: "=" | "<" | "<=" | ">" | ">="; version: string }[];
  /** Names of configurations, and how far these have come. */
  readonly configurations: readonly string[];
  readonly configStates: readonly DeliveryState[];
  readonly labels: readonly { key: string; value: string }[];
}

export const HEALTHS = ["good", "bad", "unknown"] as const;
export type AgentHealth = (typeof HEALTHS)[number];

export type ParsedQuery = { ok: true; query: AgentQuery } | { ok: false; problem: string };

const TOKENS_MAX = 20;
const KEYS = [
  "kind",
  "state",
  "health",
  "health_level",
  "site",
  "os",
  "version",
  "configuration",
  "config_state",
] as const;

export function parseAgentQuery(text: string): ParsedQuery {
  const query = {
    words: [] as string[],
    kinds: [] as string[],
    states: [] as AgentState[],
    healths: [] as AgentHealth[],
    healthLevels: [] as HealthLevel[],
    sites: [] as string[],
    os: [] as string[],
    versions: [] as { operator: "=" | "<" | "<=" | ">" | ">="; version: string }[],
    configurations: [] as string[],
    configStates: [] as DeliveryState[],
    labels: [] as { key: string; value: string }[],
  };
  const tokens = text.match(/(?:[^\s"]|"[^"]*")+/g) ?? [];
  if (tokens.length > TOKENS_MAX)
    return { ok: false, problem: `The filter has more than ${TOKENS_MAX} words.` };
  for (const token of tokens.map((word) => word.replaceAll('"', ""))) {
    const label = /^label\.([^=]+)=(.*)$/.exec(token);
    const filter = /^([a-z_]+):(.*)$/.exec(token);
    if (label !== null) {
      query.labels.push({ key: label[1] ?? "", value: label[2] ?? "" });
    } else if (filter === null) {
      if (isState(token.toLowerCase())) query.states.push(token.toLowerCase() as AgentState);
      else if (token !== "") query.words.push(token);
    } else {
      const problem = addFilter(query, filter[1] ?? "", filter[2] ?? "");
      if (problem !== undefined) return { ok: false, problem };
    }
  }
  return { ok: true, query };
}

type Mutable = { -readonly [K in keyof AgentQuery]: AgentQuery[K][number][] };

function addFilter(query: Mutable, key: string, value: string): string | undefined {
  if (value === "") return `Write a value after ${key}:`;
  switch (key) {
    case "kind":
      if (!AGENT_KINDS.some((kind) => kind === value))
        return `There is no kind "${value}"; the kinds are ${AGENT_KINDS.join(", ")}.`;
      query.kinds.push(value);
      return;
    case "state":
      if (!isState(value)) return `There is no state "${value}"; the states are ${AGENT_STATES.join(", ")}.`;
      query.states.push(value);
      return;
    case "health":
      if (!isHealth(value)) return `There is no health "${value}"; it is ${HEALTHS.join(", ")}.`;
      query.healths.push(value);
      return;
    case "health_level":
      if (!isHealthLevel(value))
        return `There is no level of health "${value}"; the levels are ${HEALTH_LEVELS.join(", ")}.`;
      query.healthLevels.push(value);
      return;
    case "site":
      query.sites.push(value);
      return;
    case "os":
      query.os.push(value);
      return;
    case "version": {
      const [, operator, version] = /^(<=|>=|<|>|=)?(.+)$/.exec(value) ?? [];
      if (version === undefined || !/^v?\d+(\.\d+)*/.test(version))
        return `"${value}" is no version; write it like version:<0.159 or version:1.2.3.`;
      query.versions.push({ operator: (operator ?? "=") as "=", version: version.replace(/^v/, "") });
      return;
    }
    case "configuration":
      query.configurations.push(value);
      return;
    case "config_state":
      if (!isDeliveryState(value))
        return `There is no state "${value}" of a configuration; the states are ${DELIVERY_STATES.join(", ")}.`;
      query.configStates.push(value);
      return;
    default:
      return `There is no filter "${key}:"; the filters are ${KEYS.map((name) => `${name}:`).join(", ")} and label.KEY=VALUE.`;
  }
}

function isState(word: string): word is AgentState {
  return (AGENT_STATES as readonly string[]).includes(word);
}

function isDeliveryState(word: string): word is DeliveryState {
  return (DELIVERY_STATES as readonly string[]).includes(word);
}

function isHealth(word: string): word is AgentHealth {
  return (HEALTHS as readonly string[]).includes(word);
}

function isHealthLevel(word: string): word is HealthLevel {
  return (HEALTH_LEVELS as readonly string[]).includes(word);
}
