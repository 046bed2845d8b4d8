// A short fingerprint that says "the same as before" or "changed". It guards nothing: whoever could forge
// a collision would only stop his own agent's state from being stored. 53 bits fit a JavaScript number.

/** Fingerprint of bytes: two 32-bit multiply-xor lanes, mixed at the end. */
export function digestBytes(bytes: Uint8Array): number {
  let high = 0x9e3779b9 ^ bytes.length;
  let low = 0x85ebca6b;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0;
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x5bd1e995);
  }
  return finish(high, low);
}

/** Fingerprint of a text by its UTF-16 units. */
export function digestText(text: string): number {
  let high = 0x9e3779b9 ^ text.length;
  let low = 0x85ebca6b;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x5bd1e995);
  }
  return finish(high, low);
}

/** Fingerprint of a JSON value that does not depend on the order of keys. */
export function digestJson(value: Json): number {
  return digestText(canonicalJson(value));
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** JSON text with sorted keys, so that equal values give equal text. */
export function canonicalJson(value: Json): string {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const members = Object.keys(value)
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key] ?? null)}`);
  return `{${members.join(",")}}`;
}

function isArray(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function finish(high: number, low: number): number {
  let one = high ^ (low >>> 15);
  let two = low ^ (high >>> 13);
  one = Math.imul(one ^ (one >>> 16), 0x7feb352d);
  two = Math.imul(two ^ (two >>> 15), 0x2c1b3c6d);
  one ^= two >>> 16;
  two ^= one >>> 14;
  return (two & 0x1fffff) * 0x1_0000_0000 + (one >>> 0);
}
