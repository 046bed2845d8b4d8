/** Polls must have come this many times in a row at the same pace before the pace is believed. */
export const STEADY_GAPS = 5;
/** How far apart the shortest and the longest of those gaps may be, as a ratio. */
const STEADY_RATIO_MAX = 1.3;
export const INTERVAL_MS_MIN = 1_000;
export const INTERVAL_MS_MAX = 600_000;

/**
 * How often an agent on plain HTTP polls. Nothing in the protocol says it: the interval is the client's own setting, and
 * without it an agent that polls every second would be missed only after as long as one that polls twice a minute.
 * Only polls that reported nothing count: a report is sent when there is something to say, whatever the pace.
 */
export class PollRhythm {
  #lastAt: number | undefined;
  #gaps: readonly number[] = [];

  /** Notes a message at `now` (ms); the interval in ms once the pace is steady, else undefined. */
  note(now: number, isReport: boolean): number | undefined {
    const gap = isReport || this.#lastAt === undefined ? undefined : now - this.#lastAt;
    this.#lastAt = isReport ? undefined : now;
    this.#gaps = gap === undefined ? [] : [...this.#gaps, gap].slice(-STEADY_GAPS);
    const longest = Math.max(...this.#gaps);
    if (this.#gaps.length < STEADY_GAPS || longest > Math.min(...this.#gaps) * STEADY_RATIO_MAX)
      return undefined;
    return Math.min(INTERVAL_MS_MAX, Math.max(INTERVAL_MS_MIN, Math.round(longest / 1_000) * 1_000));
  }
}
