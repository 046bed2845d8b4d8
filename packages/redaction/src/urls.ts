// `scheme://user:password@host`: the password, or all of a user info that is itself a token.

import { CHARSETS, runEnd } from "./charsets.ts";
import { makeFinding, RANK } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { isMixed } from "./shapes.ts";
import { latin1 } from "./text.ts";

export const URL_MARK = latin1("://");

const USERINFO_BYTES_MAX = 512;
const USER_BYTES_MAX = 128;
/** A user info without a password of at least this length is a token: `https://TOKEN@host/…`. */
const TOKEN_BYTES_MIN = 20;
const [COLON, AT] = [58, 64];

/** `at` is where `://` begins. */
export function judgeUrl(input: Uint8Array, at: number): Finding | null {
  const start = at + URL_MARK.length;
  const end = runEnd(input, start, Math.min(input.length, start + USERINFO_BYTES_MAX), CHARSETS.userinfo);
  let host = end;
  // A password may hold an "@" that nobody encoded: the last one ends it.
  while (host > start && input[host] !== AT) host -= 1;
  if (host === start || input[host] !== AT) return null;
  let colon = start;
  while (colon < host && input[colon] !== COLON) colon += 1;
  if (colon < host - 1) {
    if (colon - start > USER_BYTES_MAX) return null;
    if (isPlaceholder(input, colon + 1, host)) return null;
    return makeFinding(input, colon + 1, host, "url_password", RANK.context, CHARSETS.none);
  }
  const length = colon - start;
  return length >= TOKEN_BYTES_MIN && isMixed(input, start, colon)
    ? makeFinding(input, start, colon, "url_password", RANK.context, CHARSETS.none)
    : null;
}

/** `***`, `$PASSWORD`: what is printed in a password's place. */
function isPlaceholder(input: Uint8Array, from: number, to: number): boolean {
  const first = input[from];
  if (first === 36 || first === 37) return input[from + 1] === 123 || first === 36;
  for (let at = from; at < to; at += 1) if (input[at] !== 42 && input[at] !== 120) return false;
  return true;
}
