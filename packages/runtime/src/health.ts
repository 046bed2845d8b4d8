import type { Clock } from "./clock.ts";

/** One named thing that can be well or not. `status` is a short phrase for people; `since` is ms since epoch. */
export type Condition = { name: string; healthy: boolean; status: string; since: number };

export type HealthOptions = {
  clock: Clock;
  /** A condition that turned bad is shown as bad only after this long, so that a blink does not raise an alarm. */
  settleMs: number;
};

/** What is well and what is not in this process, by name. The last word about a name stands until the next. */
export class HealthRegistry {
  readonly #options: HealthOptions;
  readonly #entries = new Map<string, { current: Condition; shown: Condition }>();

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Says that `name` is well. `status` is a short phrase, "connected" for example. */
  ok(name: string, status = "ok"): void {
    this.#set(name, true, status);
  }

  /** Says that `name` is not well, and what is wrong with it. */
  bad(name: string, status: string): void {
    this.#set(name, false, status);
  }

  /** Forgets `name`: the part it spoke of no longer exists. */
  remove(name: string): void {
    this.#entries.delete(name);
  }

  /** All conditions by name, each as it may be shown now. */
  conditions(): Condition[] {
    const entries = [...this.#entries.values()];
    return entries.map((entry) => this.#visible(entry)).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Whether every condition is shown as well. A registry that knows of nothing is healthy. */
  isHealthy(): boolean {
    return this.conditions().every((condition) => condition.healthy);
  }

  #set(name: string, healthy: boolean, status: string): void {
    const entry = this.#entries.get(name);
    // The start of a state does not move when only its wording changes.
    const since = entry?.current.healthy === healthy ? entry.current.since : this.#options.clock();
    const current = { name, healthy, status, since };
    if (!entry) {
      this.#entries.set(name, { current, shown: current });
      return;
    }
    entry.shown = this.#visible(entry);
    entry.current = current;
  }

  #visible(entry: { current: Condition; shown: Condition }): Condition {
    const { current, shown } = entry;
    if (current.healthy || !shown.healthy) return current;
    return this.#options.clock() - current.since >= this.#options.settleMs ? current : shown;
  }
}
