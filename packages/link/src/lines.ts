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
/** Header, and per line: flags, gap, time and length at their longest. */
const HEADER_BYTES_MAX = MAGIC.length + 2 * VARINT_BYTES_MAX;
const LINE_OVERHEAD_BYTES_MAX = 1 + 3 * VARINT_BYTES_MAX;

/** Cuts a stretch of one stream's output into lines numbered from `firstSeq`. The bytes are views, not copies. */
export function frameLines(output: Uint8Array, stream: Stream, atMs: number, firstSeq: number): LogLine[] {
  const lines: LogLine[] = [];
  let at = 0;
  const push = (end: number, partial: boolean) => {
    lines.push({ seq: firstSeq + lines.length, atMs, stream, bytes: output.subarray(at, end), partial });
  };
  while (at < output.length) {
    const newline = output.indexOf(NEWLINE, at);
    const end = newline < 0 ? output.length : newline;
    while (end - at > LINE_BYTES_MAX) {
      push(at + LINE_BYTES_MAX, true);
      at += LINE_BYTES_MAX;
    }
    push(end, newline < 0);
    at = end + 1;
  }
  return lines;
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
  const size = lines.reduce(
    (sum, line) => sum + line.bytes.length + LINE_OVERHEAD_BYTES_MAX,
    HEADER_BYTES_MAX,
  );
  const out = new Uint8Array(size);
  out.set(MAGIC);
  const first = lines[0];
  let at = writeVarint(out, MAGIC.length, first?.seq ?? 0);
  at = writeVarint(out, at, first?.atMs ?? 0);
  let nextSeq = first?.seq ?? 0;
  let lastMs = first?.atMs ?? 0;
  for (const line of lines) {
    const gap = line.seq - nextSeq;
    if (gap < 0) throw new RangeError(`line ${line.seq} after line ${nextSeq - 1}`);
    out[at++] = (line.stream === "stderr" ? STDERR : 0) | (line.partial ? PARTIAL : 0) | (gap > 0 ? GAP : 0);
    if (gap > 0) at = writeVarint(out, at, gap);
    at = writeVarint(out, at, zigzag(line.atMs - lastMs));
    at = writeVarint(out, at, line.bytes.length);
    out.set(line.bytes, at);
    at += line.bytes.length;
    nextSeq = line.seq + 1;
    lastMs = line.atMs;
  }
  return out.subarray(0, at);
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
