import { Link, type LinkProps } from "@tanstack/react-router";
import { clsx } from "clsx";
import { ArrowDown, ArrowUp } from "lucide-react";
import type { ReactNode } from "react";

export interface Column<T> {
  readonly name: string;
  /** A CSS grid track. */
  readonly width: string;
  readonly cell: (row: T) => ReactNode;
  readonly sort?: { direction: "asc" | "desc" | undefined; toggle: () => void };
  readonly align?: "right";
}

export const ROW_LINK =
  "outline-none after:absolute after:inset-0 focus-visible:after:outline-2 focus-visible:after:-outline-offset-2 focus-visible:after:outline-accent";

export function HeaderCell<T>({ column }: { column: Column<T> }) {
  const { name, sort, align } = column;
  if (sort === undefined) {
    return (
      <span role="columnheader" className={clsx("truncate", align === "right" && "text-right")}>
        {name}
      </span>
    );
  }
  const Arrow = sort.direction === "desc" ? ArrowDown : ArrowUp;
  return (
    <span
      role="columnheader"
      aria-sort={
        sort.direction === undefined ? "none" : sort.direction === "asc" ? "ascending" : "descending"
      }
      className={clsx(align === "right" && "text-right")}
    >
      <button
        type="button"
        onClick={sort.toggle}
        className={clsx(
          "inline-flex items-center gap-1 rounded-sm hover:text-n10",
          sort.direction !== undefined && "font-medium text-n10",
        )}
      >
        {name}
        {sort.direction === undefined ? null : <Arrow size={12} aria-hidden="true" />}
      </button>
    </span>
  );
}

export function NarrowRow({
  first,
  second,
  aside,
  link,
}: {
  first: ReactNode;
  second: ReactNode;
  aside?: ReactNode;
  link: LinkProps | undefined;
}) {
  return (
    <div role="cell" className="flex min-w-0 flex-1 items-center gap-3">
      <div className="min-w-0 flex-1">
        <div className="truncate font-medium">
          {link === undefined ? (
            first
          ) : (
            <Link {...link} className={ROW_LINK}>
              {first}
            </Link>
          )}
        </div>
        <div className="truncate text-sm text-n8">{second}</div>
      </div>
      {aside === undefined ? null : <div className="shrink-0 text-right text-sm">{aside}</div>}
    </div>
  );
}
