// Values that stand behind a word: `password=…`, `"api_key": "…"`, `Authorization: Bearer …`, `--token …`, and, near such a
// word, what is too random to be text.

import { CHARSETS, runEnd } from "./charsets.ts";
import type { Charset, Runs } from "./charsets.ts";
import { isRandom, SAMPLE_BYTES } from "./entropy.ts";
import { makeFinding, RANK } from "./finding.ts";
import type { Finding } from "./finding.ts";
import { SECRET_BYTES_MAX } from "./limits.ts";
import { TAILS_OF_NO_SECRET } from "./names.ts";
import { isMixed } from "./shapes.ts";

/** A strong word makes any value a secret; after a weak one the value has to look like one. */
type Word = { text: string; strength: "strong" | "weak" | "header" | "scheme"; after?: RegExp };

const KEY_OF =
  /(api|access|secret|private|signing|encryption|account|storage|master|auth|shared|ssh|deploy|license)[_. -]?$/i;
const TOKEN_OF = /(access|refresh|auth|api|bearer|session|bot|csrf|xsrf|personal|deploy|secret)[_. -]?$/i;

export const WORDS: readonly Word[] = [
  { text: "password", strength: "strong" },
  { text: "passwd", strength: "strong" },
  { text: "passphrase", strength: "strong" },
  { text: "pwd", strength: "strong", after: /(^|[^a-z])$/i },
  { text: "secret", strength: "strong" },
  { text: "key", strength: "strong", after: KEY_OF },
  { text: "token", strength: "strong", after: TOKEN_OF },
  { text: "token", strength: "weak" },
  { text: "credential", strength: "weak" },
  { text: "authorization", strength: "header" },
  { text: "cookie", strength: "header" },
  { text: "bearer", strength: "scheme" },
];

/** Looked back over for what stands before a word, and ahead for what ends its name. */
const NAME_BYTES_MAX = 24;
const SPACES_MAX = 2;
const STRONG_BYTES_MIN = 4;
const WEAK_BYTES_MIN = 8;
const SCHEME_BYTES_MIN = 12;
/** How far from a word something random is still its secret. */
const NEAR_BYTES = 64;
const RANDOM_BYTES_MIN = 24;

const [DOUBLE, SINGLE, BACK, BACKSLASH, SPACE, TAB, NEWLINE] = [34, 39, 96, 92, 32, 9, 10];
const [EQUALS, COLON, LESS, GREATER, DASH] = [61, 58, 60, 62, 45];

