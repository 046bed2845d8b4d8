import type { AgentState } from "@flowplane/contract";
import type { Db } from "../../platform/storage/database.ts";
import type { CompiledSelector, SelectableAgent } from "./selector.ts";
import { listSelectable, type SelectableRow } from "./store.ts";

/** An agent that a selector matches, with what decides whether it can be given something. */
export interface SelectedAgent {
  readonly id: string;
  readonly name: string;
  readonly site_id: string;
  readonly kind: "site" | "collector" | "gateway";
  readonly state: AgentState;
  readonly healthy: boolean | null;
  /** OpAMP capability bits as it reported them. */
  readonly capabilities: number;
}

/** Read at a time, so that a fleet of any size takes bounded memory beside what matches. */
const PAGE_AGENTS = 10_000;

/**
 * All agents of the organization of `db` that the selector matches, in the order of ids, and how many agents there are. Agents that
 * are not let in yet, or no longer, are no part of the fleet here.
 */
export async function selectAgents(
  db: Db,
  selector: CompiledSelector,
  { now }: { now: number },
): Promise<{ total: number; agents: SelectedAgent[] }> {
  const { total, agents } = await selectFirst(db, [selector], { now });
  return { total, agents: agents.map(({ agent }) => agent) };
}

/**
 * The same for several selectors in one pass: each agent with the index of the first that matches it. With `changedSince`, of the
 * agents of which something changed since then by which they are selected, state and health left out; it costs those.
 */
export async function selectFirst(
  db: Db,
  selectors: readonly CompiledSelector[],
  { now, changedSince }: { now: number; changedSince?: Date | undefined },
): Promise<{ total: number; agents: { agent: SelectedAgent; index: number }[] }> {
  const agents: { agent: SelectedAgent; index: number }[] = [];
  const fields = new Set(selectors.flatMap((selector) => [...selector.fields]));
  let total = 0;
  let after: string | undefined;
  for (;;) {
    const rows = await listSelectable(db, { after, limit: PAGE_AGENTS, now, fields, changedSince });
    for (const row of rows) {
      if (!isLetIn(row)) continue;
      total += 1;
      const selectable = selectableOf(row);
      const index = selectors.findIndex((selector) => selector.matches(selectable));
      if (index >= 0) agents.push({ agent: selectedOf(row), index });
    }
    after = rows.at(-1)?.id;
    if (rows.length < PAGE_AGENTS) return { total, agents };
  }
}

/** Agents that the same selectors match. */
export interface MatchedGroup {
  /** Indexes of those selectors, ascending; none where no selector matches. */
  readonly matching: readonly number[];
  readonly agents: number;
  /** The first by id. */
  readonly examples: readonly { readonly id: string; readonly name: string }[];
}

/** The Collectors of a site, or of all, by which of the selectors match them; the largest groups first. */
export async function groupCollectors(
  db: Db,
  selectors: readonly CompiledSelector[],
  { now, siteId, examplesMax }: { now: number; siteId: string | undefined; examplesMax: number },
): Promise<MatchedGroup[]> {
  const groups = new Map<
    string,
    { matching: number[]; agents: number; examples: { id: string; name: string }[] }
  >();
  const fields = new Set(selectors.flatMap((selector) => [...selector.fields]));
  let after: string | undefined;
  for (;;) {
    const rows = await listSelectable(db, { after, limit: PAGE_AGENTS, now, fields });
    for (const row of rows) {
      if (row.kind !== "collector" || (siteId !== undefined && row.site_id !== siteId) || !isLetIn(row))
        continue;
      const selectable = selectableOf(row);
      const matching = selectors.flatMap((selector, index) => (selector.matches(selectable) ? [index] : []));
      const key = matching.join();
      const group = groups.get(key) ?? { matching, agents: 0, examples: [] };
      groups.set(key, group);
      group.agents += 1;
      if (group.examples.length < examplesMax) group.examples.push({ id: row.id, name: row.name });
    }
    after = rows.at(-1)?.id;
    if (rows.length < PAGE_AGENTS)
      return [...groups.values()].toSorted((one, other) => other.agents - one.agents);
  }
}

function isLetIn({ state }: SelectableRow): boolean {
  return state !== "pending" && state !== "expected" && state !== "revoked";
}

/** The agents of `ids` as selectors see them, by id; `fields` are those of all selectors that are to be held against them. */
export async function readSelectable(
  db: Db,
  ids: readonly string[],
  { now, fields }: { now: number; fields: ReadonlySet<string> },
): Promise<Map<string, SelectableAgent>> {
  const rows = await listSelectable(db, { after: undefined, limit: ids.length, now, fields, ids });
  return new Map(rows.map((row) => [row.id, selectableOf(row)]));
}

function selectedOf(row: SelectableRow): SelectedAgent {
  const { id, name, site_id, kind, state, healthy, capabilities } = row;
  return { id, name, site_id, kind, state, healthy, capabilities };
}

function selectableOf(row: SelectableRow): SelectableAgent {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    site: row.site ?? "",
    version: row.version ?? "",
    os: row.os ?? "",
    hostname: row.hostname ?? "",
    state: row.state,
    health: row.healthy === null ? "unknown" : row.healthy ? "good" : "bad",
    healthy: row.healthy === true,
    labels: new Map(Object.entries(row.labels ?? {})),
    attributes: new Map(
      Object.entries(row.attributes ?? {}).map(([key, value]) => [
        key,
        typeof value === "string" ? value : JSON.stringify(value),
      ]),
    ),
  };
}
