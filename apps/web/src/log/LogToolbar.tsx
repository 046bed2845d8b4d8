import {
  ArrowDownToLine,
  ChevronDown,
  ChevronUp,
  Clock,
  Download,
  Layers,
  Search,
  WrapText,
} from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { api, pathOf, type Run } from "@flowplane/contract";
import { useKeys } from "../frame/keys.ts";
import { bytes, counted, number } from "../lib/units.ts";
import { Button, IconButton } from "../ui/Button.tsx";
import { CopyButton } from "../ui/Copy.tsx";
import { Menu } from "../ui/Menu.tsx";
import type { LogFound } from "./useLogSearch.ts";

interface LogToolbarProps {
  readonly run: Run;
  readonly isLive: boolean;
  readonly find: string;
  readonly onFind: (text: string) => void;
  readonly found: LogFound | undefined;
  readonly lastSeq: number;
  readonly byPattern: boolean;
  readonly onByPattern: () => void;
  readonly line: number | undefined;
  readonly onLine: (seq: number) => void;
  readonly follow: boolean;
  readonly onFollow: (follow: boolean) => void;
  readonly wrap: boolean;
  readonly onWrap: () => void;
  readonly timestamps: boolean;
  readonly onTimestamps: () => void;
}

export function LogToolbar(props: LogToolbarProps) {
  const { run, isLive, follow, onFollow, wrap, onWrap, timestamps, onTimestamps } = props;
  const { find, line, byPattern, onByPattern } = props;
  // What a search finds takes the place of the log's size, and where both rows are needed they are always there: a log that moves
  // while one searches it is lost from sight.
  return (
    <div className="@container border-y border-n4 bg-n0">
      <div className="flex min-h-10 flex-wrap items-center gap-x-1 gap-y-1 px-3 py-1 @min-[46rem]:flex-nowrap">
        <LogSearch {...props} />
        <span className="ml-auto shrink-0 pr-2 text-sm whitespace-nowrap text-n8">
          {run.log.lines > 0 && find === "" ? (
            <span className="max-lg:hidden">{`${counted(run.log.lines, "line")}, ${bytes(run.log.bytes)}`}</span>
          ) : null}
        </span>
        {line === undefined ? null : (
          <span className="inline-flex shrink-0 items-center text-sm whitespace-nowrap text-n8">
            Line {number(line)}
            <CopyButton
              text={`${window.location.origin}${window.location.pathname}?line=${line}`}
              label="Copy a link to the line"
            />
          </span>
        )}
        <IconButton label="Count by pattern" shortcut="p" aria-pressed={byPattern} onClick={onByPattern}>
          <Layers size={16} />
        </IconButton>
        <IconButton label="Wrap lines" shortcut="w" aria-pressed={wrap} onClick={onWrap}>
          <WrapText size={16} />
        </IconButton>
        <IconButton label="Show times" shortcut="t" aria-pressed={timestamps} onClick={onTimestamps}>
          <Clock size={16} />
        </IconButton>
        <DownloadMenu run={run} />
        <Button
          look={follow ? "quiet" : "plain"}
          aria-pressed={follow}
          icon={<ArrowDownToLine size={16} />}
          onClick={() => onFollow(!follow)}
          className="ml-1 aria-pressed:bg-accent-soft aria-pressed:text-accent"
        >
          {isLive ? (follow ? "Following" : "Follow") : "End"}
        </Button>
      </div>
    </div>
  );
}

/** Search text with the count of lines and the next and previous of them. */
function LogSearch({ find, onFind, found, line, onLine, lastSeq }: LogToolbarProps) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(find);
  const seqs = found?.seqs ?? [];
  const at = line === undefined ? -1 : seqs.indexOf(line);
  const step = (by: 1 | -1) => {
    const next =
      by === 1 ? seqs.find((seq) => seq > (line ?? 0)) : seqs.findLast((seq) => seq < (line ?? Infinity));
    const target = next ?? (by === 1 ? seqs[0] : seqs.at(-1));
    if (target !== undefined) onLine(target);
  };
  useKeys([
    { keys: "/", does: "Search the log", run: () => input.current?.select() },
    { keys: "n", does: "Next match", run: () => step(1) },
    { keys: "N", does: "Previous match", run: () => step(-1) },
  ]);
  useEffect(() => {
    const timer = window.setTimeout(() => (text === find ? undefined : onFind(text)), 250);
    return () => window.clearTimeout(timer);
  }, [text, find, onFind]);
  return (
    <div role="search" className="flex min-w-0 basis-full items-center gap-1 @min-[46rem]:basis-auto">
      <div className="relative min-w-24 flex-1 @min-[46rem]:w-64 @min-[46rem]:flex-initial">
        <Search
          size={14}
          aria-hidden="true"
          className="pointer-events-none absolute top-1/2 left-2.5 -translate-y-1/2 text-n8"
        />
        <input
          ref={input}
          type="text"
          aria-label="Search the log"
          placeholder="Search the log"
          autoComplete="off"
          spellCheck={false}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
            if (event.key === "Escape") event.currentTarget.blur();
          }}
          className="h-7.5 w-full rounded-md border border-n7 bg-n0 pr-2 pl-8 placeholder:text-n8 max-md:h-10 max-md:text-[16px]"
        />
      </div>
      {find === "" ? null : (
        <>
          <span role="status" className="px-1 text-sm whitespace-nowrap text-n8">
            {found === undefined ? "searching…" : matchText(at, found, lastSeq)}
          </span>
          <IconButton label="Previous match" shortcut="N" onClick={() => step(-1)}>
            <ChevronUp size={16} />
          </IconButton>
          <IconButton label="Next match" shortcut="n" onClick={() => step(1)}>
            <ChevronDown size={16} />
          </IconButton>
        </>
      )}
    </div>
  );
}

function matchText(at: number, { seqs, more, isSearching, searchedTo }: LogFound, lastSeq: number): string {
  const count = seqs.length;
  const share =
    isSearching && lastSeq > 0
      ? ` (${Math.min(99, Math.floor((searchedTo / lastSeq) * 100))} % searched)`
      : "";
  if (count === 0) return isSearching ? `searching…${share}` : "no line";
  const total = `${number(count)}${more || isSearching ? "+" : ""}`;
  const words =
    at === -1 ? `${total} ${count === 1 && !more ? "line" : "lines"}` : `${number(at + 1)} of ${total}`;
  return words + share;
}

const DOWNLOADS = [
  { name: "Text with times", query: { format: "text" } },
  { name: "stdout, exact bytes", query: { format: "raw", stream: "stdout" } },
  { name: "stderr, exact bytes", query: { format: "raw", stream: "stderr" } },
  { name: "JSON Lines", query: { format: "jsonl" } },
] as const;

function DownloadMenu({ run }: { run: Run }) {
  return (
    <Menu
      trigger={
        <button
          type="button"
          aria-label="Download"
          className="inline-flex size-8 items-center justify-center rounded-md text-n9 hover:bg-n2 max-md:size-9"
        >
          <Download size={16} aria-hidden="true" />
        </button>
      }
      entries={DOWNLOADS.map(({ name, query }) => ({
        kind: "item",
        text: name,
        onSelect: () =>
          window.location.assign(pathOf(api.runLogDownload, { params: { run_id: run.id }, query })),
      }))}
    />
  );
}
