/** Drafts of configurations, kept in this browser until they are saved as a version or discarded. */
import { useCallback, useEffect, useRef, useState } from "react";
import { readStorage, writeStorage } from "../../lib/stored.ts";

export interface Draft {
  /** The version the draft began with. */
  readonly base: number;
  readonly text: string;
}

const KEEP_AFTER_MS = 400;
const keyOf = (configurationId: string) => `flowplane.draft.${configurationId}`;

export function readDraft(configurationId: string): Draft | undefined {
  return parseDraft(readStorage(keyOf(configurationId)));
}

export function parseDraft(stored: string | null): Draft | undefined {
  const [, base, text] = /^(\d+)\n([\s\S]*)$/.exec(stored ?? "") ?? [];
  return base === undefined || text === undefined ? undefined : { base: Number(base), text };
}

export function printDraft({ base, text }: Draft): string {
  return `${base}\n${text}`;
}

/** False when the browser keeps nothing (private windows, a full store). */
export function keepDraft(configurationId: string, draft: Draft | undefined): boolean {
  return writeStorage(keyOf(configurationId), draft === undefined ? undefined : printDraft(draft));
}

/** The draft of one configuration; what is typed is kept a moment later, and at once when the page is left. */
export function useDraft(configurationId: string) {
  const [draft, setDraft] = useState(() => readDraft(configurationId));
  const [isKept, setIsKept] = useState(true);
  const pending = useRef<Draft | undefined>(undefined);
  const timer = useRef<number>(undefined);
  const flush = useCallback(() => {
    window.clearTimeout(timer.current);
    if (pending.current !== undefined) setIsKept(keepDraft(configurationId, pending.current));
    pending.current = undefined;
  }, [configurationId]);
  useEffect(() => {
    window.addEventListener("pagehide", flush);
    return () => {
      window.removeEventListener("pagehide", flush);
      flush();
    };
  }, [flush]);
  const change = useCallback(
    (next: Draft) => {
      setDraft(next);
      pending.current = next;
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(flush, KEEP_AFTER_MS);
    },
    [flush],
  );
  const discard = useCallback(() => {
    window.clearTimeout(timer.current);
    pending.current = undefined;
    keepDraft(configurationId, undefined);
    setDraft(undefined);
  }, [configurationId]);
  return { draft, isKept, change, discard };
}
