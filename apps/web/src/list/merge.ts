/** How a list takes in what changed without moving what somebody reads. Pure, so that it can be tested row by row. */
export interface Pages<T> {
  readonly pages: readonly {
    readonly items: readonly T[];
    readonly next_cursor: string | null;
    readonly total: number | null;
  }[];
  readonly pageParams: readonly unknown[];
}

/** The pages with every row that `fresh` holds replaced in place; order and membership stay. */
export function mergeRows<T, P extends Pages<T>>(
  data: P,
  fresh: readonly T[],
  total: number | null,
  rowId: (row: T) => string,
): P {
  const byId = new Map(fresh.map((row) => [rowId(row), row]));
  return {
    ...data,
    pages: data.pages.map((page) => ({
      ...page,
      total,
      items: page.items.map((row) => byId.get(rowId(row)) ?? row),
    })),
  };
}

/**
 * Ids of the rows in a page read again that the list does not hold and that are new rather than moved up from the next
 * page: they were announced, or they stand before a row the list knows.
 */
export function newRows<T>(
  known: ReadonlySet<string>,
  fresh: readonly T[],
  announced: ReadonlySet<string>,
  rowId: (row: T) => string,
): string[] {
  const lastKnown = fresh.findLastIndex((row) => known.has(rowId(row)));
  return fresh
    .filter((row, index) => !known.has(rowId(row)) && (announced.has(rowId(row)) || index < lastKnown))
    .map(rowId);
}
