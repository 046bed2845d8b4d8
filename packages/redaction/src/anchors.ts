// Finds many short byte strings at once, at the speed of memory. Every string has three neighbouring bytes, its anchor; of
// the two pairs in them one lies at an even place wherever the string is. So it is enough to look every second pair up in
// a table of all pairs, and to compare only where it says so.

import { ANCHOR_BYTES_MAX } from "./limits.ts";
import { FOLD } from "./text.ts";

export type Needle = {
  /** At least three; in lower case when `anyCase`. */
  bytes: Uint8Array;
  anyCase: boolean;
  /** Called with where it begins. */
  found: (at: number) => void;
};

const IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
export const NEEDLE_BYTES_MIN = 3;

type Entry = { needle: Needle; offset: number; next: Entry | null };

export class Anchors {
  readonly #table = new Uint8Array(65_536);
  readonly #entries = new Map<number, Entry>();

  constructor(needles: readonly Needle[]) {
    for (const needle of needles) this.#add(needle);
  }

  /** Calls `found` for each needle that begins in [from, to) and ends by `limit`, in the order of their anchors. */
  scan(input: Uint8Array, from: number, to: number, limit: number): void {
    const table = this.#table;
    // An anchor lies a little after where its needle begins.
    const pairsEnd = Math.min(limit, to + ANCHOR_BYTES_MAX) - 1;
    if (input.byteOffset % 2 !== 0 || !IS_LITTLE_ENDIAN) {
      for (let at = from - (from % 2); at < pairsEnd; at += 2) {
        const pair = (input[at] as number) | ((input[at + 1] as number) << 8);
        if (table[pair] !== 0) this.#compare(input, at, pair, from, to, limit);
      }
      return;
    }
    const pairs = new Uint16Array(input.buffer, input.byteOffset, input.length >> 1);
    const end = (pairsEnd + 1) >> 1;
    let i = from >> 1;
    for (; i + 4 <= end; i += 4) {
      const a = pairs[i] as number;
      const b = pairs[i + 1] as number;
      const c = pairs[i + 2] as number;
      const d = pairs[i + 3] as number;
      if (((table[a] as number) | (table[b] as number) | (table[c] as number) | (table[d] as number)) === 0)
        continue;
      if (table[a] !== 0) this.#compare(input, i * 2, a, from, to, limit);
      if (table[b] !== 0) this.#compare(input, i * 2 + 2, b, from, to, limit);
      if (table[c] !== 0) this.#compare(input, i * 2 + 4, c, from, to, limit);
      if (table[d] !== 0) this.#compare(input, i * 2 + 6, d, from, to, limit);
    }
    for (; i < end; i += 1) {
      const pair = pairs[i] as number;
      if (table[pair] !== 0) this.#compare(input, i * 2, pair, from, to, limit);
    }
  }

  #compare(input: Uint8Array, at: number, pair: number, from: number, to: number, limit: number): void {
    for (let entry = this.#entries.get(pair) ?? null; entry; entry = entry.next) {
      const start = at - entry.offset;
      const { needle } = entry;
      if (start < from || start >= to || start + needle.bytes.length > limit) continue;
      if (isAt(input, start, needle)) needle.found(start);
    }
  }

  #add(needle: Needle): void {
    const offset = cheapestAnchor(needle.bytes);
    for (const shift of [offset, offset + 1]) {
      const [a = 0, b = 0] = needle.bytes.subarray(shift, shift + 2);
      for (const first of needle.anyCase ? cases(a) : [a])
        for (const second of needle.anyCase ? cases(b) : [b])
          this.#enter(first | (second << 8), { needle, offset: shift, next: null });
    }
  }

  #enter(pair: number, entry: Entry): void {
    this.#table[pair] = 1;
    this.#entries.set(pair, { ...entry, next: this.#entries.get(pair) ?? null });
  }
}

function isAt(input: Uint8Array, start: number, { bytes, anyCase }: Needle): boolean {
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = input[start + i] as number;
    if ((anyCase ? FOLD[byte] : byte) !== bytes[i]) return false;
  }
  return true;
}

function cases(byte: number): number[] {
  return byte >= 97 && byte <= 122 ? [byte, byte - 32] : [byte];
}

/** Where the three bytes begin that are rarest in logs. */
function cheapestAnchor(bytes: Uint8Array): number {
  let best = 0;
  let bestCost = Infinity;
  for (let at = 0; at + NEEDLE_BYTES_MIN <= Math.min(bytes.length, ANCHOR_BYTES_MAX); at += 1) {
    const cost = pairCost(bytes, at) + pairCost(bytes, at + 1);
    if (cost < bestCost) [best, bestCost] = [at, cost];
  }
  return best;
}

/** Letters by how often text has them, the commonest first. */
const FREQUENT = "etaoinsrhldcumfpgwybvkxjqz";

function pairCost(bytes: Uint8Array, at: number): number {
  return byteCost(bytes[at] ?? 0) * byteCost(bytes[at + 1] ?? 0);
}

function byteCost(byte: number): number {
  if (byte === 32) return 40;
  if (byte >= 48 && byte <= 57) return 30;
  const rank = FREQUENT.indexOf(String.fromCharCode(byte));
  if (rank >= 0) return 27 - rank;
  const lower = FREQUENT.indexOf(String.fromCharCode(byte + 32));
  if (byte >= 65 && byte <= 90 && lower >= 0) return 3;
  return "-:/.=_\"',".includes(String.fromCharCode(byte)) ? 8 : 1;
}
