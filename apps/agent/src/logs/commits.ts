// One transaction for what several runs want stored durably at about the same time: a commit waits for the disk, and the
// event loop waits with it.

import type { SpoolDatabase } from "../spool/database.ts";

/** Commits follow each other no faster. */
const COMMIT_MS = 40;
/** More than this does not wait for the next one. */
const STEPS_MAX = 100;

type Step = { run: () => void; resolve: () => void; reject: (error: unknown) => void };

export class Commits {
  readonly #db: SpoolDatabase;
  #steps: Step[] = [];
  #timer: NodeJS.Timeout | null = null;
  #lastAt = -Infinity;

  constructor(db: SpoolDatabase) {
    this.#db = db;
  }

  /** Runs `run` in the next transaction; resolves when that is on disk, and rejects when it is not. */
  add(run: () => void): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#steps.push({ run, resolve, reject });
    if (this.#steps.length >= STEPS_MAX) this.#commit();
    else
      this.#timer ??= setTimeout(
        () => this.#commit(),
        Math.max(0, Math.min(COMMIT_MS, this.#lastAt + COMMIT_MS - performance.now())),
      );
    return promise;
  }

  /** What was added and is not stored yet never will be. */
  close(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#steps = [];
  }

  #commit(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    const steps = this.#steps;
    this.#steps = [];
    this.#lastAt = performance.now();
    try {
      this.#db.durably(() => {
        for (const { run } of steps) run();
      });
      for (const { resolve } of steps) resolve();
    } catch (error) {
      for (const { reject } of steps) reject(error);
    }
  }
}
