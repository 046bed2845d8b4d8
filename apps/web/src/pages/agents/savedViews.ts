/** Filters somebody gave a name, kept by the control plane for one person in one organization: pure. */
import type { AgentView } from "@flowplane/contract";
import { agentsSearch, type AgentsSearch } from "../../search.ts";

export interface SavedView {
  readonly id: string;
  readonly name: string;
  readonly search: AgentsSearch;
}

/** A view as this page knows filters: what it does not know is left out. */
export function savedViewOf({ id, name, search }: Pick<AgentView, "id" | "name" | "search">): SavedView {
  return { id, name, search: agentsSearch(search) };
}

/** The view a filter is saved as: one of the same name is replaced. */
export function viewToSave(
  views: readonly SavedView[],
  view: Omit<SavedView, "id">,
  newId: () => string,
): SavedView {
  return { ...view, id: views.find(({ name }) => name === view.name)?.id ?? newId() };
}
