// When uploads may be tried again after one that failed, by the other end's word or by our own patience.

import { backoffMs } from "@flowplane/runtime";
import type { Clock } from "@flowplane/runtime";

const RETRY = { baseMs: 250, maxMs: 30_000 };

export class UploadPause {
  readonly #clock: Clock;
  #until = 0;
  #failures = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is left of it, ms; none when that is not above 0. */
  get leftMs(): number {
    return this.#until - this.#clock();
  }

  worked(): void {
    this.#failures = 0;
  }

  /** `retryInMs` as the other end asked, null when it did not. */
  failed(retryInMs: number | null): void {
    this.#failures += 1;
    this.#until = this.#clock() + (retryInMs ?? backoffMs(this.#failures, Math.random, RETRY));
  }

  /** Whatever made uploads wait is worth another try. */
  end(): void {
    this.#until = 0;
    this.#failures = 0;
  }
}
