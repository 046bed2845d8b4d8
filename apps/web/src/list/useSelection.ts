import { useState } from "react";
import { between, choose, chosenCount, EVERYTHING, isChosen, NOTHING, type Selection } from "./selection.ts";
import type { LiveList } from "./useLiveList.ts";

/** What a list needs to let rows be chosen, and a page to do something with them. */
export interface ListSelection<T> {
  readonly value: Selection<T>;
  /** How many are chosen; null while it is not known how many match. */
  readonly count: number | null;
  readonly isChosen: (row: T) => boolean;
  /** Chooses this row or lets it go; with `isRange` all from the last one up to it are made as it becomes. */
  readonly toggle: (index: number, isRange: boolean) => void;
  readonly chooseAll: () => void;
  readonly clear: () => void;
}

/** Rows chosen in a list. It begins anew when `filterKey` changes: what is chosen is never out of what one sees. */
export function useSelection<T>(
  list: LiveList<T>,
  rowId: (row: T) => string,
  filterKey: string,
): ListSelection<T> {
  const [state, setState] = useState<{ key: string; value: Selection<T>; anchor: string | undefined }>({
    key: filterKey,
    value: NOTHING,
    anchor: undefined,
  });
  const value: Selection<T> = state.key === filterKey ? state.value : NOTHING;
  const set = (next: Selection<T>, anchor?: string) => setState({ key: filterKey, value: next, anchor });
  return {
    value,
    count: chosenCount(value, list.total),
    isChosen: (row) => isChosen(value, rowId(row)),
    toggle: (index, isRange) => {
      const row = list.rows[index];
      if (row === undefined) return;
      const from = isRange ? list.rows.findIndex((candidate) => rowId(candidate) === state.anchor) : -1;
      const touched = from < 0 ? [row] : between(list.rows, from, index);
      set(choose(value, touched, rowId, from >= 0 || !isChosen(value, rowId(row))), rowId(row));
    },
    chooseAll: () => set(EVERYTHING),
    clear: () => set(NOTHING),
  };
}
