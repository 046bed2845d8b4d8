import type { LineEvent } from "./events.ts";
import { isNewYear, ownTime, SHAPE_COUNT } from "./own-times.ts";

/** The pace at which a log without times is given to the detector; what it is reported at is another matter. */
export const LINES_PER_SECOND_ASSUMED = 10;
/** So much of the beginning tells which times a log carries. */
export const HEAD_BYTES = 1024 * 1024;
/** A longer line is cut into several. */
const LINE_BYTES_MAX = 64 * 1024;
const PROBED_LINES = 400;
/** Lines of a stack trace carry no time, so a minority is enough. */
const STAMPED_SHARE_MIN = 0.15;
const YEAR_MS = 366 * 86_400_000;

/** Turns the bytes of a saved log, in chunks of any size, into the events they must have been. */
export interface LogReader {
  readonly timed: boolean;
  push(chunk: Uint8Array): LineEvent[];
  /** A last line without a line feed. */
  end(): LineEvent[];
}

/** Times come from the lines, by the shape that most lines of `head` have; else lines come at an even pace from 0. */
export function createLogReader(head: Uint8Array): LogReader {
  const shape = shapeOfTimes(head);
  const clock = shape === null ? pacedClock() : ownClock(head, shape);
  let rest: Uint8Array = new Uint8Array(0);
  const event = (bytes: Uint8Array): LineEvent => ({
    kind: "line",
    at: clock(bytes),
    stream: "stdout",
    bytes,
  });
  return {
    timed: shape !== null,
    push(chunk) {
      const events: LineEvent[] = [];
      const bytes = rest.length === 0 ? chunk : concat(rest, chunk);
      let from = 0;
      for (;;) {
        const feed = bytes.indexOf(10, from);
        const limit = from + LINE_BYTES_MAX;
        if (feed < 0 ? bytes.length < limit : feed < limit) {
          if (feed < 0) break;
          events.push(event(bytes.subarray(from, feed)));
          from = feed + 1;
        } else {
          events.push(event(bytes.subarray(from, limit)));
          from = limit;
        }
      }
      // A copy, since the caller may use its buffer again.
      rest = new Uint8Array(bytes.subarray(from));
      return events;
    },
    end() {
      const events = rest.length === 0 ? [] : [event(rest)];
      rest = new Uint8Array(0);
      return events;
    },
  };
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

/** The one shape of time most lines have. One for all: a date that a message speaks of must not move the clock. */
function shapeOfTimes(head: Uint8Array): number | null {
  // The first lines tell little: look at the beginning and at the middle.
  const probes = [0, head.indexOf(10, head.length >> 1) + 1].flatMap((start) => [
    ...splitLines(head.subarray(start)).take(PROBED_LINES),
  ]);
  let best: number | null = null;
  let most = 0;
  for (let shape = 0; shape < SHAPE_COUNT; shape += 1) {
    const times = probes.map((line) => ownTime(shape, line)).filter((at) => at !== null);
    const moves = times.some((at) => at !== times[0]);
    if (moves && times.length > most) {
      best = shape;
      most = times.length;
    }
  }
  return most >= probes.length * STAMPED_SHARE_MIN ? best : null;
}

function* splitLines(bytes: Uint8Array): Generator<Uint8Array> {
  let from = 0;
  while (from < bytes.length) {
    const feed = bytes.indexOf(10, from);
    const to = feed < 0 ? bytes.length : feed;
    yield bytes.subarray(from, to);
    from = to + 1;
  }
}

/** Lines without a time are as old as the line before, those before the first time as old as it. */
function ownClock(head: Uint8Array, shape: number): (line: Uint8Array) => number {
  let latest = 0;
  for (const line of splitLines(head)) {
    const own = ownTime(shape, line);
    if (own === null) continue;
    latest = own;
    break;
  }
  let years = 0;
  return (line) => {
    const own = ownTime(shape, line);
    if (own !== null) {
      if (isNewYear(latest, own + years)) years += YEAR_MS;
      latest = Math.max(latest, own + years);
    }
    return latest;
  };
}

function pacedClock(): () => number {
  let index = 0;
  return () => {
    const at = Math.round((index * 1000) / LINES_PER_SECOND_ASSUMED);
    index += 1;
    return at;
  };
}
