import { Link, type LinkProps } from "@tanstack/react-router";
import { clsx } from "clsx";
import { ArrowUp } from "lucide-react";
import { useEffect, useState, type ReactNode } from "react";
import { useKeys } from "../frame/keys.ts";
import { counted } from "../lib/units.ts";
import { useNarrow } from "../lib/narrow.ts";
import { Problem } from "../ui/Problem.tsx";
import { Rows } from "../ui/Skeleton.tsx";
import { RowBox } from "./RowBox.tsx";
import { HeaderCell, NarrowRow, ROW_LINK, type Column } from "./RowParts.tsx";
import type { LiveList } from "./useLiveList.ts";
import type { ListSelection } from "./useSelection.ts";
import { useRowWindow } from "./useRowWindow.ts";

const ROW_PX = 32;
const NARROW_ROW_PX = 60;
const HEAD_PX = 33;
const LOAD_AHEAD_ROWS = 40;

export type { Column } from "./RowParts.tsx";

interface DataListProps<T> {
  readonly label: string;
  readonly list: LiveList<T>;
  readonly noun: string;
  readonly rowId: (row: T) => string;
  /** The first column's cell becomes a link there that covers the row. */
  readonly link?: (row: T) => LinkProps;
  readonly columns: readonly Column<T>[];
  /** The two lines of a row on a narrow screen. */
  readonly narrow: (row: T) => { first: ReactNode; second: ReactNode; aside?: ReactNode };
  /** Stands at the right of the row, above its link. */
  readonly action?: (row: T) => ReactNode;
  /** Told which row the keyboard or the focus is on, for actions on it. */
  readonly onCurrent?: (row: T) => void;
  /** With it rows can be chosen: by their boxes, by `x` on the current row, with shift up to one. */
  readonly selection?: ListSelection<T> & { readonly nameOf: (row: T) => string };
  readonly empty: ReactNode;
}

