// Private keys as PEM has them: a beginning, lines of base64, an end. The lines stay, what they hold does not. A key may
// also stand in one line with "\n" written out, or behind what a logger puts before each line.

import { CHARSETS, runEnd } from "./charsets.ts";
import { makeFinding, RANK } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { SECRET_BYTES_MAX } from "./limits.ts";
import { latin1 } from "./text.ts";

export const PEM_MARK = latin1("-----BEGIN ");
const END_MARK = latin1("-----END");
const LABEL_BYTES_MAX = 64;
const PRIVATE = /^[A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----/;

/** A block without an end is over after this many lines… */
const LINES_MAX = 400;
/** …or after this many that hold no key. */
const OTHER_LINES_MAX = 3;
const RUN_BYTES_MIN = 8;
/** A line with so long a run is a key's, whatever stands before it. */
const BODY_BYTES_MIN = 32;
const NEWLINE = 10;

/**
 * 0: in no key. Else, as one number, how many lines it may still have, whether the line so far is a key's, and how many
 * lines of other text came last.
 */
export type PemState = number;
const STEP = 8;
const IS_BODY = 4;
const BEGUN: PemState = LINES_MAX * STEP;

/** Where the label of a private key's beginning ends; 0 when it is none. */
export function pemBegins(input: Uint8Array, at: number): number {
  const from = at + PEM_MARK.length;
  const text = String.fromCharCode(...input.subarray(from, Math.min(input.length, from + LABEL_BYTES_MAX)));
  const match = PRIVATE.exec(text);
  return match ? from + match[0].length : 0;
}

/**
 * Goes through a key from `at` to `end`, telling what it holds, and returns what to go on with. `end` is the end of a line, or somewhere within one of which at least a run's length is known.
 */
export function walkPem(
  input: Uint8Array,
  at: number,
  end: number,
  state: PemState,
  tell: (finding: Finding) => void,
): { at: number; state: PemState } {
  let left = Math.floor(state / STEP);
  let isBody = (state & IS_BODY) !== 0;
  let others = state % IS_BODY;
  let lineStart = at;
  while (lineStart < end && left > 0) {
    const newline = input.indexOf(NEWLINE, lineStart);
    const lineEnd = newline < 0 ? input.length : newline;
    const over = indexOfEnd(input, lineStart, lineEnd);
    isBody = tellRuns(input, lineStart, Math.min(end, over < 0 ? lineEnd : over), lineEnd, tell) || isBody;
    if (over >= 0 && over < end) return { at: over, state: 0 };
    if (lineEnd >= end) return { at: end, state: left * STEP + (isBody ? IS_BODY : 0) + others };
    left -= 1;
    others = isBody ? 0 : others + 1;
    isBody = false;
    if (others >= OTHER_LINES_MAX) return { at: Math.min(end, lineEnd + 1), state: 0 };
    lineStart = lineEnd + 1;
  }
  return { at: Math.min(lineStart, end), state: left * STEP + others };
}

export function begunPem(): PemState {
  return BEGUN;
}

/** Tells every run of base64 that begins in the line before `end`; whether the line is a key's. */
function tellRuns(
  input: Uint8Array,
  start: number,
  end: number,
  lineEnd: number,
  tell: (finding: Finding) => void,
): boolean {
  const set = CHARSETS.base64;
  let isBody = isPure(input, start, lineEnd);
  const least = isBody ? 1 : RUN_BYTES_MIN;
  for (let at = start; at < end;) {
    const to = runEnd(input, at, Math.min(lineEnd, at + SECRET_BYTES_MAX), set);
    if (to - at >= BODY_BYTES_MIN) isBody = true;
    if (to - at < least) {
      at = to + 1;
      continue;
    }
    const finding = makeFinding(input, at, to, "private_key", RANK.context, set);
    tell(finding);
    at = finding.to + 1;
  }
  return isBody;
}

/** Nothing but base64, a "\r" at its end aside; short lines only, since a long one is told by its run. */
function isPure(input: Uint8Array, start: number, lineEnd: number): boolean {
  const end = lineEnd > start && input[lineEnd - 1] === 13 ? lineEnd - 1 : lineEnd;
  if (start > 0 && input[start - 1] !== NEWLINE) return false;
  if (end === start || end - start > 2 * LABEL_BYTES_MAX) return false;
  return runEnd(input, start, end, CHARSETS.base64) === end;
}

function indexOfEnd(input: Uint8Array, from: number, to: number): number {
  for (let at = input.indexOf(END_MARK[0] as number, from); at >= 0 && at < to;) {
    if (END_MARK.every((byte, i) => input[at + i] === byte)) return at;
    at = input.indexOf(END_MARK[0] as number, at + 1);
  }
  return -1;
}
