import { useEffect, useState } from "react";
import { call } from "../api/query.ts";

/** As many hits as one may step through; a search that finds more says so. */
const FOUND_MAX = 50_000;
const HITS_AT_ONCE = 10_000;
const AGAIN_MS = 2_000;

export interface LogFound {
  readonly seqs: readonly number[];
  /** The last line that was searched. */
  readonly searchedTo: number;
  /** There are more hits than are kept. */
  readonly more: boolean;
  readonly isSearching: boolean;
  readonly error: Error | undefined;
}

const NOTHING: LogFound = { seqs: [], searchedTo: 0, more: false, isSearching: true, error: undefined };

/** Searches the whole log, answer by answer, and what is added to it while the run lives. */
export function useLogSearch(runId: string, find: string, isLive: boolean): LogFound | undefined {
  const key = `${runId}\n${find}`;
  const [found, setFound] = useState({ key, ...NOTHING });
  useEffect(() => {
    if (find === "") return undefined;
    const stop = new AbortController();
    let state: LogFound = NOTHING;
    const tell = (part: Partial<LogFound>) => {
      state = { ...state, ...part };
      if (!stop.signal.aborted) setFound({ key, ...state });
    };
    const search = async () => {
      while (!stop.signal.aborted) {
        const answer = await call("runLogSearch")(
          {
            params: { run_id: runId },
            query: { q: find, from_seq: state.searchedTo + 1, limit: HITS_AT_ONCE },
          },
          { signal: stop.signal },
        );
        const seqs = answer.seqs.length === 0 ? state.seqs : [...state.seqs, ...answer.seqs];
        const isFull = seqs.length >= FOUND_MAX;
        // An answer that got no further must not be asked for over and over.
        const goesOn = answer.more && !isFull && answer.searched_to > state.searchedTo;
        tell({
          seqs,
          searchedTo: Math.max(state.searchedTo, answer.searched_to),
          more: isFull && answer.more,
          isSearching: goesOn,
          error: undefined,
        });
        if (goesOn) continue;
        if (!isLive || isFull) return;
        await pause(AGAIN_MS, stop.signal);
      }
    };
    search().catch((error: unknown) => {
      tell({ isSearching: false, error: error instanceof Error ? error : new Error(String(error)) });
    });
    return () => stop.abort();
  }, [key, runId, find, isLive]);
  if (find === "") return undefined;
  return found.key === key ? found : NOTHING;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      resolve();
    });
  });
}