/** A table of any length: the server pages, only what is on screen is in the document. */
export function DataList<T>({
  label,
  list,
  noun,
  rowId,
  link,
  columns,
  narrow,
  action,
  onCurrent,
  selection,
  empty,
}: DataListProps<T>) {
  const isNarrow = useNarrow();
  const [current, setCurrent] = useState<number | undefined>(undefined);
  const rowPx = isNarrow ? NARROW_ROW_PX : ROW_PX;
  const { scroller, element, onScroll, scrollToRow, first, last } = useRowWindow(list.rows.length, rowPx);
  const { onView } = list;
  useEffect(() => {
    onView({ first, last });
  }, [onView, first, last]);
  const nearEnd = last >= list.rows.length - LOAD_AHEAD_ROWS;
  const loadMore = list.loadMore;
  useEffect(() => {
    if (nearEnd) loadMore?.();
  }, [nearEnd, loadMore]);

  const move = (by: number) => {
    const next = Math.min(list.rows.length - 1, Math.max(0, current === undefined ? 0 : current + by));
    setCurrent(next);
    scrollToRow(next, isNarrow ? 0 : HEAD_PX);
    // The row may enter the document only with the next frame.
    requestAnimationFrame(() => {
      element?.querySelector<HTMLElement>(`[data-index="${next}"] a`)?.focus({ preventScroll: true });
    });
  };
  useKeys([
    { keys: "j", does: "Next row", run: () => move(1) },
    { keys: "k", does: "Previous row", run: () => move(-1) },
    ...(selection === undefined || current === undefined
      ? []
      : [
          { keys: "x", does: "Choose the row", run: () => selection.toggle(current, false) },
          { keys: "X", does: "Choose up to the row", run: () => selection.toggle(current, true) },
        ]),
  ]);

  const reading = (isReading: boolean) => () => {
    onView({ isReading: isReading || (element?.scrollTop ?? 0) > 0 });
  };
  if (list.error !== null) {
    return (
      <div className="px-6 max-md:px-4">
        <Problem error={list.error} onRetry={list.retry} />
      </div>
    );
  }
  if (list.isLoading) {
    return (
      <div role="status" aria-label="Loading" className="late animate-skeleton px-6 pt-3 max-md:px-4">
        <Rows count={14} />
      </div>
    );
  }
  if (list.rows.length === 0) return <div className="px-6 max-md:px-4">{empty}</div>;
  const tracks = `${selection === undefined ? "" : "20px "}${columns.map(({ width }) => width).join(" ")}${action === undefined ? "" : " 40px"}`;
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      {list.waiting === 0 ? null : (
        <button
          type="button"
          onClick={() => {
            list.showWaiting();
            element?.scrollTo({ top: 0 });
          }}
          className="absolute top-10 left-1/2 z-20 flex h-8 -translate-x-1/2 animate-appear items-center gap-1.5 rounded-full border border-n5 bg-n0 px-3 font-medium text-accent shadow-md hover:bg-n2"
        >
          <ArrowUp size={14} aria-hidden="true" />
          {list.waiting} new
        </button>
      )}
      {/* The region scrolls, so it must be reachable by keyboard even before a row is; the pointer only says that somebody reads. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        ref={scroller}
        role="table"
        aria-label={label}
        aria-rowcount={(list.total ?? list.rows.length) + 1}
        tabIndex={0}
        onPointerEnter={reading(true)}
        onPointerLeave={reading(false)}
        onFocus={reading(true)}
        onBlur={reading(false)}
        onScroll={(event) => {
          onScroll(event);
          reading(true)();
        }}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain focus-visible:-outline-offset-2"
      >
        <div role="rowgroup" className="sticky top-0 z-10 border-b border-n4 bg-n0 max-md:sr-only">
          <div
            role="row"
            className="grid h-8 items-center gap-4 px-6 text-sm text-n8"
            style={{ gridTemplateColumns: tracks }}
          >
            {selection === undefined ? null : (
              <span role="columnheader" className="-mx-1.5">
                <RowBox
                  label={
                    list.total === null ? `Choose every ${noun}` : `Choose all ${counted(list.total, noun)}`
                  }
                  checked={selection.count !== null && selection.count === list.total}
                  isPartly={selection.count !== 0 && selection.count !== list.total}
                  onToggle={selection.count === 0 ? selection.chooseAll : selection.clear}
                />
              </span>
            )}
            {columns.map((column) => (
              <HeaderCell key={column.name} column={column} />
            ))}
            {action === undefined ? null : (
              <span role="columnheader">
                <span className="sr-only">Actions</span>
              </span>
            )}
          </div>
        </div>
        <div role="rowgroup" className="relative" style={{ height: list.rows.length * rowPx }}>
          {list.rows.slice(first, last + 1).map((row, offset) => {
            const index = first + offset;
            return (
              <div
                key={rowId(row)}
                role="row"
                data-index={index}
                aria-rowindex={index + 2}
                onFocus={() => {
                  setCurrent(index);
                  onCurrent?.(row);
                }}
                data-chosen={selection?.isChosen(row) === true ? "" : undefined}
                className={clsx(
                  "absolute inset-x-0 border-b border-n3 px-6 hover:bg-n1 data-chosen:bg-accent-soft has-[a:focus-visible]:bg-accent-soft max-md:px-4",
                  isNarrow ? "flex items-center gap-3" : "grid items-center gap-4",
                )}
                style={{
                  top: index * rowPx,
                  height: rowPx,
                  ...(isNarrow ? {} : { gridTemplateColumns: tracks }),
                }}
              >
                {selection === undefined ? null : (
                  <div role="cell" className="-mx-1.5 max-md:-mx-3">
                    <RowBox
                      label={`Choose ${selection.nameOf(row)}`}
                      checked={selection.isChosen(row)}
                      onToggle={(isRange) => selection.toggle(index, isRange)}
                    />
                  </div>
                )}
                {isNarrow ? (
                  <NarrowRow {...narrow(row)} link={link?.(row)} />
                ) : (
                  columns.map((column, at) => (
                    <div
                      key={column.name}
                      role="cell"
                      className={clsx("min-w-0 truncate", column.align === "right" && "text-right")}
                    >
                      {at === 0 && link !== undefined ? (
                        <Link {...link(row)} className={ROW_LINK}>
                          {column.cell(row)}
                        </Link>
                      ) : (
                        column.cell(row)
                      )}
                    </div>
                  ))
                )}
                {action === undefined ? null : (
                  <div role="cell" className="relative z-10 flex justify-end">
                    {action(row)}
                  </div>
                )}
              </div>
            );
          })}
        </div>
      </div>
      <p className="border-t border-n4 px-6 py-1 text-sm text-n8 max-md:px-4">
        {list.total === null || list.total === list.rows.length
          ? counted(list.total ?? list.rows.length, noun) +
            (list.total === null && loadMore !== undefined ? " and more" : "")
          : `${counted(list.total, noun)}, ${counted(list.rows.length, "row")} loaded`}
      </p>
    </div>
  );
}
