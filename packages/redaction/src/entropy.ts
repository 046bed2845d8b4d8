// Whether bytes look drawn by lot. Whole numbers only: the same answer everywhere.

import { runEnd, CHARSETS } from "./charsets.ts";

/** Looked at in one go: more tells nothing new. */
export const SAMPLE_BYTES = 256;
/** Thousandths of a bit. */
const SCALE = 1000;
/** log2(n) in thousandths, for every count there may be. */
const LOG2 = Uint32Array.from({ length: SAMPLE_BYTES + 1 }, (_, n) =>
  n === 0 ? 0 : Math.round(Math.log2(n) * SCALE),
);
/** Bits a character: text has about 4, base64 of random bytes up to 6, hexadecimal digits 4 at most. */
const BASE64_BITS_MIN = 4.2 * SCALE;
const HEX_BITS_MIN = 3 * SCALE;

export function isRandom(input: Uint8Array, from: number, to: number, bytesMin: number): boolean {
  const end = Math.min(to, from + SAMPLE_BYTES);
  const length = end - from;
  if (length < bytesMin) return false;
  const isHex = runEnd(input, from, end, CHARSETS.hex) === end;
  const counts = new Uint16Array(256);
  let digits = 0;
  for (let at = from; at < end; at += 1) {
    const byte = input[at] as number;
    counts[byte] = (counts[byte] as number) + 1;
    if (byte >= 48 && byte <= 57) digits += 1;
  }
  if (digits === 0 || digits === length) return false;
  let sum = 0;
  for (const count of counts) sum += count * (LOG2[count] as number);
  const bits = (LOG2[length] as number) - sum / length;
  return bits >= (isHex ? HEX_BITS_MIN : BASE64_BITS_MIN);
}
