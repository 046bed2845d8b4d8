import { AppError } from "../errors.ts";
import { isUuid } from "../ids.ts";

/** A page of rows and the cursor of the next: `limit + 1` rows were asked for, the extra one says there is more. */
export function pageOf<Row, Item>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => readonly (string | number | null)[],
  itemOf: (row: Row) => Item,
  total: number | null = null,
): { items: Item[]; next_cursor: string | null; total: number | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return {
    items: shown.map(itemOf),
    next_cursor:
      rows.length > limit && last !== undefined
        ? Buffer.from(JSON.stringify(cursorOf(last))).toString("base64url")
        : null,
    total,
  };
}

/** The values a cursor was made of. Throws `invalid_input` for anything we did not make ourselves. */
export function readCursor(
  cursor: string | undefined,
  length: number,
): (string | number | null)[] | undefined {
  if (cursor === undefined) return undefined;
  const invalid = () =>
    new AppError("invalid_input", "The cursor is not one of ours. Start again without it.");
  let values: unknown;
  try {
    values = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch (cause) {
    throw new AppError("invalid_input", invalid().message, { cause });
  }
  const isValue = (value: unknown) =>
    value === null || typeof value === "string" || typeof value === "number";
  if (!Array.isArray(values) || values.length !== length || !values.every(isValue)) throw invalid();
  return values;
}

/** The id a cursor was made of, for lists that go by id. */
export function idOfCursor(cursor: string | undefined): string | undefined {
  const id = readCursor(cursor, 1)?.[0];
  if (id !== undefined && (typeof id !== "string" || !isUuid(id)))
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  return id;
}
