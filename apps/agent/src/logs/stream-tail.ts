// Reads what one output file gained and redacts it: the next piece that can be cut into lines.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { LINE_BYTES_MAX } from "@flowplane/link";
import { CONTEXT_BYTES, FRESH_STATE, LOOKAHEAD_BYTES } from "@flowplane/redaction";
import type { RedactionState, Redactor } from "@flowplane/redaction";

/** Most new bytes of one stream in one batch: four lines of the greatest length, and what has to be known beyond them. */
const READ_BYTES_MAX = 4 * LINE_BYTES_MAX + LOOKAHEAD_BYTES;
const READ_BYTES_MIN = 16 * 1024;
/** About so many lines of a stream are taken at once, so that a flood of short ones does not hold the event loop. */
const LINES_AIM = 8192;
/** Marks are longer than what they stand for: so much may come out of one batch at most. */
const REDACTED_BYTES_MAX = 1024 * 1024;
/** An unfinished line is passed on after this long without its end: it may be a prompt. */
const PARTIAL_FLUSH_MS = 2000;
const NEWLINE = 10;

// One buffer for the whole process: what was read is dealt with before the next read.
const buffer = Buffer.allocUnsafeSlow(CONTEXT_BYTES + READ_BYTES_MAX);

/** `bytes` are good until the next piece is taken. `isFlushed` says that an unfinished line was taken early. */
export type Piece = {
  bytes: Uint8Array;
  taken: number;
  marks: number;
  state: RedactionState;
  isFlushed: boolean;
  /** Reading again at once would find more. */
  more: boolean;
};

export class StreamTail implements Disposable {
  readonly #fd: number;
  readonly #redactor: Redactor;
  state: RedactionState = FRESH_STATE;
  #partialSince: number | null = null;
  #readMax = READ_BYTES_MAX;

  constructor(path: string, redactor: Redactor) {
    this.#fd = openSync(path, "r");
    this.#redactor = redactor;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }

  /** Bytes in the file. */
  size(): number {
    return fstatSync(this.#fd).size;
  }

  /** The next piece from offset `from` on, changing nothing: the caller says with `advance` that it took it. */
  next(from: number, now: number, final: boolean): Piece {
    const context = Math.min(CONTEXT_BYTES, from);
    const wanted = context + this.#readMax;
    const read = readSync(this.#fd, buffer, 0, wanted, from - context);
    const input = buffer.subarray(0, read);
    const isAll = read < wanted;
    if (!isAll && this.#readMax < READ_BYTES_MAX && takeable(input, context) === context) {
      // A line longer than what is read at a time.
      this.#readMax = READ_BYTES_MAX;
      return this.next(from, now, final);
    }
    const isFlushed =
      (final && isAll) || (this.#partialSince !== null && now - this.#partialSince >= PARTIAL_FLUSH_MS);
    const piece = this.#redact(input, context, isFlushed);
    const isUnfinished = piece.taken > 0 && buffer[context + piece.taken - 1] !== NEWLINE;
    if (context + piece.taken >= read) this.#partialSince = null;
    else if (piece.taken > 0 || this.#partialSince === null) this.#partialSince = now;
    return {
      ...piece,
      isFlushed: isFlushed && isUnfinished,
      more: piece.taken > 0 && (!isAll || final || context + piece.taken < read - READ_BYTES_MIN),
    };
  }

  /** What was taken between two offsets before, made again. */
  again(from: number, to: number, wasFlushed: boolean): Piece {
    const context = Math.min(CONTEXT_BYTES, from);
    const wanted = context + to - from + (wasFlushed ? 0 : LOOKAHEAD_BYTES);
    const bytes = wanted <= buffer.length ? buffer : Buffer.allocUnsafeSlow(wanted);
    const read = readSync(this.#fd, bytes, 0, wanted, from - context);
    if (read < context + to - from) throw new Error(`the output ends before byte ${to}`);
    const input = bytes.subarray(0, read);
    const redacted = this.#redactor.redact(
      this.state,
      input,
      context,
      wasFlushed ? "all" : context + to - from,
    );
    return { ...redacted, isFlushed: wasFlushed, more: false };
  }

  /** The piece was taken, in so many lines. */
  advance(piece: Piece, lines: number): void {
    this.state = piece.state;
    if (lines > 0)
      this.#readMax = Math.min(
        READ_BYTES_MAX,
        Math.max(READ_BYTES_MIN, Math.round((piece.taken / lines) * LINES_AIM)),
      );
  }

  #redact(input: Buffer, context: number, isFlushed: boolean): Omit<Piece, "isFlushed" | "more"> {
    const take = isFlushed ? "all" : takeable(input, context);
    const redacted = this.#redactor.redact(this.state, input, context, take);
    if (redacted.bytes.length <= REDACTED_BYTES_MAX || isFlushed) return redacted;
    // Half of it, to the end of a line, is more than enough.
    const half = input.lastIndexOf(NEWLINE, context + (redacted.taken >> 1)) + 1;
    return half > context ? this.#redactor.redact(this.state, input, context, half) : redacted;
  }
}

/** Whole lines; of one without an end as many greatest lines as can be decided. */
function takeable(input: Buffer, context: number): number {
  const lineEnd = Math.max(context, input.lastIndexOf(NEWLINE) + 1);
  const rest = input.length - lineEnd - LOOKAHEAD_BYTES;
  return rest < LINE_BYTES_MAX ? lineEnd : lineEnd + rest - (rest % LINE_BYTES_MAX);
}
