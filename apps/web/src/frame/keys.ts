/**
 * Keyboard shortcuts of the whole page: one listener, strokes like "g a" within a second, silent while one types.
 * Components add theirs with `useKeys`; the sheet on `?` lists what is active.
 */
import { useEffect, useRef, useSyncExternalStore } from "react";

export interface Shortcut {
  readonly keys: string;
  readonly does: string;
  readonly run: () => void;
}

const STROKE_GAP_MS = 1_000;
let active: readonly Shortcut[] = [];
let first: { key: string; at: number } | undefined;
const listeners = new Set<() => void>();

export function useKeys(shortcuts: readonly Shortcut[]): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  const names = shortcuts.map(({ keys, does }) => `${keys}\n${does}`).join("\n\n");
  useEffect(() => {
    const mine = names.split("\n\n").map((text, index): Shortcut => {
      const [keys = "", does = ""] = text.split("\n");
      return { keys, does, run: () => latest.current[index]?.run() };
    });
    // Later ones win, so a dialog or page may take a key from the frame.
    setActive([...mine, ...active]);
    return () => setActive(active.filter((shortcut) => !mine.includes(shortcut)));
  }, [names]);
}

export function useActiveKeys(): readonly Shortcut[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => active,
  );
}

export function listenForKeys(): () => void {
  document.addEventListener("keydown", onKeyDown);
  return () => document.removeEventListener("keydown", onKeyDown);
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.altKey) return;
  if (event.metaKey || event.ctrlKey) return runFirst(event, `mod+${event.key.toLowerCase()}`);
  if (isTyping(event.target) || dialogIsOpen()) return;
  const key = event.key === "Enter" ? "enter" : event.key;
  const before =
    first !== undefined && event.timeStamp - first.at < STROKE_GAP_MS ? `${first.key} ${key}` : undefined;
  first = undefined;
  if (before !== undefined && active.some(({ keys }) => keys === before)) return runFirst(event, before);
  if (active.some(({ keys }) => keys.startsWith(`${key} `))) first = { key, at: event.timeStamp };
  runFirst(event, key);
}

function runFirst(event: KeyboardEvent, keys: string): void {
  const shortcut = active.find((candidate) => candidate.keys === keys);
  if (shortcut === undefined) return;
  event.preventDefault();
  shortcut.run();
}

function isTyping(target: EventTarget | null): boolean {
  // A box to tick takes no text: after choosing a row by its box, the keys of the list go on.
  if (target instanceof HTMLInputElement && target.type === "checkbox") return false;
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

function dialogIsOpen(): boolean {
  return document.querySelector("[role=dialog],[role=menu]") !== null;
}

function setActive(next: readonly Shortcut[]): void {
  active = next;
  for (const listener of listeners) listener();
}
