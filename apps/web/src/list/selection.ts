/**
 * Which rows of a list are chosen: rows one by one, or all that match the filter but a few. Rows are kept whole, since one
 * that is chosen may have left the list when something is done with it.
 */
export type Selection<T> =
  | { readonly kind: "rows"; readonly rows: ReadonlyMap<string, T> }
  | { readonly kind: "all"; readonly without: ReadonlyMap<string, T> };

export const NOTHING: Selection<never> = { kind: "rows", rows: new Map<string, never>() };
export const EVERYTHING: Selection<never> = { kind: "all", without: new Map<string, never>() };

export function isChosen<T>(selection: Selection<T>, id: string): boolean {
  return selection.kind === "rows" ? selection.rows.has(id) : !selection.without.has(id);
}

/** How many are chosen of `total` that match; null when it is not known how many match. */
export function chosenCount<T>(selection: Selection<T>, total: number | null): number | null {
  if (selection.kind === "rows") return selection.rows.size;
  return total === null ? null : Math.max(0, total - selection.without.size);
}

/** The same with each of `rows` chosen, or not. */
export function choose<T>(
  selection: Selection<T>,
  rows: readonly T[],
  rowId: (row: T) => string,
  isOn: boolean,
): Selection<T> {
  const isAll = selection.kind === "all";
  const next = new Map<string, T>(isAll ? selection.without : selection.rows);
  for (const row of rows) {
    if (isOn === isAll) next.delete(rowId(row));
    else next.set(rowId(row), row);
  }
  return isAll ? { kind: "all", without: next } : { kind: "rows", rows: next };
}

/** The rows between two places, both included, in whichever order they are given. */
export function between<T>(rows: readonly T[], one: number, other: number): readonly T[] {
  return rows.slice(Math.min(one, other), Math.max(one, other) + 1);
}
