import { createHmac, timingSafeEqual } from "node:crypto";

/**
 * A session as a cookie or a bearer carries it: `TOKEN.SIGNATURE`, the signature by a key that is not in the database,
 * so that who reads the database cannot sign in. It is the form better-auth gives its cookies.
 */
export function signSession(token: string, secret: string): string {
  return `${token}.${signature(token, secret)}`;
}

/** The token inside, when its signature is ours. */
export function openSession(signed: string, secret: string): string | undefined {
  const dot = signed.lastIndexOf(".");
  if (dot <= 0) return undefined;
  const token = signed.slice(0, dot);
  const given = Buffer.from(signed.slice(dot + 1));
  const expected = Buffer.from(signature(token, secret));
  return given.length === expected.length && timingSafeEqual(given, expected) ? token : undefined;
}

function signature(token: string, secret: string): string {
  return createHmac("sha256", secret).update(token).digest("base64");
}
