// What was recognised in a stretch of input, and how findings that touch are told as one.

import type { Charset } from "./charsets.ts";
import { CHARSETS, runEnd } from "./charsets.ts";
import { SECRET_BYTES_MAX } from "./limits.ts";

/** `from` and `to` are offsets of the input. A secret longer than SECRET_BYTES_MAX goes on as long as `grows` does. */
export type Finding = {
  from: number;
  to: number;
  kind: string;
  /** Of two that begin at the same byte the higher one gives its name. */
  rank: number;
  grows: Charset;
  /** The eight digits when they are known beforehand; else they are made of the bytes found. */
  digits: string | null;
};

export const RANK = { known: 3, custom: 2, shape: 1, context: 0 } as const;

/** A finding over [from, to) of at most SECRET_BYTES_MAX, and over what of `grows` follows such a long one. */
export function makeFinding(
  input: Uint8Array,
  from: number,
  to: number,
  kind: string,
  rank: number,
  grows: Charset = CHARSETS.none,
): Finding {
  const isLong = to - from >= SECRET_BYTES_MAX;
  const end = isLong ? runEnd(input, to, input.length, grows) : to;
  return { from, to: end, kind, rank, grows, digits: null };
}

/** By where they begin, then by rank, then the longer first as far as every reader of the stream knows it. */
export function inOrder(a: Finding, b: Finding): number {
  return a.from - b.from || b.rank - a.rank || knownLength(b) - knownLength(a);
}

function knownLength({ from, to }: Finding): number {
  return Math.min(to - from, SECRET_BYTES_MAX);
}
