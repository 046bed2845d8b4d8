// The right to one file, for one agent, until a moment: a text that stands in the file's address. It is signed, so that nothing has to be
// stored for it, and nobody can make one or change what it is for.

import { createHmac, timingSafeEqual } from "node:crypto";

/** What it is for. Times are ms since the epoch. */
export interface Capability {
  readonly fileId: string;
  readonly agentId: string;
  readonly expiresAt: number;
}

export type ReadCapability =
  | { readonly ok: true; readonly capability: Capability }
  | { readonly ok: false; readonly issue: "not_ours" | "expired" };

/** By which texts like it are recognised and kept out of what is shown (packages/opamp, redact.ts). */
const PREFIX = "fpd_";
/** For `Secrets.derive`. */
export const CAPABILITY_KEY = "package-download";
const UUID_BYTES = 16;
const TIME_BYTES = 6;
const BODY_BYTES = 2 * UUID_BYTES + TIME_BYTES;
const MAC_BYTES = 32;

export function writeCapability(key: Uint8Array, { fileId, agentId, expiresAt }: Capability): string {
  const body = Buffer.concat([uuidBytes(fileId), uuidBytes(agentId), Buffer.alloc(TIME_BYTES)]);
  body.writeUIntBE(expiresAt, 2 * UUID_BYTES, TIME_BYTES);
  return PREFIX + Buffer.concat([body, macOf(key, body)]).toString("base64url");
}

export function readCapability(key: Uint8Array, text: string, now: number): ReadCapability {
  const bytes = text.startsWith(PREFIX)
    ? Buffer.from(text.slice(PREFIX.length), "base64url")
    : Buffer.alloc(0);
  if (bytes.byteLength !== BODY_BYTES + MAC_BYTES) return { ok: false, issue: "not_ours" };
  const body = bytes.subarray(0, BODY_BYTES);
  if (!timingSafeEqual(bytes.subarray(BODY_BYTES), macOf(key, body))) return { ok: false, issue: "not_ours" };
  const expiresAt = body.readUIntBE(2 * UUID_BYTES, TIME_BYTES);
  if (expiresAt <= now) return { ok: false, issue: "expired" };
  return {
    ok: true,
    capability: {
      fileId: uuidText(body.subarray(0, UUID_BYTES)),
      agentId: uuidText(body.subarray(UUID_BYTES, 2 * UUID_BYTES)),
      expiresAt,
    },
  };
}

function macOf(key: Uint8Array, body: Uint8Array): Buffer {
  return createHmac("sha256", key).update(body).digest();
}

function uuidBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll("-", ""), "hex");
}

function uuidText(bytes: Buffer): string {
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
