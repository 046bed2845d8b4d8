/** A filter or a choice of agents as the selector of a rollout: CEL over one agent. */
import { AGENT_STATES, SELECTOR_CHARS_MAX, type Agent } from "@flowplane/contract";
import { filterTerms } from "../../list/filterText.ts";
import type { AgentsSearch } from "../../search.ts";

export type ToSelector = { readonly selector: string } | { readonly problem: string };

/** A UUID in quotes, a comma and a space. */
const ID_CHARS = 40;
const IDS_MAX = Math.floor((SELECTOR_CHARS_MAX - "id in []".length) / ID_CHARS);

/** These agents, by their ids: names are not unique, and a selector by name would reach others that are called the same. */
export function selectorOfAgents(agents: readonly Pick<Agent, "id">[]): ToSelector {
  return checked(
    oneOfIds(agents),
    `At most ${IDS_MAX} agents can be named one by one. Filter them instead, by a label for example, and choose all that match.`,
  );
}

/** All that match a filter, but `without`. What the server's filter knows and a selector does not is a problem that names the term. */
export function selectorOfFilter(
  search: Pick<AgentsSearch, "q" | "kind" | "state" | "site_id">,
  siteName: (id: string) => string | undefined,
  without: readonly Pick<Agent, "id">[] = [],
): ToSelector {
  /** Conditions of one key are alternatives; keys must all hold. */
  const alternatives = new Map<string, string[]>();
  const add = (key: string, condition: string) =>
    alternatives.set(key, [...(alternatives.get(key) ?? []), condition]);
  if (search.kind !== undefined) add("kind", `kind == ${text(search.kind)}`);
  if (search.state !== undefined) add("state", `state == ${text(search.state)}`);
  if (search.site_id !== undefined) {
    const site = siteName(search.site_id);
    if (site === undefined) return { problem: "The site of this filter is not known; choose it again." };
    add("site_id", `site == ${text(site)}`);
  }
  for (const [index, { key, value, text: term }] of filterTerms(search.q ?? "").entries()) {
    const own = `${index}`;
    if (key === undefined && AGENT_STATES.some((state) => state === value.toLowerCase()))
      add("state", `state == ${text(value.toLowerCase())}`);
    else if (key === "kind" || key === "state" || key === "site" || key === "health")
      add(key, `${key} == ${text(value)}`);
    else if (key === "os") add(key, `os.lowerAscii().contains(${text(value.toLowerCase())})`);
    else if (key === "version") add(own, versionCondition(value));
    else if (key?.startsWith("label.") === true) add(own, `labels[${text(key.slice(6))}] == ${text(value)}`);
    else if (key === undefined && !/\s/.test(value)) add(own, wordCondition(value.toLowerCase()));
    else
      return {
        problem: `A selector cannot say “${term}”. Take it out of the filter, or choose the agents one by one.`,
      };
  }
  const conditions = [...alternatives.values()].map((either) =>
    either.length === 1 ? (either[0] ?? "") : `(${either.join(" || ")})`,
  );
  if (without.length > 0) conditions.push(`!(${oneOfIds(without)})`);
  if (conditions.length === 0) return { selector: 'name != ""' };
  return checked(
    conditions.join(" && "),
    "This filter is longer than a selector can be. Make it shorter, or leave out fewer agents.",
  );
}

/** A word is looked for where the server's filter looks: in the name, the host name and the labels' values. */
function wordCondition(word: string): string {
  const found = (field: string) => `${field}.lowerAscii().contains(${text(word)})`;
  return `(${found("name")} || ${found("hostname")} || labels.exists(key, ${found("labels[key]")}))`;
}

function oneOfIds(agents: readonly Pick<Agent, "id">[]): string {
  const [first, ...others] = agents.map(({ id }) => text(id));
  return others.length === 0 ? `id == ${first ?? text("")}` : `id in [${[first, ...others].join(", ")}]`;
}

function versionCondition(value: string): string {
  const [, operator = "=", version = ""] = /^(<=|>=|<|>|=)?v?(.*)$/.exec(value) ?? [];
  const below = `versionBelow(version, ${text(version)})`;
  const atLeast = `versionAtLeast(version, ${text(version)})`;
  const isExactly = `(${atLeast} && versionAtLeast(${text(version)}, version))`;
  switch (operator) {
    case "<":
      return below;
    case ">=":
      return atLeast;
    case "<=":
      return `(${below} || ${isExactly})`;
    case ">":
      return `(${atLeast} && !${isExactly})`;
    default:
      return isExactly;
  }
}

function checked(selector: string, tooLong: string): ToSelector {
  return selector.length > SELECTOR_CHARS_MAX ? { problem: tooLong } : { selector };
}

/** A text as CEL writes it, which is as JSON does. */
function text(value: string): string {
  return JSON.stringify(value);
}
