import { retryAfterSeconds } from "@flowplane/opamp";

/** Why somebody is turned away, and when to come back. */
export interface TurnedAway {
  readonly reason: string;
  readonly retryAfterSeconds: number;
}

/**
 * Lets newcomers in at a rate this process can take: after a restart the whole fleet reconnects at once, and a
 * handshake costs far more than a heartbeat. Whoever is turned away comes back spread over the time the crowd needs.
 */
export class Admission {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #random: () => number;
  #tokens: number;
  #filledAt: number;
  #turnedAway = 0;
  #awayUntil = 0;
  #draining = false;

  constructor(options: { perSecond: number; burst: number; now: number; random: () => number }) {
    this.#perSecond = options.perSecond;
    this.#burst = options.burst;
    this.#random = options.random;
    this.#tokens = options.burst;
    this.#filledAt = options.now;
  }

  /** From now on nobody is let in. */
  drain(): void {
    this.#draining = true;
  }

  /** When the last of those who were turned away comes back at the latest, in ms; 0 when nobody was. */
  get awayUntil(): number {
    return this.#awayUntil;
  }

  /** Undefined: come in. */
  judge(now: number): TurnedAway | undefined {
    if (this.#draining)
      return this.#away(
        "This server is shutting down. Another one, or this one again, takes over soon.",
        now,
      );
    const earned = (Math.max(0, now - this.#filledAt) / 1_000) * this.#perSecond;
    this.#filledAt = now;
    this.#tokens = Math.min(this.#burst, this.#tokens + earned);
    // A full bucket means that the crowd has gone.
    if (this.#tokens >= this.#burst) this.#turnedAway = 0;
    if (this.#tokens >= 1) {
      this.#tokens -= 1;
      return undefined;
    }
    this.#turnedAway += 1;
    return this.#away("Too many agents are connecting at once.", now);
  }

  /** A jittered time to come back, wide enough for everybody turned away so far. */
  away(reason: string, now: number): TurnedAway {
    return this.#away(reason, now);
  }

  #away(reason: string, now: number): TurnedAway {
    const spread = Math.max(30, Math.ceil((2 * this.#turnedAway) / this.#perSecond));
    const seconds = retryAfterSeconds(this.#random, 30, spread);
    this.#awayUntil = Math.max(this.#awayUntil, now + seconds * 1_000);
    return { reason, retryAfterSeconds: seconds };
  }
}
