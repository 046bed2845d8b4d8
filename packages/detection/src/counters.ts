import { NUMBERS_MAX, type Scan } from "./scan.ts";

const SLOTS = 1_024;
const WAYS = 4;
const STEPS_MIN = 4;
/** Beyond this the tallies are halved, so that a counter that stopped is found out. */
const STEPS_REMEMBERED = 16;

/**
 * Follows the numbers of each template from line to line. A number that goes one way in nine of ten of its steps is a
 * counter, and a line that moves one is progress even where every line looks the same to a template.
 */
export interface Counters {
  readonly template: Int32Array;
  readonly seen: Uint32Array;
  readonly last: Float64Array;
  readonly ups: Uint8Array;
  readonly downs: Uint8Array;
  clock: number;
}

export function newCounters(): Counters {
  return {
    template: new Int32Array(SLOTS),
    seen: new Uint32Array(SLOTS),
    last: new Float64Array(SLOTS * NUMBERS_MAX),
    ups: new Uint8Array(SLOTS * NUMBERS_MAX),
    downs: new Uint8Array(SLOTS * NUMBERS_MAX),
    clock: 0,
  };
}

export type Advance = "none" | "counter" | "explicit";

/** Takes note of a line's numbers; says whether one of them advanced that is known to advance, or a percentage or `n/m` rose. */
export function advance(counters: Counters, line: Scan): Advance {
  if (line.numberCount === 0) return "none";
  counters.clock = (counters.clock + 1) >>> 0;
  const slot = slotFor(counters, line.template);
  const fresh = counters.template[slot] !== line.template;
  counters.template[slot] = line.template;
  counters.seen[slot] = counters.clock;
  let best: Advance = "none";
  for (let field = 0; field < line.numberCount; field += 1) {
    const at = slot * NUMBERS_MAX + field;
    const value = line.numbers[field] as number;
    if (fresh) {
      counters.ups[at] = 0;
      counters.downs[at] = 0;
    } else {
      const before = counters.last[at] as number;
      if (value > before) counters.ups[at] = (counters.ups[at] as number) + 1;
      else if (value < before) counters.downs[at] = (counters.downs[at] as number) + 1;
      const ups = counters.ups[at] as number;
      const downs = counters.downs[at] as number;
      const steps = ups + downs;
      const one = value > before ? ups : downs;
      if (value !== before && steps >= STEPS_MIN && one * 10 >= steps * 9) {
        if (line.explicit[field] === 1 && value > before) best = "explicit";
        else if (best === "none") best = "counter";
      }
      if (steps >= STEPS_REMEMBERED) {
        counters.ups[at] = ups >> 1;
        counters.downs[at] = downs >> 1;
      }
    }
    counters.last[at] = value;
  }
  return best;
}

function slotFor(counters: Counters, template: number): number {
  const base = ((template >>> 3) & (SLOTS / WAYS - 1)) * WAYS;
  let oldest = base;
  for (let way = 0; way < WAYS; way += 1) {
    const slot = base + way;
    if (counters.template[slot] === template) return slot;
    if ((counters.seen[slot] as number) < (counters.seen[oldest] as number)) oldest = slot;
  }
  return oldest;
}
