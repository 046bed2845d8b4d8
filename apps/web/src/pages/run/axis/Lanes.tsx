import { Link } from "@tanstack/react-router";
import { absoluteTime, clockTime, duration } from "../../../lib/time.ts";
import { paths } from "../../../paths.ts";
import { StateShape } from "../../../ui/StateMark.tsx";
import { TONE_FILL } from "../../../ui/toneFill.ts";
import type { Mark, Span } from "./marks.ts";
import { timeWords } from "../../../chart/timeWords.ts";

const MARK_PX = 20;
const CLOSE_PERCENT = 2.5;

interface LanesProps {
  readonly spans: readonly Span[];
  readonly marks: readonly Mark[];
  /** Seconds. */
  readonly range: readonly [number, number];
  readonly labelPx: number;
  readonly axisPx: number;
  readonly showTimes: boolean;
  readonly onMoment: (ms: number) => void;
  readonly onLine: (line: number) => void;
}

/** The states as a band, and above it what was seen and done, each at its moment. */
export function Lanes({ spans, marks, range, labelPx, axisPx, showTimes, onMoment, onLine }: LanesProps) {
  const [from, to] = [range[0] * 1_000, range[1] * 1_000];
  const share = (at: number) => ((at - from) / (to - from)) * 100;
  const inside = spans.filter((span) => span.to > from && span.from < to);
  const lane = { marginLeft: labelPx, marginRight: axisPx };
  const visible = marks.filter(({ at }) => at >= from && at <= to);
  return (
    <div className="relative">
      {visible.length === 0 ? null : (
        <div className="relative">
          <span className="absolute top-0.5 left-0 text-sm text-n8">Seen and done</span>
          <ul className="relative h-6" style={lane} aria-label="Seen and done">
            {clustersOf(visible, share).map(({ at, members }) => (
              <li
                key={members[0]?.key}
                className={`absolute top-0.5 flex gap-0.5 ${at > 50 ? "-translate-x-full" : ""}`}
                style={{ left: `calc(${at}% ${at > 50 ? "+" : "-"} ${MARK_PX / 2}px)` }}
              >
                {members.map((mark) => (
                  <MarkLink key={mark.key} mark={mark} onMoment={onMoment} onLine={onLine} />
                ))}
              </li>
            ))}
          </ul>
        </div>
      )}
      <div className="relative">
        <span className="absolute top-0 left-0 text-sm leading-4 text-n8">State</span>
        <div className="relative h-4" style={lane}>
          {inside.map((span) => {
            const left = Math.max(0, share(span.from));
            const width = Math.min(100, share(span.to)) - left;
            const words = `${span.word} for ${duration(span.to - span.from)}, from ${clockTime(span.from).slice(0, 8)}`;
            return (
              <button
                key={`${span.word}${span.from}`}
                type="button"
                title={words}
                aria-label={words}
                onClick={() => onMoment(span.from)}
                className={`absolute top-0.5 h-3 min-w-0.5 overflow-hidden rounded-[2px] ${TONE_FILL[span.tone]}`}
                style={{ left: `${left}%`, width: `${Math.max(0, width)}%` }}
              />
            );
          })}
        </div>
      </div>
      {showTimes ? (
        <div className="flex justify-between text-xs text-n8" style={lane}>
          <span title={absoluteTime(from)}>{timeWords(from, range)}</span>
          <span title={absoluteTime(to)}>{timeWords(to, range)}</span>
        </div>
      ) : null}
    </div>
  );
}

/** Marks too close to each other to be seen apart stand side by side, where the first (or, late in a run, the last) is. */
function clustersOf(
  marks: readonly Mark[],
  share: (at: number) => number,
): { at: number; members: Mark[] }[] {
  const clusters: { at: number; members: Mark[] }[] = [];
  for (const mark of marks) {
    const at = share(mark.at);
    const last = clusters.at(-1);
    if (last === undefined || at - last.at > CLOSE_PERCENT) clusters.push({ at, members: [mark] });
    else {
      last.members.push(mark);
      if (at > 50) last.at = at;
    }
  }
  return clusters;
}

function MarkLink({
  mark,
  onMoment,
  onLine,
}: {
  mark: Mark;
  onMoment: (ms: number) => void;
  onLine: (line: number) => void;
}) {
  const words = `${mark.text}, ${clockTime(mark.at).slice(0, 8)}`;
  const look = "flex size-5 items-center justify-center rounded-sm border border-n5 bg-n0 hover:bg-n2";
  if (mark.incidentId !== undefined) {
    return (
      <Link {...paths.incident(mark.incidentId)} title={words} aria-label={words} className={look}>
        <StateShape tone={mark.tone} />
      </Link>
    );
  }
  return (
    <button
      type="button"
      title={words}
      aria-label={words}
      onClick={() => (mark.line === undefined ? onMoment(mark.at) : onLine(mark.line))}
      className={`${look} ${mark.kind === "decision" ? "rounded-full border-dashed" : ""}`}
    >
      <StateShape tone={mark.tone} />
    </button>
  );
}
