// Small steps between text and bytes.

/** One byte per character code: patterns and words are ASCII. */
export function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** ASCII letters in lower case; the table of all bytes. */
export const FOLD = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 65 && byte <= 90 ? byte + 32 : byte,
);

export function isLetter(byte: number): boolean {
  const folded = FOLD[byte] as number;
  return folded >= 97 && folded <= 122;
}

export function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}
