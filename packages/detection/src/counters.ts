import { NUMBERS_MAX, type Scan } from "./scan.ts";

const SLOTS_MAX = 1_024;
const SLOTS_AT_START = 16;
const WAYS = 4;
const STEPS_MIN = 4;
/** Beyond this the tallies are halved, so that a counter that stopped is found out. */
const STEPS_REMEMBERED = 16;

/**
 * Follows the numbers of each template from line to line. A number that goes one way in nine of ten of its steps is a
 * counter, and a line that moves one is progress even where every line looks the same to a template.
 */
export interface Counters {
  template: Int32Array;
  seen: Uint32Array;
  last: Float64Array;
  ups: Uint8Array;
  downs: Uint8Array;
  clock: number;
}

export function newCounters(slots = SLOTS_AT_START): Counters {
  return {
    template: new Int32Array(slots),
    seen: new Uint32Array(slots),
    last: new Float64Array(slots * NUMBERS_MAX),
    ups: new Uint8Array(slots * NUMBERS_MAX),
    downs: new Uint8Array(slots * NUMBERS_MAX),
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

/** The template's slot; that of the one not seen for longest makes room, once the table has grown as large as it may. */
function slotFor(counters: Counters, template: number): number {
  for (;;) {
    const base = ((template >>> 3) & (counters.template.length / WAYS - 1)) * WAYS;
    let oldest = base;
    for (let way = 0; way < WAYS; way += 1) {
      const slot = base + way;
      if (counters.template[slot] === template) return slot;
      if ((counters.seen[slot] as number) < (counters.seen[oldest] as number)) oldest = slot;
    }
    if (counters.seen[oldest] === 0 || counters.template.length >= SLOTS_MAX) return oldest;
    grow(counters);
  }
}

/** A set of the smaller table becomes several of the larger one, so that everything finds room. */
function grow(counters: Counters): void {
  const larger = newCounters(counters.template.length * 4);
  for (let slot = 0; slot < counters.template.length; slot += 1) {
    if (counters.seen[slot] === 0) continue;
    const template = counters.template[slot] as number;
    const to = slotFor(larger, template);
    larger.template[to] = template;
    larger.seen[to] = counters.seen[slot] as number;
    for (let field = 0; field < NUMBERS_MAX; field += 1) {
      const [from, into] = [slot * NUMBERS_MAX + field, to * NUMBERS_MAX + field];
      larger.last[into] = counters.last[from] as number;
      larger.ups[into] = counters.ups[from] as number;
      larger.downs[into] = counters.downs[from] as number;
    }
  }
  const { template, seen, last, ups, downs } = larger;
  Object.assign(counters, { template, seen, last, ups, downs });
}
