import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { isTerminal, type Run } from "@flowplane/contract";
import { isNarrow } from "../lib/narrow.ts";
import { storedSwitch } from "../lib/stored.ts";
import { useKeys } from "../frame/keys.ts";
import { Problem } from "../ui/Problem.tsx";
import type { RunSearch } from "../search.ts";
import { LogStore } from "./LogStore.ts";
import { LogToolbar } from "./LogToolbar.tsx";
import { LogView } from "./LogView.tsx";
import { PatternView } from "./PatternView.tsx";
import { useLogSearch } from "./useLogSearch.ts";

const wrapSwitch = storedSwitch("log.wrap", isNarrow());
const timesSwitch = storedSwitch("log.times", !isNarrow());

/** The log of a run with its tools. Line and search text are in the address. */
export default function LogPanel({ run, search }: { run: Run; search: RunSearch }) {
  const navigate = useNavigate();
  const { line, find = "" } = search;
  const byPattern = search.log === "patterns";
  const isLive = !isTerminal(run.state);
  // Where the log stood when the page opened; the store itself keeps up from there.
  // oxlint-disable-next-line react-hooks/exhaustive-deps
  const store = useMemo(() => new LogStore(run.id, run.log.first_seq, run.log.stored_seq), [run.id]);
  const [follow, setFollow] = useState(line === undefined);
  const [knownLine, setKnownLine] = useState(line);
  if (knownLine !== line) {
    // A moment of the time axis, or the address, asked for a line: it wins over following.
    setKnownLine(line);
    if (line !== undefined) setFollow(false);
  }
  const wrap = useSyncExternalStore(wrapSwitch.subscribe, wrapSwitch.get) === "on";
  const timestamps = useSyncExternalStore(timesSwitch.subscribe, timesSwitch.get) === "on";

  const stillGrows = isLive || !run.log.complete;
  useEffect(() => {
    const stop = new AbortController();
    void store.follow(stillGrows, stop.signal);
    return () => stop.abort();
    // The stream ends by itself when the run does; a run that ends must not tear it before its last lines.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [store]);

  const found = useLogSearch(run.id, find, isLive);
  const change = useCallback(
    (part: RunSearch) =>
      void navigate({ to: ".", search: (now: object) => ({ ...now, ...part }), replace: true }),
    [navigate],
  );
  const goTo = useCallback(
    (seq: number) => {
      setFollow(false);
      change({ line: seq, log: undefined });
    },
    [change],
  );
  const onFollow = useCallback(
    (on: boolean) => {
      setFollow(on);
      if (on) change({ line: undefined });
    },
    [change],
  );
  useKeys([
    { keys: "f", does: "Follow the log", run: () => onFollow(!follow) },
    {
      keys: "p",
      does: "Count lines by pattern",
      run: () => change({ log: byPattern ? undefined : "patterns" }),
    },
    { keys: "w", does: "Wrap lines", run: () => wrapSwitch.set(wrap ? "off" : "on") },
    { keys: "t", does: "Show times", run: () => timesSwitch.set(timestamps ? "off" : "on") },
  ]);
  return (
    <section aria-label="Output" className="flex min-h-0 min-w-0 flex-1 flex-col">
      <LogToolbar
        run={run}
        isLive={isLive}
        find={find}
        onFind={useCallback((text: string) => change({ find: text === "" ? undefined : text }), [change])}
        found={found}
        lastSeq={run.log.lines}
        byPattern={byPattern}
        onByPattern={() => change({ log: byPattern ? undefined : "patterns" })}
        line={line}
        onLine={goTo}
        follow={follow}
        onFollow={onFollow}
        wrap={wrap}
        onWrap={() => wrapSwitch.set(wrap ? "off" : "on")}
        timestamps={timestamps}
        onTimestamps={() => timesSwitch.set(timestamps ? "off" : "on")}
      />
      {found?.error === undefined ? null : <Problem error={found.error} />}
      <LogProblem store={store} />
      {run.log.expired || run.log.sentence === null ? null : (
        <p role="note" className="border-b border-n4 bg-n2 px-4 py-1 text-sm text-n8">
          {run.log.sentence}
        </p>
      )}
      {byPattern ? (
        <PatternView runId={run.id} lines={run.log.lines - run.log.first_seq + 1} onLine={goTo} />
      ) : (
        <LogView
          store={store}
          follow={follow}
          onFollow={onFollow}
          wrap={wrap}
          timestamps={timestamps}
          find={find}
          line={line}
          onLine={goTo}
          waitingText={
            isLive
              ? "No output yet. Lines appear here the moment the program writes them."
              : (run.log.sentence ?? "The run ended without any output.")
          }
        />
      )}
    </section>
  );
}

function LogProblem({ store }: { store: LogStore }) {
  const error = useSyncExternalStore(store.subscribe, () => store.error);
  return error === undefined ? null : <Problem error={error} />;
}
