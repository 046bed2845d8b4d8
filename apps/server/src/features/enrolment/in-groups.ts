import { AppError } from "../../platform/errors.ts";

const BUSY_RETRY_SECONDS = 30;

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Does one kind of work for many callers at a time: whoever comes first is served at once, those who come meanwhile are served
 * together after that. What takes a lock and waits for the disk does so once for hundreds, and is as quick as before for one.
 */
export class InGroups<Item, Result> {
  readonly #work: (items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #groupMax: number;
  readonly #waitingMax: number;
  #waiting: Waiting<Item, Result>[] = [];
  #isBusy = false;

  /** `work` gives one result for each item, in their order; when it rejects, everybody of the group is told so. */
  constructor(
    work: (items: readonly Item[]) => Promise<readonly Result[]>,
    { groupMax, waitingMax }: { groupMax: number; waitingMax: number },
  ) {
    this.#work = work;
    this.#groupMax = groupMax;
    this.#waitingMax = waitingMax;
  }

  /** Whether nobody is served and nobody waits. */
  get isIdle(): boolean {
    return !this.#isBusy;
  }

  /** Rejects when the work fails, and with `unavailable` when too many wait already. */
  ask(item: Item): Promise<Result> {
    return new Promise((resolve, reject) => {
      if (this.#waiting.length >= this.#waitingMax) {
        reject(
          new AppError("unavailable", "Too many ask for the same at once. Come again later.", {
            retryAfterSeconds: BUSY_RETRY_SECONDS,
          }),
        );
        return;
      }
      this.#waiting.push({ item, resolve, reject });
      if (!this.#isBusy) void this.#serve();
    });
  }

  async #serve(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, this.#groupMax);
      try {
        const results = await this.#work(group.map(({ item }) => item));
        for (const [index, { resolve }] of group.entries()) resolve(results[index] as Result);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    this.#isBusy = false;
  }
}

/** The same for work that is done for something: callers who ask for the same are served together, others beside them. */
export class InGroupsBy<Key extends { readonly id: string }, Item, Result> {
  readonly #work: (key: Key, items: readonly Item[]) => Promise<readonly Result[]>;
  readonly #limits: { groupMax: number; waitingMax: number };
  readonly #groups = new Map<string, InGroups<Item, Result>>();

  /** As of `InGroups`, for each key; it is given the key of who asked first. */
  constructor(
    work: (key: Key, items: readonly Item[]) => Promise<readonly Result[]>,
    limits: { groupMax: number; waitingMax: number },
  ) {
    this.#work = work;
    this.#limits = limits;
  }

  async ask(key: Key, item: Item): Promise<Result> {
    const group = this.#groups.getOrInsertComputed(
      key.id,
      () => new InGroups<Item, Result>((items) => this.#work(key, items), this.#limits),
    );
    try {
      return await group.ask(item);
    } finally {
      if (group.isIdle && this.#groups.get(key.id) === group) this.#groups.delete(key.id);
    }
  }
}
