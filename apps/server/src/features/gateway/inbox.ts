import { backoffMs, wait } from "@flowplane/runtime";

/** Link messages of one agent that wait to be stored; an agent sends again what is not acknowledged. */
const INBOX_MAX = 64;
/** Times one message is tried. One that can never be stored must not hold back those behind it for ever. */
const TRIES_MAX = 6;
const RETRY = { baseMs: 200, maxMs: 5_000 };

/** A link message as it came. */
export interface Arrived {
  /** The connection it came on. */
  readonly lineId: string;
  readonly type: string;
  readonly data: Uint8Array;
}

export interface InboxOptions {
  /** Stores one message; throws when it cannot be stored now. */
  readonly store: (message: Arrived) => Promise<void>;
  readonly onFailure: (error: unknown, failures: number) => void;
  readonly random: () => number;
  /** Ends the waiting between two tries. */
  readonly signal: AbortSignal;
}

/**
 * One agent's messages on their way to storage: one after the other, in the order they came. What cannot be stored is tried again
 * a few times, after a growing pause; then it is left to the agent, who has got no acknowledgement of it.
 */
export class Inbox {
  readonly #options: InboxOptions;
  readonly #waiting: Arrived[] = [];
  #isDraining = false;

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /** Takes a message in, unless too many wait. The bytes are copied: they are a view into a socket's buffer. */
  put({ lineId, type, data }: Arrived): void {
    if (this.#waiting.length >= INBOX_MAX) return;
    this.#waiting.push({ lineId, type, data: Uint8Array.from(data) });
    if (!this.#isDraining) void this.#drain();
  }

  async #drain(): Promise<void> {
    this.#isDraining = true;
    for (let message = this.#waiting[0]; message !== undefined; message = this.#waiting[0]) {
      await this.#store(message);
      this.#waiting.shift();
    }
    this.#isDraining = false;
  }

  /** Never rejects. */
  async #store(message: Arrived): Promise<void> {
    const { store, onFailure, random, signal } = this.#options;
    for (let failures = 1; failures <= TRIES_MAX; failures += 1) {
      try {
        return await store(message);
      } catch (error) {
        onFailure(error, failures);
      }
      if (failures < TRIES_MAX) await wait(backoffMs(failures, random, RETRY), signal);
      if (signal.aborted) return;
    }
  }
}
