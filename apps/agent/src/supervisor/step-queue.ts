// What is observed of several runs at about the same time is stored in one transaction: each alone would make the whole agent
// wait for the disk, and with many short runs that wait is what bounds how many can be started.

import type { ActiveRun } from "./active-run.ts";
import type { RunInput } from "./run.ts";

export type Step = { readonly run: ActiveRun; readonly input: RunInput };

/** Steps of one transaction: what follows its commit holds the event loop as well. */
const STEPS_PER_COMMIT = 16;

export class StepQueue {
  readonly #take: (steps: readonly Step[]) => void;
  #steps: Step[] = [];
  #isScheduled = false;

  /** `take` gets steps of different runs, in the order they came. */
  constructor(take: (steps: readonly Step[]) => void) {
    this.#take = take;
  }

  /** Takes the step at the end of this turn of the event loop, or of one soon. One that waits already is not added again. */
  add(run: ActiveRun, input: RunInput): void {
    if (this.#steps.some((step) => step.run === run && step.input.kind === input.kind)) return;
    this.#steps.push({ run, input });
    this.#schedule();
  }

  /** What waits is observed again by the next agent. */
  close(): void {
    this.#steps = [];
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const [now, later] = this.#divide();
      this.#steps = later;
      if (later.length > 0) this.#schedule();
      if (now.length > 0) this.#take(now);
    });
  }

  /** A run's second step is decided from where the first one led. */
  #divide(): [Step[], Step[]] {
    const runs = new Set<ActiveRun>();
    const [now, later]: [Step[], Step[]] = [[], []];
    for (const step of this.#steps) {
      const isNow = now.length < STEPS_PER_COMMIT && !runs.has(step.run);
      (isNow ? now : later).push(step);
      runs.add(step.run);
    }
    return [now, later];
  }
}
