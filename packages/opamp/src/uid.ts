// An agent's instance_uid: 16 bytes on the wire, a UUID string everywhere else. Agents may use any 16
// bytes (some send ULIDs), so nothing here insists on a UUID version.

import { fromHex, toHex } from "./bytes.ts";

export const INSTANCE_UID_BYTES = 16;

/** Lower-case 8-4-4-4-12 text of 16 bytes. The caller has checked the length. */
export function uidToString(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** 16 bytes of a UUID text with or without hyphens, any case; null when it is none. */
export function uidFromString(text: string): Uint8Array<ArrayBuffer> | null {
  const bytes = fromHex(text.replaceAll("-", ""));
  return bytes?.length === INSTANCE_UID_BYTES ? bytes : null;
}

/** A fresh UUIDv7: 48 bits of `now` in milliseconds, the rest from `random` (0 ≤ r < 1). */
export function newUid(now: number, random: () => number): string {
  const bytes = new Uint8Array(INSTANCE_UID_BYTES);
  for (let index = 0; index < 6; index += 1) bytes[index] = Math.floor(now / 256 ** (5 - index)) % 256;
  for (let index = 6; index < INSTANCE_UID_BYTES; index += 1) bytes[index] = Math.floor(random() * 256);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return uidToString(bytes);
}
