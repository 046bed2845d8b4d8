import type { WaveSize } from "./types.ts";

/**
 * A number from 0 to 2^53 - 1 that looks random and is always the same for the same text (cyrb53). It decides an order, and
 * nothing hangs on nobody being able to foresee it.
 */
export function stableHash(text: string): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    high = Math.imul(high ^ code, 2_654_435_761);
    low = Math.imul(low ^ code, 1_597_334_677);
  }
  high = Math.imul(high ^ (high >>> 16), 2_246_822_507) ^ Math.imul(low ^ (low >>> 13), 3_266_489_909);
  low = Math.imul(low ^ (low >>> 16), 2_246_822_507) ^ Math.imul(high ^ (high >>> 13), 3_266_489_909);
  return 4_294_967_296 * (2_097_151 & low) + (high >>> 0);
}

/** The agents of a rollout in its order: the same whoever asks, and another one for each rollout. */
export function stableOrder(rolloutId: string, agentIds: readonly string[]): string[] {
  return agentIds
    .map((id) => ({ id, hash: stableHash(`${rolloutId}/${id}`) }))
    .toSorted((one, other) => one.hash - other.hash || (one.id < other.id ? -1 : 1))
    .map(({ id }) => id);
}

/** Whether an agent is in a share of `percent`: the same agents each time for one key, and more of them when the share grows. */
export function isInShare(key: string, agentId: string, percent: number): boolean {
  return stableHash(`share/${key}/${agentId}`) % 10_000 < percent * 100;
}

/**
 * How many of `total` agents each wave takes: a count is so many more, a percentage is until so many of all have been taken, and
 * the last wave takes the rest. Waves that would be empty are left out.
 */
export function planWaves(total: number, sizes: readonly WaveSize[]): number[] {
  const waves: number[] = [];
  let taken = 0;
  for (const [index, size] of sizes.entries()) {
    const upTo =
      index === sizes.length - 1
        ? total
        : "count" in size
          ? taken + size.count
          : Math.ceil((total * size.percent) / 100);
    const more = Math.min(total, upTo) - taken;
    if (more <= 0) continue;
    waves.push(more);
    taken += more;
  }
  return waves;
}
