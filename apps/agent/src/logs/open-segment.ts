// The lines of a segment that is not closed yet, encoded as they come. The output they are made of is still on disk, so a
// crash costs nothing but making them again.

import { decodeLines, encodeLines, encodingFrom, LineWriter } from "@flowplane/link";
import type { Stream } from "@flowplane/link";

/** What a batch can add beside its lines: the encoding's header, and the time of its first line. */
const BATCH_OVERHEAD_BYTES = 64;
const FIRST_BYTES = 16 * 1024;
/** Large buffers are used again, so that a flood of segments does not become a flood of garbage. */
const SPARE_BYTES_MIN = 1024 * 1024;
const SPARES_MAX = 6;
const spares: Buffer[] = [];

/** Where a batch begins: its first line, the offset of its record, and the time of the line before. */
type Mark = { seq: number; offset: number; lastMs: number };

/** Most bytes that so much output of one moment is encoded in. The worst are empty lines: three bytes for each newline. */
export function encodedOutputMax(bytes: number): number {
  return 3 * bytes + BATCH_OVERHEAD_BYTES;
}

export class OpenSegment {
  readonly firstSeq: number;
  /** When its first line was read. */
  readonly since: number;
  #buffer: Buffer;
  readonly #writer: LineWriter;
  readonly #marks: Mark[] = [];
  #nextSeq: number;

  constructor(firstSeq: number, since: number) {
    this.firstSeq = firstSeq;
    this.since = since;
    this.#nextSeq = firstSeq;
    this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
    this.#writer = new LineWriter(this.#buffer);
  }

  /** The last line's number; one less than `firstSeq` when there is none. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  /** Time of its last line. */
  get lastAt(): number {
    return this.#writer.lastMs;
  }

  /** Bytes of the encoding so far. */
  get length(): number {
    return this.#writer.length;
  }

  get encoding(): Uint8Array {
    return this.#writer.finish();
  }

  /** Makes room for a batch of so many bytes of output. */
  reserve(bytes: number): void {
    if (this.length > 0) this.#mark();
    const needed = this.length + encodedOutputMax(bytes);
    if (needed <= this.#buffer.length) return;
    const larger = takeBuffer(Math.max(needed, this.#buffer.length * 2));
    this.#writer.moveTo(larger);
    giveBuffer(this.#buffer);
    this.#buffer = larger;
  }

  /** Adds the next line. */
  write(source: Uint8Array, from: number, to: number, atMs: number, stream: Stream, partial: boolean): void {
    this.#writer.write(source, from, to, this.#nextSeq, atMs, stream, partial);
    this.#nextSeq += 1;
  }

  /** The lines from `seq` on, encoded, of whole batches up to about `bytesMax`; null when there are none. A copy. */
  copyFrom(seq: number, bytesMax: number): { bytes: Uint8Array; nextSeq: number } | null {
    if (seq >= this.#nextSeq) return null;
    const { encoding } = this;
    const at = this.#marks.findLastIndex((mark) => mark.seq <= seq);
    const start = this.#marks[at];
    const end = this.#marks.slice(at + 1).find((mark) => mark.offset - (start?.offset ?? 0) >= bytesMax);
    const part = encoding.subarray(0, end?.offset ?? encoding.length);
    const bytes = start ? encodingFrom(part, start.offset, start.seq, start.lastMs) : Uint8Array.from(part);
    const nextSeq = end?.seq ?? this.#nextSeq;
    if (seq <= (start?.seq ?? this.firstSeq)) return { bytes, nextSeq };
    const decoded = decodeLines(bytes);
    if (!decoded.ok) throw new Error(`lines that were just encoded cannot be read: ${decoded.issue}`);
    return { bytes: encodeLines(decoded.value.filter((line) => line.seq >= seq)), nextSeq };
  }

  /** Gives its memory to the next one. Nothing of it may be used after that. */
  release(): void {
    giveBuffer(this.#buffer);
    this.#buffer = Buffer.alloc(0);
  }

  #mark(): void {
    this.#marks.push({ seq: this.#nextSeq, offset: this.length, lastMs: this.#writer.lastMs });
  }
}

function takeBuffer(bytes: number): Buffer {
  const at = spares.findIndex((spare) => spare.length >= bytes);
  return spares.splice(at, at < 0 ? 0 : 1)[0] ?? Buffer.allocUnsafeSlow(bytes);
}

function giveBuffer(buffer: Buffer): void {
  if (buffer.length >= SPARE_BYTES_MIN && spares.length < SPARES_MAX) spares.push(buffer);
}
