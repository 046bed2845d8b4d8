// Log lines and their binary encoding, used for stored segments (then compressed) and live tails (as it is).
//
//   "FPL" 0x01                       magic and version
//   varint first_seq, varint at_ms   where the first record's deltas start from
//   per line:
//     flags                          1 = stderr, 2 = partial, 4 = a gap follows
//     [varint gap]                   how many sequence numbers are skipped before this line
//     varint zigzag(delta at_ms)     against the line before
//     varint length, bytes

import { LINE_BYTES_MAX, SEGMENT_BYTES_MAX } from "./limits.ts";
import type { Decoded } from "./codec.ts";

export type Stream = "stdout" | "stderr";

/**
 * One line of a run's output. `bytes` are without the final "\n"; `partial` says that no "\n" follows, because the
 * line was cut at LINE_BYTES_MAX or the stream ended. All `bytes` of a stream, each but the partial ones followed by
 * "\n", are the exact output.
 */
export type LogLine = { seq: number; atMs: number; stream: Stream; bytes: Uint8Array; partial: boolean };

const MAGIC = [0x46, 0x50, 0x4c, 0x01];
const STDERR = 1;
const PARTIAL = 2;
const GAP = 4;
const NEWLINE = 10;
/** Most bytes of a varint that holds a safe integer. */
const VARINT_BYTES_MAX = 8;
/** Most bytes of the encoding's header. */
const HEADER_BYTES_MAX = MAGIC.length + 2 * VARINT_BYTES_MAX;
/** Most bytes a line adds to its own when there is no gap before it: flags, time, and a length up to LINE_BYTES_MAX. */
const LINE_OVERHEAD_BYTES_MAX = 1 + VARINT_BYTES_MAX + 3;

/** Cuts a stretch of one stream's output into lines numbered from `firstSeq`. The bytes are views, not copies. */
export function frameLines(output: Uint8Array, stream: Stream, atMs: number, firstSeq: number): LogLine[] {
  const lines: LogLine[] = [];
  splitOutput(output, (from, to, partial) => {
    lines.push({ seq: firstSeq + lines.length, atMs, stream, bytes: output.subarray(from, to), partial });
  });
  return lines;
}

/** The rule behind `frameLines`: calls `visit` with the offsets of each line, in order. */
export function splitOutput(
  output: Uint8Array,
  visit: (from: number, to: number, partial: boolean) => void,
): void {
  let at = 0;
  while (at < output.length) {
    const newline = output.indexOf(NEWLINE, at);
    const end = newline < 0 ? output.length : newline;
    while (end - at > LINE_BYTES_MAX) {
      visit(at, at + LINE_BYTES_MAX, true);
      at += LINE_BYTES_MAX;
    }
    visit(at, end, newline < 0);
    at = end + 1;
  }
}

/** The exact output that lines of one stream stand for. */
export function joinLines(lines: readonly LogLine[]): Uint8Array {
  const size = lines.reduce((sum, line) => sum + line.bytes.length + (line.partial ? 0 : 1), 0);
  const output = new Uint8Array(size);
  let at = 0;
  for (const line of lines) {
    output.set(line.bytes, at);
    at += line.bytes.length;
    if (!line.partial) output[at++] = NEWLINE;
  }
  return output;
}

/** Lines in ascending `seq` -> bytes. Throws a RangeError when they do not ascend: that is the caller's bug. */
export function encodeLines(lines: readonly LogLine[]): Uint8Array {
  const bytes = lines.reduce((sum, line) => sum + line.bytes.length, 0);
  const gaps = lines.filter((line, i) => i > 0 && line.seq !== (lines[i - 1]?.seq ?? 0) + 1).length;
  const writer = new LineWriter(
    new Uint8Array(encodedBytesMax(bytes, lines.length) + gaps * VARINT_BYTES_MAX),
  );
  for (const { seq, atMs, stream, bytes: line, partial } of lines)
    writer.write(line, 0, line.length, seq, atMs, stream, partial);
  return writer.finish();
}

/** How large the encoding of so many lines without gaps, with so many bytes in sum, can get. */
export function encodedBytesMax(bytes: number, lines: number): number {
  return HEADER_BYTES_MAX + bytes + lines * LINE_OVERHEAD_BYTES_MAX;
}

/** Encodes line by line into a buffer it is given, without an object per line: for logs at full speed. */
export class LineWriter {
  #out: Uint8Array;
  #at = 0;
  #nextSeq = 0;
  #lastMs = 0;

  /** `out` is at least `encodedBytesMax` long for what will be written. */
  constructor(out: Uint8Array) {
    this.#out = out;
  }

