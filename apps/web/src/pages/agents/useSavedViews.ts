import { useMemo, useSyncExternalStore } from "react";
import { useMe } from "../../api/me.ts";
import { stored } from "../../lib/stored.ts";
import { parseViews, withView, type SavedView } from "./savedViews.ts";

/** The views of the person here, and how to change them. */
export function useSavedViews() {
  const { actor, organization } = useMe();
  const store = useMemo(
    () => stored<string>(`agent-views.${organization.id}.${actor.id}`, "[]", (text) => text || undefined),
    [organization.id, actor.id],
  );
  const text = useSyncExternalStore(store.subscribe, store.get);
  const views = useMemo(() => parseViews(text), [text]);
  const set = (next: readonly SavedView[]) => store.set(JSON.stringify(next));
  return {
    views,
    save: (view: SavedView) => set(withView(views, view)),
    remove: (name: string) => set(views.filter((view) => view.name !== name)),
  };
}
