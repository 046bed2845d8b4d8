import { LocalProblem } from "./problem.ts";

/** The number a cursor was made of; null for the first page. Throws `invalid_input` for one that is not ours. */
export function readCursor(cursor: string | undefined): number | null {
  if (cursor === undefined) return null;
  const value = /^[0-9a-z-]{1,16}$/.test(cursor) ? parseInt(cursor, 36) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new LocalProblem("invalid_input", "The cursor is not one of ours. Start again without it.");
}

/** A page of rows of which `limit + 1` were asked for; the extra one says that there is more. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  orderOf: (row: Row) => number,
  itemOf: (row: Row) => Item,
): { items: Item[]; next_cursor: string | null; total: null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const hasMore = rows.length > limit && last !== undefined;
  return { items: shown.map(itemOf), next_cursor: hasMore ? orderOf(last).toString(36) : null, total: null };
}
