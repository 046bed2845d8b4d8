import { useCallback, useState } from "react";
import { call } from "../api/query.ts";
import { say } from "../ui/announce.ts";
import { findLineAt } from "./findLineAt.ts";

/** Finds the line of a moment by asking for a few single lines, and hands it on. */
export function useLineAt(runId: string, lastSeq: number, onLine: (seq: number) => void) {
  const [isSearching, setIsSearching] = useState(false);
  const seek = useCallback(
    async (ms: number) => {
      const readAt = async (seq: number) => {
        const { items } = await call("runLogs")({
          params: { run_id: runId },
          query: { from_seq: seq, limit: 1 },
        });
        return items[0] === undefined ? undefined : Date.parse(items[0].at);
      };
      setIsSearching(true);
      try {
        const seq = await findLineAt(ms, lastSeq, readAt);
        if (seq === 0) say("It has printed nothing.");
        else onLine(seq);
      } catch (error) {
        say(error instanceof Error ? error.message : String(error));
      } finally {
        setIsSearching(false);
      }
    },
    [runId, lastSeq, onLine],
  );
  return { seek, isSearching };
}
