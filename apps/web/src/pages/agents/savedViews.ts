/** Filters somebody gave a name, kept in this browser for one person in one organization. */
import { agentsSearch, type AgentsSearch } from "../../search.ts";

export interface SavedView {
  readonly name: string;
  readonly search: AgentsSearch;
}

export const VIEWS_MAX = 30;
export const VIEW_NAME_MAX = 60;

/** What storage holds, as views; what is not one is left out. */
export function parseViews(text: string): readonly SavedView[] {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return [];
  }
  if (!Array.isArray(raw)) return [];
  return raw
    .flatMap((view: unknown): SavedView[] => {
      if (typeof view !== "object" || view === null) return [];
      const { name, search } = view as { name?: unknown; search?: unknown };
      return typeof name === "string" && name !== "" && typeof search === "object" && search !== null
        ? [{ name, search: agentsSearch(search as Record<string, unknown>) }]
        : [];
    })
    .slice(0, VIEWS_MAX);
}

/** The views with this one, by name in order; one of the same name is replaced. */
export function withView(views: readonly SavedView[], view: SavedView): readonly SavedView[] {
  return [...views.filter(({ name }) => name !== view.name), view].toSorted((one, other) =>
    one.name.localeCompare(other.name),
  );
}
