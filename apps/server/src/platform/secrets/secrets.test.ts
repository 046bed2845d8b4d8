import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createSecrets, hashSecret, MASTER_KEY_BYTES, randomSecret, secretMatches } from "./secrets.ts";

const master = randomBytes(MASTER_KEY_BYTES);
const secrets = createSecrets(master);

describe("sealing", () => {
  test.each([0, 1, 15, 16, 17, 100_000])("%d bytes open to what they were", (size) => {
    const plain = randomBytes(size);
    expect(secrets.open("a", secrets.seal("a", plain)).equals(plain)).toBe(true);
  });

  test("text is sealed as UTF-8", () => {
    expect(secrets.open("a", secrets.seal("a", "grüße")).toString("utf8")).toBe("grüße");
  });

  test("another process with the same master key opens it", () => {
    expect(createSecrets(Buffer.from(master)).open("a", secrets.seal("a", "x")).toString()).toBe("x");
  });

  test("the same plain text is never sealed to the same bytes", () => {
    const sealed = new Set(Array.from({ length: 1_000 }, () => secrets.seal("a", "x").toString("hex")));
    expect(sealed.size).toBe(1_000);
  });

  test("it opens for no other purpose and under no other master key", () => {
    const sealed = secrets.seal("a", "x");
    expect(() => secrets.open("b", sealed)).toThrow();
    expect(() => createSecrets(randomBytes(MASTER_KEY_BYTES)).open("a", sealed)).toThrow();
  });

  test("no changed byte and no shortened text opens", () => {
    const sealed = secrets.seal("a", "secret");
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => secrets.open("a", changed), `byte ${at}`).toThrow();
      expect(() => secrets.open("a", sealed.subarray(0, at)), `${at} bytes`).toThrow();
    }
    expect(() => secrets.open("a", Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow();
  });

  test("bytes in the middle of a larger buffer open", () => {
    const sealed = secrets.seal("a", "x");
    const large = Buffer.concat([Buffer.alloc(7), sealed, Buffer.alloc(9)]);
    expect(secrets.open("a", large.subarray(7, 7 + sealed.length)).toString()).toBe("x");
  });
});

test("derived keys differ by purpose and master key, and stay the same otherwise", () => {
  expect(secrets.derive("a")).toEqual(createSecrets(Buffer.from(master)).derive("a"));
  expect(secrets.derive("a")).not.toEqual(secrets.derive("b"));
  expect(secrets.derive("a")).not.toEqual(createSecrets(randomBytes(MASTER_KEY_BYTES)).derive("a"));
  expect(secrets.derive("a")).toHaveLength(32);
  const fixed = createSecrets(Buffer.alloc(MASTER_KEY_BYTES, 7));
  // What was sealed by one version must open in the next: the derivation never changes.
  expect(fixed.derive("session-signature").toString("hex")).toMatchInlineSnapshot(
    `"8438e4497de789588f83a5674e5296022fa404d1aad5553202e0c00889026f02"`,
  );
});

test("a master key of another length is refused, with what to do", () => {
  for (const size of [0, 16, 31, 33])
    expect(() => createSecrets(randomBytes(size))).toThrow("openssl rand -base64 32");
});

test("a hash recognises its secret and no other", () => {
  const secret = randomSecret();
  expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(secretMatches(secret, hashSecret(secret))).toBe(true);
  for (const other of [randomSecret(), secret.slice(1), `${secret} `, ""])
    expect(secretMatches(other, hashSecret(secret))).toBe(false);
  expect(secretMatches(secret, Buffer.alloc(0))).toBe(false);
});
