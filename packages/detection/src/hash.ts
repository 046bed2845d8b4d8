/** What a step of FNV-1a multiplies by. */
export const FNV_PRIME = 0x01000193;
export const HASH_START = 0x811c9dc5 | 0;

/** One step of FNV-1a. */
export function mix(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, FNV_PRIME);
}

/** Spreads the bits of an FNV hash, whose low bits are weak on short input. Never 0, which tables use for "empty". */
export function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) | 1;
}

/** Unsigned hash of a string's UTF-16 code units. */
export function hashText(text: string, seed: number): number {
  let hash = mix(HASH_START, seed);
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    hash = mix(mix(hash, unit & 0xff), unit >>> 8);
  }
  return finish(hash) >>> 0;
}
