import { clsx } from "clsx";
import { memo, type CSSProperties } from "react";
import type { LogLine } from "@flowplane/contract";
import { clockTime } from "../lib/time.ts";
import { number } from "../lib/units.ts";
import type { AnsiStyle } from "./ansi.ts";
import { markMatches, showLine, type MarkedSpan } from "./display.ts";

interface LogRowProps {
  readonly seq: number;
  readonly line: LogLine | undefined;
  readonly wrap: boolean;
  readonly timestamps: boolean;
  readonly find: string;
  readonly isCurrent: boolean;
  readonly onLine: (seq: number) => void;
}

export const LogRow = memo(function LogRow({
  seq,
  line,
  wrap,
  timestamps,
  find,
  isCurrent,
  onLine,
}: LogRowProps) {
  return (
    <div
      data-seq={seq}
      className={clsx("group flex min-h-5 pr-4 leading-5", isCurrent ? "bg-mark" : "hover:bg-n2")}
    >
      <a
        href={`?line=${seq}`}
        tabIndex={-1}
        aria-label={`Line ${seq}`}
        onClick={(event) => {
          if (event.metaKey || event.ctrlKey || event.shiftKey) return;
          event.preventDefault();
          onLine(seq);
        }}
        className={clsx(
          "w-[max(8ch,var(--seq))] shrink-0 pr-3 text-right select-none hover:text-n10 hover:underline max-md:w-[max(6.5ch,var(--seq))] max-md:pr-2",
          isCurrent ? "text-n10" : "text-n8",
        )}
      >
        {seq}
      </a>
      {timestamps && line !== undefined ? (
        <time
          dateTime={line.at}
          title={line.at}
          className={clsx("shrink-0 pr-3 select-none", isCurrent ? "text-n10" : "text-n8")}
        >
          {clockTime(Date.parse(line.at))}
        </time>
      ) : null}
      <span className="w-[1.6ch] shrink-0 font-semibold text-bad select-none" title={line?.stream}>
        {line?.stream === "stderr" ? (
          <span className={isCurrent ? "text-n10" : ""}>
            E<span className="sr-only"> (stderr) </span>
          </span>
        ) : null}
      </span>
      {line === undefined ? (
        <span className="my-1.5 h-2 w-40 rounded-sm bg-n3" />
      ) : (
        <LineText line={line} find={find} wrap={wrap} />
      )}
    </div>
  );
});

function LineText({ line, find, wrap }: { line: LogLine; find: string; wrap: boolean }) {
  const { spans, hidden, cut } = showLine(line);
  return (
    <span
      className={clsx(
        "min-w-0",
        wrap ? "break-words whitespace-pre-wrap [overflow-wrap:anywhere]" : "whitespace-pre",
      )}
    >
      {markMatches(spans, find).map((span, index) => (
        // Spans have no identity but their place in the line.
        // oxlint-disable-next-line react/no-array-index-key
        <StyledSpan key={index} span={span} />
      ))}
      {hidden === 0 ? null : (
        <Note title="Written over with carriage returns; the download has all of it">{`${number(hidden)} earlier`}</Note>
      )}
      {cut === 0 ? null : <Note title="The download has all of it">{`${number(cut)} more characters`}</Note>}
      {line.base64 === undefined ? null : (
        <Note title="Not valid UTF-8; the download has the exact bytes">bytes</Note>
      )}
    </span>
  );
}

function Note({ children, title }: { children: string; title: string }) {
  return (
    <span title={title} className="ml-2 rounded-sm bg-n3 px-1 text-xs text-n9 select-none">
      {children}
    </span>
  );
}

function StyledSpan({ span }: { span: MarkedSpan }) {
  const { className, style } = look(span.style);
  const text = (
    <span className={className} style={style}>
      {span.text}
    </span>
  );
  return span.isMatch ? (
    <mark className="rounded-[2px] bg-mark-now text-n10 [&_*]:!text-n10">{text}</mark>
  ) : (
    text
  );
}

/** Classes for what the palette names, inline colours (numbers only) for the rest. */
function look({ fg, bg, bold, dim, italic, underline, strike, inverse }: AnsiStyle): {
  className: string;
  style: CSSProperties;
} {
  const [front, back] = inverse === true ? [bg ?? "page", fg ?? "text"] : [fg, bg];
  const style: Record<string, string> = {};
  if (typeof front === "number") style.color = `var(--ansi-${front})`;
  else if (front === "page") style.color = "var(--n1)";
  else if (front !== undefined) style["--ansi-fg"] = front;
  if (typeof back === "number") style.backgroundColor = `var(--ansi-${back})`;
  else if (back === "text") style.backgroundColor = "var(--n10)";
  else if (back !== undefined) style.backgroundColor = back;
  // On a colour of its own, default text takes the page's, which is what the palette is readable against.
  if (back !== undefined && front === undefined) style.color = "var(--n1)";
  return {
    className: clsx(
      typeof front === "string" && front !== "page" && "ansi-rgb",
      bold === true && "font-bold",
      dim === true && "text-n8",
      italic === true && "italic",
      underline === true && strike !== true && "underline",
      strike === true && "line-through",
    ),
    style: style as CSSProperties,
  };
}
