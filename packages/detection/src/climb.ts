/**
 * Growth that begins late. A run's whole life hides a climb behind hours of standing still, so that the last stretch is judged
 * by itself as well, at many lengths: at each the lowest values of 32 equal spans of time, the newest last, and the highest
 * of all that came before them. Lengths double, from five minutes to most of a day.
 */
export interface Climbs {
  /** Rings of closed spans, one after the other for each length: which span of time it was, and its lowest value. */
  readonly slots: Uint32Array;
  readonly floors: Float64Array;
  /** What else there is of each length, by the places below. */
  readonly now: Float64Array;
}

/** Where the next closed span goes. */
const NEXT = 0;
const COUNT = 1;
/** The span that is still open, plus one; 0 for none. */
const OPEN = 2;
const FLOOR = 3;
/** The highest value of the open span and of the one before: a saw reaches its limit with its teeth. */
const HIGH = 4;
const HIGH_BEFORE = 5;
/** The highest of the lowest values that left the ring, and how many they were. */
const BEFORE = 6;
const LEFT = 7;
const PLACES = 8;

export interface Climb {
  readonly from: number;
  /** How high it ever was before. */
  readonly before: number;
  readonly last: number;
  /** The highest value of late, teeth and all. */
  readonly peak: number;
  readonly durationMs: number;
  /** Of its eighths, how many rose above the one before, per mille. */
  readonly rising: number;
  /** Units a second. */
  readonly slope: number;
  /** The same of the last three eighths. */
  readonly lateSlope: number;
}

const SPANS = 32;
const WIDTH_MS = 10_000;
const SCALES = 9;
const EIGHTHS = 8;
const SPANS_PER_EIGHTH = SPANS / EIGHTHS;
/** With so many spans before the stretch it is known what was usual. */
const PAST_SPANS_MIN = SPANS / 2;
/** A stretch with holes of this size altogether, as a paused run leaves, is no series. */
const HOLES_MAX = 2;
/** Steps of a staircase do not fall evenly into eighths. */
const RISES_MIN = EIGHTHS - 2;
/** Of the whole rise: less between two eighths is none. */
const NOISE_PERCENT = 4;
/** What fills up and levels off climbs less in the last three eighths than in the first three… */
const LATER_RISE_PERCENT_MIN = 60;
/** …and what was one step up has its rise in the middle: of an even climb three sevenths are here. */
const LATER_SHARE_PERCENT_MIN = 20;

export function newClimbs(): Climbs {
  return {
    slots: new Uint32Array(SCALES * SPANS),
    floors: new Float64Array(SCALES * SPANS),
    now: new Float64Array(SCALES * PLACES),
  };
}

/** Takes a measurement; the longest climb that just became visible, if any. */
export function addToClimbs(climbs: Climbs, at: number, value: number): Climb | null {
  let found: Climb | null = null;
  for (let scale = 0; scale < SCALES; scale += 1) {
    if (!close(climbs, scale, at, value)) continue;
    found = climbOf(climbs, scale) ?? found;
  }
  return found;
}

function widthOf(scale: number): number {
  return WIDTH_MS * 2 ** scale;
}

/** Whether a span was closed. */
function close({ slots, floors, now }: Climbs, scale: number, at: number, value: number): boolean {
  const own = now.subarray(scale * PLACES, (scale + 1) * PLACES);
  const open = Math.max(0, Math.floor(at / widthOf(scale))) + 1;
  const before = own[OPEN] as number;
  if (open === before) {
    own[FLOOR] = Math.min(own[FLOOR] as number, value);
    own[HIGH] = Math.max(own[HIGH] as number, value);
    return false;
  }
  if (before > 0) {
    const next = own[NEXT] as number;
    const place = scale * SPANS + next;
    if (own[COUNT] === SPANS) {
      own[BEFORE] = Math.max(own[BEFORE] as number, floors[place] as number);
      own[LEFT] = (own[LEFT] as number) + 1;
    } else own[COUNT] = (own[COUNT] as number) + 1;
    slots[place] = before - 1;
    floors[place] = own[FLOOR] as number;
    own[NEXT] = (next + 1) % SPANS;
  }
  own[OPEN] = open;
  own[FLOOR] = value;
  own[HIGH_BEFORE] = own[HIGH] as number;
  own[HIGH] = value;
  return before > 0;
}

function climbOf({ slots, floors, now }: Climbs, scale: number): Climb | null {
  const own = now.subarray(scale * PLACES, (scale + 1) * PLACES);
  if ((own[LEFT] as number) < PAST_SPANS_MIN) return null;
  const at = (index: number) => scale * SPANS + (((own[NEXT] as number) + index) % SPANS);
  const first = slots[at(0)] as number;
  const spans = (own[OPEN] as number) - 1 - first;
  if (spans > SPANS + HOLES_MAX) return null;
  const eighths = Array.from({ length: EIGHTHS }, (_, eighth) => {
    let lowest = Number.POSITIVE_INFINITY;
    for (let index = 0; index < SPANS_PER_EIGHTH; index += 1)
      lowest = Math.min(lowest, floors[at(eighth * SPANS_PER_EIGHTH + index)] as number);
    return lowest;
  });
  const [begin = 0, , , early = 0, late = 0, , , end = 0] = eighths;
  const last = floors[at(SPANS - 1)] as number;
  const before = own[BEFORE] as number;
  const rise = end - begin;
  if (rise <= 0 || last <= before) return null;
  let rises = 0;
  for (const [index, lowest] of eighths.entries()) {
    const step = (lowest - (eighths[index - 1] ?? lowest)) * 100;
    if (step < -rise * NOISE_PERCENT) return null;
    if (step >= rise * NOISE_PERCENT) rises += 1;
  }
  if (rises < RISES_MIN) return null;
  const [earlier, later] = [early - begin, end - late];
  if (later * 100 < earlier * LATER_RISE_PERCENT_MIN || later * 100 < rise * LATER_SHARE_PERCENT_MIN)
    return null;
  const durationMs = spans * widthOf(scale);
  const elapsedMs = (durationMs * (EIGHTHS - 1)) / EIGHTHS;
  return {
    from: first * widthOf(scale),
    before,
    last,
    peak: Math.max(last, own[HIGH_BEFORE] as number),
    durationMs,
    rising: Math.floor((rises * 1000) / (EIGHTHS - 1)),
    slope: (rise * 1000) / elapsedMs,
    lateSlope: (later * 1000 * EIGHTHS) / (durationMs * 3),
  };
}
