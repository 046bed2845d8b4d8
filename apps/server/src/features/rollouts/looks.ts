/** How often something is looked for, in ms: among what changed since the last look, and among all there is. */
export interface Rhythm {
  readonly everyMs: number;
  readonly fullyEveryMs: number;
  /** A change may become visible so long after the time it is stamped with. */
  readonly overlapMs: number;
}

/** `since` null: among all. */
export interface Look {
  readonly since: Date | null;
}

/** Says when to look, and how far back. What it remembers saves work and decides nothing: whoever begins anew looks among all. */
export class Looks {
  readonly #rhythm: Rhythm;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #fullyAt = Number.NEGATIVE_INFINITY;

  constructor(rhythm: Rhythm) {
    this.#rhythm = rhythm;
  }

  /** Undefined: not now. A clock that is set back is followed. */
  due(now: number): Look | undefined {
    const { everyMs, fullyEveryMs, overlapMs } = this.#rhythm;
    if (Math.abs(now - this.#lookedAt) < everyMs) return undefined;
    const isFull = Math.abs(now - this.#fullyAt) >= fullyEveryMs || now < this.#lookedAt;
    return { since: isFull ? null : new Date(this.#lookedAt - overlapMs) };
  }

  /** To be called when what began at `now` was done. */
  done(now: number, { since }: Look): void {
    this.#lookedAt = now;
    if (since === null) this.#fullyAt = now;
  }
}
