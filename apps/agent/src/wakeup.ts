/** Lets one loop sleep until there is something to do. A notice that comes while it is awake is not lost. */
export class Wakeup {
  #isSet = false;
  #wake: (() => void) | null = null;

  notify(): void {
    this.#isSet = true;
    this.#wake?.();
  }

  /** Resolves at the next notice, after `ms`, or when `signal` aborts, whichever is first. */
  wait(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#isSet || signal.aborted) resolve();
    const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : undefined;
    this.#wake = resolve;
    const stop = () => resolve();
    signal.addEventListener("abort", stop, { once: true });
    return promise.then(() => {
      clearTimeout(timer);
      // The signal lives as long as the agent: one listener left behind at each wait would make each further one slower.
      signal.removeEventListener("abort", stop);
      this.#isSet = false;
      this.#wake = null;
    });
  }
}
