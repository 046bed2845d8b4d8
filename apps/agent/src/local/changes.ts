/** Tells whoever waits that something about a run, or about any run, may have changed. Nobody waiting costs nothing. */
export class Changes {
  readonly #waiting = new Map<() => void, string>();
  #version = 0;

  /** Grows with every change; taken before looking, it makes sure that none is missed between looking and waiting. */
  get version(): number {
    return this.#version;
  }

  /** `runId` null: any run. */
  notify(runId: string | null): void {
    this.#version += 1;
    for (const [wake, wanted] of this.#waiting) if (runId === null || wanted === runId) wake();
  }

  /** Resolves with the next change of the run since `version`, when `signal` aborts, or after `ms`. */
  async next(runId: string, version: number, signal: AbortSignal, ms: number): Promise<void> {
    if (this.#version !== version || signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", resolve as () => void, { once: true });
    this.#waiting.set(resolve, runId);
    await promise;
    clearTimeout(timer);
    signal.removeEventListener("abort", resolve as () => void);
    this.#waiting.delete(resolve);
  }
}
