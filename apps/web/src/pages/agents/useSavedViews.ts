import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { q, useApi } from "../../api/query.ts";
import { savedViewOf, viewToSave, type SavedView } from "./savedViews.ts";

/** The views of the person here, and how to change them. They come from the control plane: the same on every browser. */
export function useSavedViews() {
  const { data, error } = useQuery(q("agentViewList", {}));
  const put = useApi("agentViewPut");
  const forget = useApi("agentViewDelete");
  const views = useMemo(() => (data?.items ?? []).map(savedViewOf), [data]);
  const keep = ({ id, ...body }: SavedView) => put.mutateAsync({ params: { view_id: id }, body });
  return {
    views,
    error,
    save: (view: Omit<SavedView, "id">) => keep(viewToSave(views, view, () => crypto.randomUUID())),
    rename: (view: SavedView, name: string) => keep({ ...view, name }),
    restore: keep,
    remove: ({ id }: SavedView) => forget.mutateAsync({ params: { view_id: id } }),
  };
}
