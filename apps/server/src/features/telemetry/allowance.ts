/** So much at once after a quiet time, then so much a second, for each of many. Pure but for its memory. */
export class Allowances {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #rememberedMax: number;
  #buckets = new Map<string, { left: number; at: number }>();

  constructor(burst: number, perSecond: number, rememberedMax: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
    this.#rememberedMax = rememberedMax;
  }

  /** Takes `amount` of `key`'s allowance; when it is spent, the seconds until there is some again. `now` in ms. */
  take(key: string, amount: number, now: number): number | null {
    const bucket = this.#buckets.get(key) ?? { left: this.#burst, at: now };
    const elapsed = Math.max(0, now - bucket.at) / 1_000;
    const left = Math.min(this.#burst, bucket.left + elapsed * this.#perSecond);
    if (left <= 0) {
      this.#buckets.set(key, { left, at: now });
      return Math.max(1, Math.ceil((1 - left) / this.#perSecond));
    }
    if (!this.#buckets.has(key) && this.#buckets.size >= this.#rememberedMax) this.#buckets.clear();
    // It may go below nothing by what was asked last: what a body holds is known only when it was read.
    this.#buckets.set(key, { left: left - amount, at: now });
    return null;
  }
}