  /** Adds the line `source[from, to)`. Throws a RangeError when `seq` does not ascend. */
  write(
    source: Uint8Array,
    from: number,
    to: number,
    seq: number,
    atMs: number,
    stream: Stream,
    partial: boolean,
  ): void {
    if (this.#at === 0) this.#begin(seq, atMs);
    const out = this.#out;
    const gap = seq - this.#nextSeq;
    if (gap < 0) throw new RangeError(`line ${seq} after line ${this.#nextSeq - 1}`);
    out[this.#at++] = (stream === "stderr" ? STDERR : 0) | (partial ? PARTIAL : 0) | (gap > 0 ? GAP : 0);
    if (gap > 0) this.#at = writeVarint(out, this.#at, gap);
    this.#at = writeVarint(out, this.#at, zigzag(atMs - this.#lastMs));
    this.#at = writeVarint(out, this.#at, to - from);
    // For a few bytes a loop is faster than making a view.
    if (to - from < 64) for (let i = from; i < to; i += 1) out[this.#at++] = source[i] ?? 0;
    else {
      out.set(source.subarray(from, to), this.#at);
      this.#at += to - from;
    }
    this.#nextSeq = seq + 1;
    this.#lastMs = atMs;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#at;
  }

  /** The time of the line written last, from which the next one's is told. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** Goes on in a larger buffer. */
  moveTo(out: Uint8Array): void {
    out.set(this.#out.subarray(0, this.#at));
    this.#out = out;
  }

  /** The encoding, a view of the buffer. */
  finish(): Uint8Array {
    if (this.#at === 0) this.#begin(0, 0);
    return this.#out.subarray(0, this.#at);
  }

  #begin(seq: number, atMs: number): void {
    this.#out.set(MAGIC);
    this.#at = writeVarint(this.#out, writeVarint(this.#out, MAGIC.length, seq), atMs);
    this.#nextSeq = seq;
    this.#lastMs = atMs;
  }
}

/**
 * An encoding of its own made of the records of another from `offset` to its end: the first of them is line `seq`, and
 * `lastMs` the time of the line before it.
 */
export function encodingFrom(encoding: Uint8Array, offset: number, seq: number, lastMs: number): Uint8Array {
  const out = new Uint8Array(HEADER_BYTES_MAX + encoding.length - offset);
  out.set(MAGIC);
  const at = writeVarint(out, writeVarint(out, MAGIC.length, seq), lastMs);
  out.set(encoding.subarray(offset), at);
  return out.subarray(0, at + encoding.length - offset);
}

/** Bytes -> lines, or what is wrong with them. Never throws. The lines' bytes are views of the input. */
export function decodeLines(encoded: Uint8Array): Decoded<LogLine[]> {
  if (encoded.length > SEGMENT_BYTES_MAX)
    return { ok: false, issue: `${encoded.length} bytes, at most ${SEGMENT_BYTES_MAX}` };
  if (MAGIC.some((byte, i) => encoded[i] !== byte)) return bad("not an encoding of lines", 0);

  const cursor = { at: MAGIC.length };
  const firstSeq = readVarint(encoded, cursor);
  const firstMs = readVarint(encoded, cursor);
  if (firstSeq === null || firstMs === null) return bad("broken header", cursor.at);

  const lines: LogLine[] = [];
  let seq = firstSeq;
  let atMs = firstMs;
  while (cursor.at < encoded.length) {
    const start = cursor.at;
    const flags = encoded[cursor.at++] ?? 0;
    if (flags > (STDERR | PARTIAL | GAP)) return bad("unknown flags", start);
    const gap = flags & GAP ? readVarint(encoded, cursor) : 0;
    const delta = readVarint(encoded, cursor);
    const length = readVarint(encoded, cursor);
    if (gap === null || delta === null || length === null) return bad("broken number", start);
    if (length > LINE_BYTES_MAX) return bad(`a line of ${length} bytes`, start);
    if (length > encoded.length - cursor.at) return bad("a line past the end", start);
    seq += gap;
    atMs += unzigzag(delta);
    if (!Number.isSafeInteger(seq) || seq < 1 || !Number.isSafeInteger(atMs) || atMs < 0)
      return bad("a number out of range", start);
    const bytes = encoded.subarray(cursor.at, cursor.at + length);
    lines.push({
      seq,
      atMs,
      stream: flags & STDERR ? "stderr" : "stdout",
      bytes,
      partial: (flags & PARTIAL) !== 0,
    });
    cursor.at += length;
    seq += 1;
  }
  return { ok: true, value: lines };
}

function bad(issue: string, offset: number): Decoded<never> {
  return { ok: false, issue: `${issue} at byte ${offset}` };
}

// Numbers go beyond 32 bits (milliseconds), so these divide instead of shifting.
function writeVarint(out: Uint8Array, at: number, value: number): number {
  let rest = value;
  let next = at;
  while (rest >= 0x80) {
    out[next++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  out[next++] = rest;
  return next;
}

function readVarint(input: Uint8Array, cursor: { at: number }): number | null {
  let value = 0;
  let scale = 1;
  for (let i = 0; i < VARINT_BYTES_MAX; i += 1) {
    const byte = input[cursor.at];
    if (byte === undefined) return null;
    cursor.at += 1;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return Number.isSafeInteger(value) ? value : null;
    scale *= 0x80;
  }
  return null;
}

function zigzag(value: number): number {
  return value < 0 ? -value * 2 - 1 : value * 2;
}

function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
