/**
 * Answers single look-ups with as few queries as possible: the first goes out at once, those that come while it is on
 * its way share the next one. Quick when idle, and a reconnecting fleet costs hundreds of queries instead of tens of thousands.
 */
export class BatchLoader<Value> {
  readonly #load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;
  readonly #batchMax: number;
  readonly #waitingMax: number;
  #waiting = new Map<string, Waiter<Value>[]>();
  #inFlight = 0;

  constructor(
    load: (keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>,
    options: { batchMax?: number; waitingMax?: number } = {},
  ) {
    this.#load = load;
    this.#batchMax = options.batchMax ?? 500;
    this.#waitingMax = options.waitingMax ?? 20_000;
  }

  /** The value of a key, or undefined. Rejects when the query fails, or when too many wait already. */
  load(key: string): Promise<Value | undefined> {
    return new Promise((resolve, reject) => {
      const waiters = this.#waiting.get(key);
      if (waiters !== undefined) waiters.push({ resolve, reject });
      else if (this.#waiting.size >= this.#waitingMax)
        reject(new Error("too many look-ups wait for the database"));
      else this.#waiting.set(key, [{ resolve, reject }]);
      this.#next();
    });
  }

  #next(): void {
    if (this.#inFlight >= QUERIES_IN_FLIGHT_MAX || this.#waiting.size === 0) return;
    const batch = new Map<string, Waiter<Value>[]>();
    for (const [key, waiters] of this.#waiting) {
      if (batch.size >= this.#batchMax) break;
      batch.set(key, waiters);
      this.#waiting.delete(key);
    }
    this.#inFlight += 1;
    void this.#answer(batch);
  }

  async #answer(batch: Map<string, Waiter<Value>[]>): Promise<void> {
    try {
      const values = await this.#load([...batch.keys()]);
      for (const [key, waiters] of batch) for (const { resolve } of waiters) resolve(values.get(key));
    } catch (error) {
      for (const waiters of batch.values()) for (const { reject } of waiters) reject(error);
    } finally {
      this.#inFlight -= 1;
      this.#next();
    }
  }
}

const QUERIES_IN_FLIGHT_MAX = 2;

interface Waiter<Value> {
  readonly resolve: (value: Value | undefined) => void;
  readonly reject: (error: unknown) => void;
}
