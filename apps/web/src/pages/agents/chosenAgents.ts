/** The agents a bulk action is about, read whole before anything is asked. */
import { LIST_LIMIT_MAX, type Agent } from "@flowplane/contract";
import { call } from "../../api/query.ts";
import { isChosen, type Selection } from "../../list/selection.ts";
import { counted } from "../../lib/units.ts";
import type { AgentsSearch } from "../../search.ts";

/** Agents one action touches at most: each is a request of its own, from this page, which must stay open. */
export const BULK_AGENTS_MAX = 1_000;

export type AgentFilterSearch = Pick<AgentsSearch, "q" | "kind" | "state" | "site_id">;

/** The chosen agents; an error in words when they are more than one action may touch. */
export async function readChosen(
  selection: Selection<Agent>,
  filter: AgentFilterSearch,
  signal: AbortSignal,
): Promise<readonly Agent[]> {
  if (selection.kind === "rows") return withinLimit([...selection.rows.values()]);
  const agents: Agent[] = [];
  let cursor: string | undefined;
  do {
    const query = { ...filter, limit: LIST_LIMIT_MAX, sort: "name", order: "asc", cursor } as const;
    const page = await call("agentList")({ query }, { signal });
    agents.push(...page.items.filter(({ id }) => isChosen(selection, id)));
    if (agents.length > BULK_AGENTS_MAX) break;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
  return withinLimit(agents);
}

function withinLimit(agents: readonly Agent[]): readonly Agent[] {
  if (agents.length > BULK_AGENTS_MAX) throw new Error(TOO_MANY);
  return agents;
}

export const TOO_MANY = `One action touches at most ${counted(BULK_AGENTS_MAX, "agent")}, one request each. Narrow the filter, by site for example, and do it in parts.`;
