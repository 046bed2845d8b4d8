import type { Db } from "../../platform/storage/database.ts";
import {
  countLetIn,
  listProfiles,
  listSelected,
  type Profile,
  type Scope,
  type SelectedAgent,
} from "./selectable-store.ts";
import type { CompiledSelector, SelectableAgent } from "./selector.ts";

export type { SelectedAgent } from "./selectable-store.ts";

/** Read at a time, so that a fleet of any size takes bounded memory beside what matches. */
const PAGE_AGENTS = 50_000;

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
 * agents of which something changed since then by which they are selected; it costs those. Changes of state or health that are no other
 * level of health are left out: an agent that is merely silent, for less than that takes.
 */
export async function selectFirst(
  db: Db,
  selectors: readonly CompiledSelector[],
  { now, changedSince }: { now: number; changedSince?: Date | undefined },
): Promise<{ total: number; agents: { agent: SelectedAgent; index: number }[] }> {
  const agents: { agent: SelectedAgent; index: number }[] = [];
  // Where all of them say how agents are called, nobody else has to be looked at.
  const called = selectors.flatMap((selector) => selector.called ?? []);
  const isNarrow = called.length === selectors.length && called.length > 0;
  let total = isNarrow ? await countLetIn(db) : 0;
  const scope = { changedSince, called: isNarrow ? called : undefined };
  for await (const profiles of profilesOf(db, selectors, scope, now)) {
    const indexOf = new Map<string, number>();
    for (const { seen, ids } of profiles) {
      if (!isNarrow) total += ids.length;
      const index = selectors.findIndex((selector) => selector.matches(seen));
      if (index >= 0) for (const id of ids) indexOf.set(id, index);
    }
    for (const agent of await listSelected(db, [...indexOf.keys()], now))
      agents.push({ agent, index: indexOf.get(agent.id) ?? 0 });
  }
  return { total, agents };
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
  const groups = new Map<string, { matching: number[]; agents: number; first: string[] }>();
  for await (const profiles of profilesOf(db, selectors, { kind: "collector", siteId }, now)) {
    for (const { seen, ids } of profiles) {
      const matching = selectors.flatMap((selector, index) => (selector.matches(seen) ? [index] : []));
      const group = groups.getOrInsertComputed(matching.join(), () => ({ matching, agents: 0, first: [] }));
      group.agents += ids.length;
      group.first = [...group.first, ...ids].toSorted().slice(0, examplesMax);
    }
  }
  const examples = [...groups.values()].flatMap(({ first }) => first);
  const named = new Map((await listSelected(db, examples, now)).map(({ id, name }) => [id, name]));
  return [...groups.values()]
    .map(({ matching, agents, first }) => ({
      matching,
      agents,
      examples: first.map((id) => ({ id, name: named.get(id) ?? id })),
    }))
    .toSorted(
      (one, other) =>
        other.agents - one.agents || ((one.examples[0]?.id ?? "") < (other.examples[0]?.id ?? "") ? -1 : 1),
    );
}

/** The agents of `ids` as selectors see them, by id; `parts` are those of all selectors that are to be held against them. */
export async function readSelectable(
  db: Db,
  ids: readonly string[],
  { now, parts }: { now: number; parts: ReadonlySet<string> },
): Promise<Map<string, SelectableAgent>> {
  const profiles = await listProfiles(db, { ids }, { parts, now });
  return new Map(profiles.flatMap(({ seen, ids }) => ids.map((id) => [id, seen] as const)));
}

/** The fleet as these selectors see it, page by page. */
async function* profilesOf(
  db: Db,
  selectors: readonly CompiledSelector[],
  scope: Pick<Extract<Scope, { limit: number }>, "changedSince" | "called" | "kind" | "siteId">,
  now: number,
): AsyncGenerator<Profile[]> {
  const parts = new Set(selectors.flatMap((selector) => [...selector.parts]));
  let after: string | undefined;
  for (;;) {
    const profiles = await listProfiles(db, { ...scope, after, limit: PAGE_AGENTS }, { parts, now });
    yield profiles;
    let agents = 0;
    for (const { ids } of profiles) {
      agents += ids.length;
      for (const id of ids) if (after === undefined || id > after) after = id;
    }
    if (agents < PAGE_AGENTS) return;
  }
}