/** Nothing that is a value: what programs print in its place. */
const PLACEHOLDER =
  /^(\$\{.*|\$\(.*|\$[A-Z_]+|<.*|\{.*|\[.*|%[sdvr].*|%\(.*|\*+|x{3,}|\.{3,}|-+|none|null|nil|true|false|yes|no|undefined|empty|redacted|hidden|masked|required|missing|invalid|unset|not|is|set|the)$/i;
/** A reference in code rather than a value. */
const CODE = /^[A-Za-z_][A-Za-z_]*([.[(][A-Za-z_"'\]]*)+$/;

export function judgeWord(word: Word, input: Uint8Array, at: number, runs: Runs): Finding | null {
  if (word.after && !word.after.test(textOf(input, Math.max(0, at - NAME_BYTES_MAX), at))) return null;
  const wordEnd = at + word.text.length;
  if (word.strength === "scheme") return judgeScheme(input, wordEnd);
  const nameEnd = endOfName(input, wordEnd);
  if (nameEnd === null) return null;
  const assigned = valueStart(input, at, nameEnd);
  if (assigned === null) return word.strength === "header" ? null : judgeNear(input, wordEnd, runs);
  const { start, quote, isTight } = assigned;
  if (word.strength === "header") return judgeHeader(input, start, runs);
  const set =
    quote === DOUBLE ? CHARSETS.doubleQuoted : quote === SINGLE ? CHARSETS.singleQuoted : CHARSETS.backQuoted;
  const value = quote === 0 ? CHARSETS.bare : set;
  const end =
    quote === 0 ? runs.end(input, start, value) : endOfQuoted(input, start, value, assigned.isEscaped);
  if (!isValue(word.strength === "strong", input, start, end, quote !== 0, isTight)) return null;
  return makeFinding(input, start, end, "assigned", RANK.context, value);
}

/** `_KEY_BASE` behind `SECRET`; null when the whole is no secret's name. */
function endOfName(input: Uint8Array, wordEnd: number): number | null {
  const end = runEnd(input, wordEnd, Math.min(input.length, wordEnd + NAME_BYTES_MAX), CHARSETS.word);
  if (end === wordEnd) return end;
  const tail = textOf(input, wordEnd, end);
  // "secretly" and "tokens" are other words; `tokenValue`, `PASSWORD2` and `secret_key` are names.
  if (/^[a-z]/.test(tail) && !/^s?$/.test(tail) && !isUpper(input[wordEnd - 1])) return null;
  return TAILS_OF_NO_SECRET.test(tail) ? null : end;
}

function isUpper(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 65 && byte <= 90;
}

type Assigned = { start: number; quote: number; isEscaped: boolean; isTight: boolean };

/** Where the value begins that is assigned to the name before `nameEnd`; null when none is. */
function valueStart(input: Uint8Array, wordStart: number, nameEnd: number): Assigned | null {
  let at = nameEnd;
  if (input[at] === BACKSLASH) at += 1;
  const isKey = input[at] === DOUBLE || input[at] === SINGLE;
  if (isKey) at += 1;
  if (input[at] === 93) at += 1; // os.environ["PASSWORD"] = …
  const afterName = at;
  at = skipSpaces(input, at);
  const sign = input[at];
  let isTight = false;
  if (sign === EQUALS || sign === COLON) {
    isTight = sign === EQUALS || isKey;
    at += 1;
    // := => ==, and no more.
    if (input[at] === EQUALS || input[at] === GREATER) at += 1;
    else if (sign === COLON && input[at] === COLON) return null;
  } else if (sign === GREATER && isElement(input, wordStart)) {
    at += 1;
    isTight = true;
  } else if (at === afterName + 1 && isOption(input, wordStart) && input[at] !== DASH) {
    isTight = true;
  } else return null;
  at = skipSpaces(input, at);
  const isEscaped = input[at] === BACKSLASH && (input[at + 1] === DOUBLE || input[at + 1] === SINGLE);
  if (isEscaped) at += 1;
  const quote = input[at];
  if (quote === DOUBLE || quote === SINGLE || quote === BACK)
    return { start: at + 1, quote, isEscaped, isTight };
  return { start: at, quote: 0, isEscaped: false, isTight };
}

function skipSpaces(input: Uint8Array, at: number): number {
  let end = at;
  while (end < at + SPACES_MAX && (input[end] === SPACE || input[end] === TAB)) end += 1;
  return end;
}

/** `<password>` in XML. */
function isElement(input: Uint8Array, wordStart: number): boolean {
  return lastBefore(input, wordStart) === LESS;
}

/** `--api-token` on a command line. */
function isOption(input: Uint8Array, wordStart: number): boolean {
  let at = wordStart;
  const least = Math.max(0, wordStart - NAME_BYTES_MAX);
  while (at > least && CHARSETS.word[input[at - 1] as number] === 1) at -= 1;
  return input[at] === DASH && input[at + 1] === DASH;
}

/** The byte before the name that ends at `wordStart`. */
function lastBefore(input: Uint8Array, wordStart: number): number | undefined {
  let at = wordStart;
  const least = Math.max(0, wordStart - NAME_BYTES_MAX);
  while (at > least && CHARSETS.word[input[at - 1] as number] === 1) at -= 1;
  return input[at - 1];
}

function limitOf(input: Uint8Array, start: number): number {
  return Math.min(input.length, start + SECRET_BYTES_MAX);
}

/** The closing quote, `\"` when the opening one was `\"`; else a backslash takes the next byte with it. */
function endOfQuoted(input: Uint8Array, start: number, set: Charset, isEscaped: boolean): number {
  const limit = limitOf(input, start);
  let at = start;
  while (at < limit && input[at] !== NEWLINE) {
    if (input[at] === BACKSLASH) {
      const next = input[at + 1] ?? NEWLINE;
      if (isEscaped && set[next] === 0) return at;
      at = next === NEWLINE ? at + 1 : Math.min(limit, at + 2);
    } else if (set[input[at] as number] === 0) return at;
    else at += 1;
  }
  return at;
}

function isValue(
  isStrong: boolean,
  input: Uint8Array,
  start: number,
  end: number,
  isQuoted: boolean,
  isTight: boolean,
): boolean {
  const length = end - start;
  if (length < (isStrong ? STRONG_BYTES_MIN : WEAK_BYTES_MIN)) return false;
  if (length > 200) return true;
  const text = textOf(input, start, end);
  if (PLACEHOLDER.test(text)) return false;
  if (!isQuoted && (CODE.test(text) || input[end] === 40)) return false;
  if (!isStrong) return isMixed(input, start, end) || isRandom(input, start, end, RANDOM_BYTES_MIN);
  if (isQuoted || isTight) return true;
  // "password: incorrect for user" is a sentence; what ends the line, or is no plain word, is a value.
  return !/^[A-Za-z]+[.!?]?$/.test(text) || (input[end] ?? NEWLINE) === NEWLINE;
}

/** `Bearer …`, with or without a header's name before it. */
function judgeScheme(input: Uint8Array, wordEnd: number): Finding | null {
  if (input[wordEnd] !== SPACE) return null;
  const start = wordEnd + 1;
  const end = runEnd(input, start, limitOf(input, start), CHARSETS.token);
  if (end - start < SCHEME_BYTES_MIN || !(isMixed(input, start, end) || end - start >= 32)) return null;
  return makeFinding(input, start, end, "bearer_token", RANK.context, CHARSETS.token);
}

/** What an Authorization or Cookie header holds, its scheme left out. */
function judgeHeader(input: Uint8Array, start: number, runs: Runs): Finding | null {
  const scheme = /^(basic|bearer|token|digest|negotiate|apikey|key|aws4-hmac-sha256) +/i.exec(
    textOf(
      input,
      start,
      runEnd(input, start, Math.min(input.length, start + NAME_BYTES_MAX), CHARSETS.header),
    ),
  );
  const from = start + (scheme?.[0].length ?? 0);
  const end = runs.end(input, from, CHARSETS.header);
  const first = runs.end(input, from, CHARSETS.bare);
  if (first - from < STRONG_BYTES_MIN * 2) return null;
  if (!scheme && !isMixed(input, from, first)) return null;
  return makeFinding(input, from, end, "header", RANK.context, CHARSETS.header);
}

/** Something random soon after a secret's word. */
function judgeNear(input: Uint8Array, wordEnd: number, runs: Runs): Finding | null {
  const limit = Math.min(input.length, wordEnd + NEAR_BYTES);
  // What hangs on the word itself is a longer word, and within something encoded there are no words.
  const afterWord = runs.end(input, wordEnd, CHARSETS.word);
  if (CHARSETS.base64[input[afterWord] ?? 0] === 1) return null;
  for (let at = afterWord; at < limit && input[at] !== NEWLINE;) {
    // So much of it decides: what follows only makes it longer.
    const sample = runEnd(input, at, Math.min(input.length, at + SAMPLE_BYTES), CHARSETS.base64);
    if (sample - at >= RANDOM_BYTES_MIN && isRandom(input, at, sample, RANDOM_BYTES_MIN)) {
      const end = runs.end(input, at, CHARSETS.base64);
      return makeFinding(input, at, end, "random", RANK.context, CHARSETS.base64);
    }
    at = input[sample] === NEWLINE ? sample : sample + 1;
  }
  return null;
}

/** The bytes as text; of several lines the last. */
function textOf(input: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let at = from; at < to; at += 1) {
    const byte = input[at] as number;
    if (byte === NEWLINE) text = "";
    else text += String.fromCharCode(byte);
  }
  return text;
}
