// Reads the output of all live runs, one batch per turn of the event loop and each run in its turn, so that neither a
// flood nor the number of runs holds anything else up.

import type { Clock } from "@flowplane/runtime";
import type { LogTail } from "./tail.ts";

/** Files are looked at this often; a watch on the folder usually is faster, and may miss things. */
export const POLL_MS = 100;

export type PumpEvents = {
  /** New lines of the run are in the spool. */
  onBatch: (runId: string) => void;
  /** Reading or committing failed: the disk is full or broken. Tried again at the next poll. */
  onError: (runId: string, error: unknown) => void;
  /** After errors: everything was stored again. */
  onRecovered: () => void;
};

export class LogPump {
  readonly #clock: Clock;
  readonly #events: PumpEvents;
  readonly #tails = new Map<string, LogTail>();
  readonly #due = new Set<string>();
  readonly #finishing = new Map<string, () => void>();
  readonly #failing = new Set<string>();
  #isTurning = false;

  constructor(clock: Clock, events: PumpEvents) {
    this.#clock = clock;
    this.#events = events;
  }

  add(runId: string, tail: LogTail): void {
    this.#tails.set(runId, tail);
  }

  get(runId: string): LogTail | undefined {
    return this.#tails.get(runId);
  }

  /** Stops following a run and closes its files. */
  remove(runId: string): void {
    this.#tails.get(runId)?.[Symbol.dispose]();
    this.#tails.delete(runId);
    this.#finishing.delete(runId);
    this.#due.delete(runId);
    this.#works(runId);
    this.#works(`${runId} seal`);
  }

  /** A closed segment of the run was stored, or was not: then `error` says why, and it is tried again. */
  sealed(runId: string, error: unknown): void {
    if (error !== null) return this.#fails(runId, `${runId} seal`, error);
    this.#works(`${runId} seal`);
    return this.nudge(runId);
  }

  /** The run may have written something: read it soon. */
  nudge(runId: string): void {
    if (!this.#tails.has(runId)) return;
    this.#due.add(runId);
    this.#turn();
  }

  /** Looks at every run's files. To be called every POLL_MS. */
  poll(): void {
    const now = this.#clock();
    for (const [runId, tail] of this.#tails)
      if (this.#finishing.has(runId) || tail.isDue(now)) this.#due.add(runId);
    this.#turn();
  }

  /** Resolves when the run's files, which nobody writes any more, are read to their end and the last segment is closed. */
  finish(runId: string): Promise<void> {
    // A run whose folder could not even be made has nothing to read.
    if (!this.#tails.has(runId)) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#finishing.set(runId, resolve);
    this.nudge(runId);
    return promise;
  }

  #turn(): void {
    if (this.#isTurning || this.#due.size === 0) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      const [runId] = this.#due;
      if (runId === undefined) return;
      this.#due.delete(runId);
      this.#readOne(runId);
      this.#turn();
    });
  }

  #readOne(runId: string): void {
    const tail = this.#tails.get(runId);
    if (!tail) return;
    const finished = this.#finishing.get(runId);
    const { lastBatch } = tail.position;
    try {
      const more = tail.readBatch(Math.round(this.#clock()), finished !== undefined);
      this.#works(runId);
      // At the back of the queue: the others come first.
      if (more === "more") this.#due.add(runId);
      if (tail.position.lastBatch !== lastBatch) this.#events.onBatch(runId);
      if (more === "idle" && finished) {
        this.#finishing.delete(runId);
        void tail.finish().then(finished);
      }
    } catch (error) {
      this.#fails(runId, runId, error);
    }
  }

  #fails(runId: string, what: string, error: unknown): void {
    this.#failing.add(what);
    this.#events.onError(runId, error);
  }

  #works(what: string): void {
    if (this.#failing.delete(what) && this.#failing.size === 0) this.#events.onRecovered();
  }
}
