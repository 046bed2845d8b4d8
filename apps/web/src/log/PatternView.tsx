import { useEffect, useState } from "react";
import { LOG_PAGE_MAX } from "@flowplane/contract";
import { call } from "../api/query.ts";
import { clockTime } from "../lib/time.ts";
import { counted, number } from "../lib/units.ts";
import { Button } from "../ui/Button.tsx";
import { Problem } from "../ui/Problem.tsx";
import { PatternCounter, PATTERNS_MAX, type Pattern } from "./patterns.ts";

/** So many lines are read before somebody has to ask for more. */
const LINES_AT_ONCE = 50_000;
const SHOWN_MAX = 500;

interface Progress {
  readonly patterns: readonly Pattern[];
  readonly total: number;
  readonly uncounted: number;
  readonly error: Error | undefined;
  readonly isReading: boolean;
}

/** The log by what it says: each distinct line once, how often it came, and where to find it. */
export function PatternView({
  runId,
  lines,
  onLine,
}: {
  runId: string;
  /** How many the log has, of those that have not expired. */
  lines: number;
  onLine: (seq: number) => void;
}) {
  const [limit, setLimit] = useState(LINES_AT_ONCE);
  const { patterns, total, uncounted, error, isReading } = usePatterns(runId, limit);
  return (
    <div
      role="region"
      aria-label="Patterns"
      tabIndex={0}
      className="min-h-0 flex-1 overflow-auto bg-n1 focus-visible:-outline-offset-2"
    >
      {error === undefined ? null : <Problem error={error} />}
      <ul>
        {patterns.slice(0, SHOWN_MAX).map((pattern) => (
          <li key={pattern.text} className="border-b border-n3">
            <button
              type="button"
              onClick={() => onLine(pattern.first.seq)}
              title={pattern.first.text.slice(0, 500)}
              className="grid w-full grid-cols-[84px_minmax(0,1fr)_auto] items-baseline gap-3 px-4 py-1 text-left hover:bg-n2 focus-visible:-outline-offset-2 max-md:grid-cols-[68px_minmax(0,1fr)]"
            >
              <span
                className={`text-right font-semibold ${pattern.stderr * 2 > pattern.count ? "text-bad" : ""}`}
              >
                ×{number(pattern.count)}
              </span>
              <span className="font-mono text-sm break-words [overflow-wrap:anywhere]">
                {pattern.text === "" ? <span className="text-n8">(empty)</span> : pattern.text}
              </span>
              <span className="text-sm whitespace-nowrap text-n8 max-md:col-start-2">
                {number(pattern.first.seq)}
                {pattern.count === 1
                  ? ""
                  : ` – ${number(pattern.last.seq)}, ${clockTime(Date.parse(pattern.first.at)).slice(0, 8)} to ${clockTime(Date.parse(pattern.last.at)).slice(0, 8)}`}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <div role="status" className="flex flex-wrap items-center gap-3 px-4 py-2 text-sm text-n8">
        <span>
          {counted(patterns.length, "pattern")} in {counted(total, "line")}
          {total < lines ? ` of ${number(lines)}` : ""}
          {isReading ? ", reading…" : ""}
          {patterns.length > SHOWN_MAX ? `; the ${SHOWN_MAX} most frequent are shown` : ""}
          {uncounted > 0
            ? `; ${counted(uncounted, "line")} came after the first ${number(PATTERNS_MAX)} patterns`
            : ""}
        </span>
        {!isReading && total >= limit && total < lines ? (
          <Button onClick={() => setLimit(limit + LINES_AT_ONCE)}>Read {number(LINES_AT_ONCE)} more</Button>
        ) : null}
      </div>
    </div>
  );
}

/** Reads the log from its first kept line on and counts, until `limit` lines. */
function usePatterns(runId: string, limit: number): Progress {
  const [counter] = useState(() => new PatternCounter());
  const [progress, setProgress] = useState<Progress>({
    patterns: [],
    total: 0,
    uncounted: 0,
    error: undefined,
    isReading: true,
  });
  useEffect(() => {
    const stop = new AbortController();
    const tell = (isReading: boolean, error?: Error) => {
      if (stop.signal.aborted) return;
      setProgress({ patterns: counter.patterns(), ...counter.lines, error, isReading });
    };
    const read = async () => {
      while (counter.lines.total < limit) {
        const { items, next_seq: next } = await call("runLogs")(
          { params: { run_id: runId }, query: { from_seq: counter.lastSeq + 1, limit: LOG_PAGE_MAX } },
          { signal: stop.signal },
        );
        if (stop.signal.aborted) return;
        counter.add(items);
        if (next === null) break;
        tell(true);
      }
      tell(false);
    };
    read().catch((error: unknown) => tell(false, error instanceof Error ? error : new Error(String(error))));
    return () => stop.abort();
  }, [counter, runId, limit]);
  return progress;
}
