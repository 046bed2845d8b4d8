import type { FastifyRequest } from "fastify";

/** Cookies of a browser session are `PREFIX.session_token`, and `__Secure-PREFIX.…` over https. */
export const COOKIE_PREFIX = "flowplane";
const SESSION_COOKIE = `${COOKIE_PREFIX}.session_token`;

/** What a request shows to say who it is, unverified. A bearer wins over a cookie. */
export type Credential = { readonly kind: "bearer" | "cookie"; readonly text: string };

export function shownCredential(request: FastifyRequest): Credential | undefined {
  const header = request.headers.authorization;
  if (header !== undefined) {
    const match = /^bearer +(\S+) *$/i.exec(header);
    return { kind: "bearer", text: match?.[1] ?? "" };
  }
  for (const part of (request.headers.cookie ?? "").split(";")) {
    const [name, value] = part.trim().split("=", 2);
    if ((name === `__Secure-${SESSION_COOKIE}` || name === SESSION_COOKIE) && value !== undefined)
      return { kind: "cookie", text: value };
  }
  return undefined;
}
