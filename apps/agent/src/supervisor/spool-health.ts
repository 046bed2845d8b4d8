// Whether the spool can be written. A disk that is full or broken must not end the agent: what could not be stored is tried
// again at the next poll.

import type { SupervisorOptions } from "./supervision.ts";

export class SpoolHealth {
  readonly #options: Pick<SupervisorOptions, "log" | "onSpoolProblem">;
  #problem: string | null = null;

  constructor(options: Pick<SupervisorOptions, "log" | "onSpoolProblem">) {
    this.#options = options;
  }

  works(): void {
    if (this.#problem === null) return;
    this.#problem = null;
    this.#options.onSpoolProblem(null);
  }

  /** `what` is a run's id, or what the agent was at. The same problem is logged once. */
  failed(what: string, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (problem !== this.#problem)
      this.#options.log.error({ err: error, runId: what }, "the spool cannot be written");
    this.#problem = problem;
    this.#options.onSpoolProblem(problem);
  }

  guard(what: string, fn: () => void): void {
    try {
      fn();
    } catch (error) {
      this.failed(what, error);
    }
  }
}
