import { AppError } from "../errors.ts";

/** Objects and arrays inside one another; no endpoint needs a tenth of it. */
export const JSON_DEPTH_MAX = 32;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a JSON body and refuses what would mean one thing to us and another to the next reader: a name twice in one
 * object, `__proto__` as a name, invalid UTF-8, half a surrogate pair, NUL (which PostgreSQL cannot hold).
 * Undefined for an empty body. Throws `invalid_input`.
 */
export function parseStrictJson(body: Uint8Array): unknown {
  if (body.length === 0) return undefined;
  const text = decode(body);
  checkTokens(text);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw invalid(`The body is not JSON: ${(cause as SyntaxError).message}.`, cause);
  }
}

function decode(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw invalid("The body is not valid UTF-8.", cause);
  }
}

/** One pass over the tokens. It need not know the grammar: whatever is no JSON at all, `JSON.parse` refuses afterwards. */
function checkTokens(text: string): void {
  /** For each open bracket the names seen in it; undefined for an array. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at += 1) {
    switch (text[at]) {
      case "{":
      case "[":
        open.push(text[at] === "{" ? new Set() : undefined);
        if (open.length > JSON_DEPTH_MAX)
          throw invalid(`The body is nested deeper than ${JSON_DEPTH_MAX} levels.`);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const end = endOfString(text, at);
        const value = readString(text.slice(at, end + 1));
        const names = open.at(-1);
        if (names !== undefined && isName(text, end + 1)) addName(names, value);
        at = end;
        break;
      }
    }
  }
}

/** Index of the closing quote; the text's last index when there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === '"') return at;
  }
  return text.length - 1;
}

function readString(literal: string): string {
  let value: string;
  try {
    value = JSON.parse(literal) as string;
  } catch (cause) {
    throw invalid(`The body is not JSON: ${(cause as SyntaxError).message}.`, cause);
  }
  if (value.includes("\0")) throw invalid("The body holds a NUL character, which no field takes.");
  if (!value.isWellFormed()) throw invalid("The body holds half a surrogate pair, which is no character.");
  return value;
}

function isName(text: string, after: number): boolean {
  let at = after;
  while (" \t\r\n".includes(text[at] ?? "x")) at += 1;
  return text[at] === ":";
}

function addName(names: Set<string>, name: string): void {
  if (name === "__proto__") throw invalid("The body has a field named __proto__, which is not taken.");
  if (names.has(name)) throw invalid(`The body has the field ${JSON.stringify(name.slice(0, 100))} twice.`);
  names.add(name);
}

function invalid(message: string, cause?: unknown): AppError {
  return new AppError("invalid_input", message, { cause });
}
