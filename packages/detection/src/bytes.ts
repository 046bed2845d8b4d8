import { Flag } from "./flags.ts";

/** What a byte is to the scanner, and the small looks ahead it takes. */

/** Everything else is 0. */
export const LETTER = 1;
export const DIGIT = 2;
export const SPACE = 3;
export const ESCAPE = 4;
export const CLASS = new Uint8Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  if ((byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122)) CLASS[byte] = LETTER;
  else if (byte >= 48 && byte <= 57) CLASS[byte] = DIGIT;
  else if (byte === 27) CLASS[byte] = ESCAPE;
  else if (byte <= 32 || byte === 127) CLASS[byte] = SPACE;
}

/** Where letters and digits stop following each other. */
export function endOfRun(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && ((CLASS[bytes[i] as number] as number) === LETTER || CLASS[bytes[i] as number] === DIGIT))
    i += 1;
  return i;
}

export function endOfLetters(bytes: Uint8Array, start: number, end: number): number {
  let i = start;
  while (i < end && CLASS[bytes[i] as number] === LETTER) i += 1;
  return i;
}

const HEX_MIN = 7;
const RANDOM_MIN = 8;
const RANDOM_CHANGES_MIN = 4;

/** Hex digits, or letters and digits in such disorder that nobody chose them. */
export function isRandom(bytes: Uint8Array, start: number, end: number): boolean {
  const length = end - start;
  if (length < 3) return false;
  if (bytes[start] === 48 && ((bytes[start + 1] as number) | 32) === 120) return true;
  let hex = true;
  let changes = 0;
  let digits = 0;
  for (let i = start; i < end; i += 1) {
    const byte = bytes[i] as number;
    const isDigit = CLASS[byte] === DIGIT;
    if (isDigit) digits += 1;
    else if ((byte | 32) > 102) hex = false;
    if (i > start && isDigit !== (CLASS[bytes[i - 1] as number] === DIGIT)) changes += 1;
  }
  if (digits === 0 || digits === length) return false;
  return (hex && length >= HEX_MIN) || (length >= RANDOM_MIN && changes >= RANDOM_CHANGES_MIN);
}

/** Nothing but `: `, `=` or quotes between a word and its value. */
export function onlyAssigns(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > 4 || to === from) return false;
  let assigns = false;
  for (let i = from; i < to; i += 1) {
    const byte = bytes[i];
    if (byte === 58 || byte === 61) assigns = true;
    else if (byte !== 32 && byte !== 34 && byte !== 39) return false;
  }
  return assigns;
}

/** `error=null`, `"error":""`, `errors: none`: the name of a field that is empty. */
export function isNothing(bytes: Uint8Array, end: number): boolean {
  let i = bytes[end] === 34 || bytes[end] === 39 ? end + 1 : end;
  if (bytes[i] !== 58 && bytes[i] !== 61) return false;
  i += 1;
  if (bytes[i] === 32) i += 1;
  if ((bytes[i] === 34 || bytes[i] === 39) && bytes[i + 1] === bytes[i]) return true;
  if (bytes[i] === 91 && bytes[i + 1] === 93) return true;
  return NOTHINGS.some((word) => startsWith(bytes, i, word));
}

const NOTHINGS = ["null", "None", "none", "nil", "false", "False"].map((word) =>
  new TextEncoder().encode(word),
);

/** Past a CSI, OSC or two-byte escape sequence. */
export function skipEscape(bytes: Uint8Array, start: number, end: number): number {
  let i = start + 1;
  if (i >= end) return end;
  const kind = bytes[i];
  i += 1;
  if (kind === 91) {
    while (i < end && ((bytes[i] as number) < 64 || (bytes[i] as number) > 126)) i += 1;
    return i + 1;
  }
  if (kind === 93) {
    while (i < end && bytes[i] !== 7 && bytes[i] !== 27) i += 1;
    return bytes[i] === 27 ? i + 2 : i + 1;
  }
  return i;
}

/** How the line begins tells whether it goes on with another. */
export function headFlags(bytes: Uint8Array, start: number, end: number): number {
  if (start >= end) return Flag.empty | Flag.continuation;
  const first = bytes[start] as number;
  const second = bytes[start + 1] ?? 32;
  if (first === 32 || first === 9) {
    for (let i = start; i < end; i += 1) if (CLASS[bytes[i] as number] !== SPACE) return Flag.continuation;
    return Flag.empty | Flag.continuation;
  }
  if (first === 125 || first === 41 || first === 93) return Flag.continuation;
  if (first === 97 && second === 116 && bytes[start + 2] === 32) return Flag.continuation;
  if (first === 46 && second === 46 && bytes[start + 2] === 46) return Flag.continuation;
  if (first === 94 || first === 126) return Flag.continuation;
  if (startsWith(bytes, start, CAUSED_BY)) return Flag.continuation;
  return 0;
}

const CAUSED_BY = new TextEncoder().encode("Caused by");

function startsWith(bytes: Uint8Array, start: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i += 1) if (bytes[start + i] !== prefix[i]) return false;
  return true;
}
