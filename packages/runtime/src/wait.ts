import { setTimeout as sleep } from "node:timers/promises";

/** The longest delay a Node timer takes; a longer one would fire at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Resolves after `ms`, or as soon as `signal` aborts. It never rejects: ask `signal.aborted` afterwards. */
export async function wait(ms: number, signal: AbortSignal): Promise<void> {
  let leftMs = ms;
  while (leftMs > 0 && !signal.aborted) {
    const stepMs = Math.min(leftMs, TIMER_MS_MAX);
    await sleep(stepMs, undefined, { signal }).catch(rethrowUnlessAborted(signal));
    leftMs -= stepMs;
  }
}

/**
 * Calls `fn` now and then `ms` after each call has ended, until `signal` aborts. Calls never overlap.
 * Rejects with what `fn` throws: a loop that should outlive a failure catches it itself.
 */
export async function every(ms: number, signal: AbortSignal, fn: () => void | Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await fn();
    await wait(ms, signal);
  }
}

/** Resolves once `signal` is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function rethrowUnlessAborted(signal: AbortSignal) {
  return (error: unknown): void => {
    if (!signal.aborted) throw error;
  };
}
