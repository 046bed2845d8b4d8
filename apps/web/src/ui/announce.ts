import { useSyncExternalStore } from "react";

/** The last thing said to the person: shown for a moment at the foot of the page and read by screen readers. */
export interface Announcement {
  readonly text: string;
  readonly undo?: () => void;
}

const SHOWN_MS = 5_000;
let current: Announcement | undefined;
let timer: number | undefined;
const listeners = new Set<() => void>();

export function say(text: string, undo?: () => void): void {
  current = undo === undefined ? { text } : { text, undo };
  window.clearTimeout(timer);
  timer = window.setTimeout(() => show(undefined), SHOWN_MS);
  show(current);
}

export function hush(): void {
  show(undefined);
}

export function useAnnouncement(): Announcement | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}

function show(next: Announcement | undefined): void {
  current = next;
  for (const listener of listeners) listener();
}
