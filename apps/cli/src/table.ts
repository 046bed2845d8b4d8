import { printable, textWidth, truncate } from "./text-width.ts";

export interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
  readonly align?: "right";
  /** Columns this one may be narrowed to when the terminal is too narrow; absent: never narrowed. */
  readonly shrinkTo?: number;
  /** Adds colour; gets the padded cell, so that widths do not depend on it. */
  readonly paint?: (cell: string, row: Row) => string;
}

const GAP = 2;

/**
 * Lays rows out as aligned lines, the titles first. `width` is the terminal's, or null when the output is no terminal:
 * then nothing is cut. The last column is not padded.
 */
export function layOutTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number | null,
): string[] {
  const cells = rows.map((row) => columns.map((column) => printable(column.value(row))));
  const natural = columns.map((column, index) =>
    Math.max(textWidth(column.title), ...cells.map((line) => textWidth(line[index] ?? ""))),
  );
  const widths = width === null ? natural : narrow(columns, natural, width);
  const line = (values: readonly string[], row: Row | null) =>
    columns
      .map((column, index) => {
        const cell = fit(values[index] ?? "", widths[index] ?? 0, column.align, index === columns.length - 1);
        return row === null || column.paint === undefined ? cell : column.paint(cell, row);
      })
      .join(" ".repeat(GAP))
      .trimEnd();
  const titles = columns.map((column) => column.title);
  return [line(titles, null), ...rows.map((row, index) => line(cells[index] ?? [], row))];
}

/** Takes from the widest column that may still shrink, until the line fits or none may. */
function narrow<Row>(columns: readonly Column<Row>[], natural: readonly number[], width: number): number[] {
  const widths = [...natural];
  let excess = widths.reduce((sum, each) => sum + each, 0) + GAP * (columns.length - 1) - width;
  while (excess > 0) {
    let widest = -1;
    columns.forEach((column, index) => {
      const now = widths[index] ?? 0;
      if (column.shrinkTo === undefined || now <= column.shrinkTo) return;
      if (widest === -1 || now > (widths[widest] ?? 0)) widest = index;
    });
    if (widest === -1) break;
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function fit(text: string, width: number, align: "right" | undefined, isLast: boolean): string {
  const cut = truncate(text, width);
  const padding = " ".repeat(Math.max(0, width - textWidth(cut)));
  if (align === "right") return padding + cut;
  return isLast ? cut : cut + padding;
}
