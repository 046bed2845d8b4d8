/**
 * A series of any length in a fixed number of buckets, each keeping its lowest value: floors do not see what a garbage
 * collector takes back. When the buckets are full, neighbours are merged and each stands for twice the time.
 */
export interface Floors {
  readonly values: Float64Array;
  readonly times: Float64Array;
  count: number;
  widthMs: number;
  samples: number;
}

const BUCKETS = 64;
const WIDTH_AT_START_MS = 500;

export function newFloors(): Floors {
  return {
    values: new Float64Array(BUCKETS),
    times: new Float64Array(BUCKETS),
    count: 0,
    widthMs: WIDTH_AT_START_MS,
    samples: 0,
  };
}

/** Returns whether a bucket was closed, which is when a trend may have changed. */
export function addSample(floors: Floors, at: number, value: number): boolean {
  floors.samples += 1;
  const last = floors.count - 1;
  if (last >= 0 && at - (floors.times[last] as number) < floors.widthMs) {
    floors.values[last] = Math.min(floors.values[last] as number, value);
    return false;
  }
  if (floors.count === BUCKETS) {
    for (let index = 0; index < BUCKETS / 2; index += 1) {
      floors.times[index] = floors.times[2 * index] as number;
      floors.values[index] = Math.min(
        floors.values[2 * index] as number,
        floors.values[2 * index + 1] as number,
      );
    }
    floors.count = BUCKETS / 2;
    floors.widthMs *= 2;
    floors.samples -= 1;
    return addSample(floors, at, value);
  }
  floors.times[floors.count] = at;
  floors.values[floors.count] = value;
  floors.count += 1;
  return true;
}

export interface Trend {
  /** Theil–Sen: the median of all slopes between two buckets, in units per second. */
  readonly slope: number;
  /** The same over the last third. */
  readonly recentSlope: number;
  /** Mann–Kendall, in thousandths of a standard deviation. */
  readonly significance: number;
  /** The same over the last third: what grew once and stays is no trend. */
  readonly recentSignificance: number;
  /** The lowest value of each quarter after warm-up: a saw's teeth do not show in them. */
  readonly quarters: readonly [number, number, number, number];
}

const WARM_UP_PERMILLE = 200;
const RECENT_PERMILLE = 667;

/** The last bucket is still open and left out. */
export function trendOf(floors: Floors): Trend | null {
  const count = floors.count - 1;
  if (count < 12) return null;
  const from = floors.times[0] as number;
  const until = floors.times[count] as number;
  // By time and not by count: the first buckets may be shorter than later ones.
  const indexAt = (permille: number) => {
    let index = 0;
    while (index < count && ((floors.times[index] as number) - from) * 1000 < (until - from) * permille)
      index += 1;
    return index;
  };
  const warm = indexAt(WARM_UP_PERMILLE);
  return {
    slope: theilSen(floors, warm, count),
    recentSlope: theilSen(floors, indexAt(RECENT_PERMILLE), count),
    significance: mannKendall(floors, warm, count),
    recentSignificance: mannKendall(floors, indexAt(RECENT_PERMILLE), count),
    quarters: [lowest(0), lowest(1), lowest(2), lowest(3)],
  };

  function lowest(quarter: number): number {
    const at = (index: number) => indexAt(WARM_UP_PERMILLE + (index * (1000 - WARM_UP_PERMILLE)) / 4);
    return Math.min(...floors.values.subarray(at(quarter), at(quarter + 1)));
  }
}

function theilSen(floors: Floors, from: number, to: number): number {
  const slopes: number[] = [];
  for (let a = from; a < to; a += 1) {
    for (let b = a + 1; b < to; b += 1) {
      const seconds = ((floors.times[b] as number) - (floors.times[a] as number)) / 1000;
      if (seconds > 0) slopes.push(((floors.values[b] as number) - (floors.values[a] as number)) / seconds);
    }
  }
  slopes.sort((a, b) => a - b);
  return slopes[slopes.length >> 1] ?? 0;
}

function mannKendall(floors: Floors, from: number, to: number): number {
  const n = to - from;
  if (n < 4) return 0;
  let score = 0;
  for (let a = from; a < to; a += 1) {
    for (let b = a + 1; b < to; b += 1)
      score += Math.sign((floors.values[b] as number) - (floors.values[a] as number));
  }
  const variance = (n * (n - 1) * (2 * n + 5)) / 18;
  const corrected = score > 0 ? score - 1 : score < 0 ? score + 1 : 0;
  return Math.round((corrected * 1000) / Math.sqrt(variance));
}
