import {
  createCipheriv,
  createDecipheriv,
  createHash,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";

/** Encrypts what must not stand readable in the database: AES-256-GCM under a key derived per purpose from the master key. */
export interface Secrets {
  /** `purpose` separates keys and is authenticated: what was sealed for one purpose does not open for another. */
  seal(purpose: string, plain: Uint8Array | string): Buffer;
  /** Throws when the bytes were changed, or sealed under another master key. */
  open(purpose: string, sealed: Uint8Array): Buffer;
  /** A 32-byte key of its own for a purpose such as signing session cookies. */
  derive(purpose: string): Buffer;
}

const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
export const MASTER_KEY_BYTES = 32;

export function createSecrets(masterKey: Uint8Array): Secrets {
  if (masterKey.length !== MASTER_KEY_BYTES) {
    throw new Error(
      `The master key must be ${MASTER_KEY_BYTES} bytes, base64. Make one with: openssl rand -base64 32`,
    );
  }
  const derive = (purpose: string) => Buffer.from(hkdfSync("sha256", masterKey, "flowplane", purpose, 32));
  const keys = new Map<string, Buffer>();
  const keyOf = (purpose: string) => {
    const key = keys.get(purpose) ?? derive(purpose);
    keys.set(purpose, key);
    return key;
  };
  return {
    derive,
    seal(purpose, plain) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv("aes-256-gcm", keyOf(purpose), nonce).setAAD(Buffer.from(purpose));
      const body = Buffer.concat([cipher.update(plain as Buffer), cipher.final()]);
      return Buffer.concat([Buffer.from([VERSION]), nonce, cipher.getAuthTag(), body]);
    },
    open(purpose, sealed) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
      if (bytes.length < 1 + NONCE_BYTES + TAG_BYTES || bytes[0] !== VERSION)
        throw new Error(`not sealed for ${purpose}`);
      const nonce = bytes.subarray(1, 1 + NONCE_BYTES);
      const tag = bytes.subarray(1 + NONCE_BYTES, 1 + NONCE_BYTES + TAG_BYTES);
      const decipher = createDecipheriv("aes-256-gcm", keyOf(purpose), nonce)
        .setAAD(Buffer.from(purpose))
        .setAuthTag(tag);
      return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES + TAG_BYTES)), decipher.final()]);
    },
  };
}

/** SHA-256 of a random secret, for storing what only has to be recognised. Not for passwords: it is fast on purpose. */
export function hashSecret(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

/** Compares without telling by its time how much was right. */
export function secretMatches(secret: string, hash: Uint8Array): boolean {
  const given = hashSecret(secret);
  return given.length === hash.length && timingSafeEqual(given, hash);
}

/** `bytes` of randomness as base64url. */
export function randomSecret(bytes = 32): string {
  return randomBytes(bytes).toString("base64url");
}
