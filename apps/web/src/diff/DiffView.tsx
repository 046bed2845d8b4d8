import { clsx } from "clsx";
import { useState } from "react";
import { counted, number } from "../lib/units.ts";
import { Scrolls } from "../ui/Scrolls.tsx";
import { changed, sideBySide, withOpened, type DiffLine, type DiffRow, type Gap } from "./lines.ts";

/** Rows drawn at most; what comes after is counted. */
const ROWS_MAX = 3_000;

const LOOK = { same: "", added: "bg-ok-soft", removed: "bg-bad-soft" } as const;
const SIGN = { same: " ", added: "+", removed: "−" } as const;

interface DiffViewProps {
  readonly label: string;
  readonly rows: readonly DiffRow[];
  readonly split?: boolean;
  /** What the two texts are called, for the head of the table. */
  readonly names?: { readonly before: string; readonly after: string };
  /** What to say when nothing differs. */
  readonly same?: string;
}

/** A difference of two texts, line by line: in one column, or side by side. */
export function DiffView({ label, rows, split = false, names, same = "Nothing differs." }: DiffViewProps) {
  const [opened, setOpened] = useState<ReadonlySet<Gap>>(new Set());
  const counts = changed(rows);
  if (counts.added + counts.removed === 0) return <p className="text-n8">{same}</p>;
  const whole = withOpened(rows, opened);
  const shown = whole.slice(0, ROWS_MAX);
  const open = (gap: Gap) => setOpened(new Set([...opened, gap]));
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <Scrolls label={label}>
        <table className="w-full border-collapse bg-n0 font-mono text-sm">
          {names === undefined ? null : <Head {...names} split={split} />}
          <tbody>
            {split ? <SplitRows rows={shown} onOpen={open} /> : <UnifiedRows rows={shown} onOpen={open} />}
          </tbody>
        </table>
      </Scrolls>
      <p className="text-sm text-n8">
        {counted(counts.added, "line")} added, {number(counts.removed)} removed
        {whole.length > ROWS_MAX ? `; the first ${number(ROWS_MAX)} rows are shown` : ""}
      </p>
    </div>
  );
}

/** Which text is which: a sign in one column, a side in two. */
function Head({ before, after, split }: { before: string; after: string; split: boolean }) {
  const look = "border-b border-n4 px-3 py-1 text-left font-sans font-medium";
  return (
    <thead>
      {split ? (
        <tr>
          <th scope="col" colSpan={2} className={look}>
            {SIGN.removed} {before}
          </th>
          <th scope="col" colSpan={2} className={look}>
            {SIGN.added} {after}
          </th>
        </tr>
      ) : (
        <tr>
          <th scope="col" colSpan={3} className={look}>
            {SIGN.removed} {before}, {SIGN.added} {after}
          </th>
        </tr>
      )}
    </thead>
  );
}

interface RowsProps {
  readonly rows: readonly DiffRow[];
  readonly onOpen: (gap: Gap) => void;
}

function UnifiedRows({ rows, onOpen }: RowsProps) {
  return rows.map((row, index) =>
    row.kind === "gap" ? (
      <GapRow key={keyOf(row, index)} gap={row} columns={3} onOpen={onOpen} />
    ) : (
      <tr key={keyOf(row, index)} className={LOOK[row.kind]}>
        <Number line={row.before} />
        <Number line={row.after} />
        <Code line={row} />
      </tr>
    ),
  );
}

function SplitRows({ rows, onOpen }: RowsProps) {
  return sideBySide(rows).map((pair, index) =>
    "kind" in pair ? (
      <GapRow key={keyOf(pair, index)} gap={pair} columns={4} onOpen={onOpen} />
    ) : (
      <tr key={`${pair.left?.before ?? ""}:${pair.right?.after ?? ""}`}>
        <Number line={pair.left?.before} look={lookOf(pair.left)} />
        <Code line={pair.left} className="w-1/2 border-r border-n4" />
        <Number line={pair.right?.after} look={lookOf(pair.right)} />
        <Code line={pair.right} className="w-1/2" />
      </tr>
    ),
  );
}

const lookOf = (line: DiffLine | undefined) => (line === undefined ? "bg-n1" : LOOK[line.kind]);
const keyOf = (row: DiffRow, index: number) =>
  row.kind === "gap" ? `gap${index}` : `${row.before ?? ""}:${row.after ?? ""}`;

function Number({ line, look }: { line: number | undefined; look?: string }) {
  return (
    <td
      aria-hidden="true"
      className={clsx("w-9 px-1.5 text-right align-top text-xs text-n8 select-none", look)}
    >
      {line}
    </td>
  );
}

function Code({ line, className }: { line: DiffLine | undefined; className?: string }) {
  return (
    <td className={clsx("pr-3 whitespace-pre", lookOf(line), className)}>
      {line === undefined ? null : (
        <>
          <span aria-hidden="true" className="inline-block w-4 text-center text-n8 select-none">
            {SIGN[line.kind]}
          </span>
          {line.kind === "added" ? (
            <ins className="no-underline">{line.text}</ins>
          ) : line.kind === "removed" ? (
            <del className="no-underline">{line.text}</del>
          ) : (
            line.text
          )}
        </>
      )}
    </td>
  );
}

function GapRow({ gap, columns, onOpen }: { gap: Gap; columns: number; onOpen: RowsProps["onOpen"] }) {
  const words = gap.lines === undefined ? "⋯" : counted(gap.lines, "equal line");
  return (
    <tr className="bg-n1 text-n8">
      <td colSpan={columns} className="px-3 py-0.5 font-sans text-xs">
        {gap.hidden === undefined ? (
          words
        ) : (
          <button
            type="button"
            aria-label={`Show ${words}`}
            onClick={(event) => {
              // The button goes; who works by keyboard stays in the table.
              event.currentTarget.closest<HTMLElement>("[role=region]")?.focus();
              onOpen(gap);
            }}
            className="rounded-sm hover:text-n10 hover:underline"
          >
            {words}
          </button>
        )}
      </td>
    </tr>
  );
}
