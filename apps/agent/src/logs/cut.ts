// How much of freshly read output goes into a batch. Whole lines do; what has no end yet waits, until it fills a line or
// is to be flushed. The count of lines is the one `frameLines` will come to over the same bytes.

import { LINE_BYTES_MAX } from "@flowplane/link";

const NEWLINE = 10;

export type Cut = { bytes: number; lines: number };

/** The part of `output` to take now, at most `linesMax` lines of it. `flush` takes an unfinished line, too. */
export function cutOutput(output: Buffer, flush: boolean, linesMax: number): Cut {
  let at = 0;
  let lines = 0;
  while (at < output.length && lines < linesMax) {
    const newline = output.indexOf(NEWLINE, at);
    if (newline < 0) {
      const rest = output.length - at;
      const taken = flush ? rest : rest - (rest % LINE_BYTES_MAX);
      return { bytes: at + taken, lines: lines + Math.ceil(taken / LINE_BYTES_MAX) };
    }
    // A line of exactly the limit is whole; one byte more makes two.
    lines += Math.max(1, Math.ceil((newline - at) / LINE_BYTES_MAX));
    at = newline + 1;
  }
  return { bytes: at, lines };
}
