// A decoded message as JSON to be shown to people: everything that could be a credential replaced, what is
// long cut short. The wire recorder stores nothing else, so nothing here may be made optional.

import { integerToJson, numberToJson, setOwn, storableText } from "./attributes.ts";
import { toHex } from "./bytes.ts";
import type { Json } from "./digest.ts";
import type { AgentToServer, ServerToAgent } from "./gen/opamp_pb.ts";
import { bytesToText } from "./projections.ts";
import { uidToString, INSTANCE_UID_BYTES } from "./uid.ts";

/** What stands where a secret was. */
export const REDACTED = "[REDACTED]";

/** Longer texts are cut; the rest is counted. */
export const SHOWN_TEXT_CHARS_MAX = 4_096;
/** Of a configuration more is shown: reading it is what the recorder is for. */
export const SHOWN_CONFIG_CHARS_MAX = 16_384;
export const SHOWN_CUSTOM_DATA_CHARS_MAX = 512;
export const SHOWN_LIST_ITEMS_MAX = 200;
export const SHOWN_DEPTH_MAX = 64;

/**
 * The message with proto field names in snake_case, absent and default-valued fields left out. Header
 * values, keys, certificates and CSRs are replaced whole; in configuration bodies, attributes and free
 * text the values that follow a secret-looking name are.
 */
export function redactMessage(message: AgentToServer | ServerToAgent): Json {
  return redactValue(message, "", 0);
}

function redactValue(value: unknown, name: string, depth: number): Json {
  if (value === null || value === undefined) return null;
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return numberToJson(value);
  if (typeof value === "bigint") return integerToJson(value);
  if (typeof value === "string") return redactString(value, name);
  if (value instanceof Uint8Array) return redactBytes(value, name);
  if (depth >= SHOWN_DEPTH_MAX) return "[nested too deep to show]";
  if (Array.isArray(value)) return redactList(value, name, depth);
  return redactObject(value as { [key: string]: unknown }, depth); // only plain messages and maps are left
}

function redactList(list: readonly unknown[], name: string, depth: number): Json {
  const shown = list.slice(0, SHOWN_LIST_ITEMS_MAX).map((item) => redactValue(item, name, depth + 1));
  if (list.length > shown.length) shown.push(`[${list.length - shown.length} more]`);
  return shown;
}

function redactObject(object: { [key: string]: unknown }, depth: number): Json {
  switch (object["$typeName"]) {
    case "opamp.proto.Header":
      return { key: redactString(String(object["key"]), ""), value: REDACTED };
    case "opamp.proto.KeyValue": {
      const key = String(object["key"]);
      const value = isSecretName(key) ? REDACTED : redactValue(object["value"], key, depth + 1);
      return { key: cut(storableText(key), SHOWN_TEXT_CHARS_MAX), value };
    }
    case "opamp.proto.CustomMessage":
      return redactCustomMessage(object);
  }
  // A map's keys are the agent's words; a message's keys are field names.
  const isMap = typeof object["$typeName"] !== "string";
  const shown: { [key: string]: Json } = {};
  let left = SHOWN_LIST_ITEMS_MAX;
  for (const [key, value] of Object.entries(object)) {
    if ((key === "$typeName" && !isMap) || isDefault(value)) continue;
    left -= 1;
    if (left < 0) {
      setOwn(shown, "…", `[${Object.keys(object).length - SHOWN_LIST_ITEMS_MAX} more]`);
      break;
    }
    if (isMap) {
      setOwn(shown, cut(storableText(key), SHOWN_TEXT_CHARS_MAX), redactValue(value, key, depth + 1));
    } else if (key === "otherSettings") {
      setOwn(shown, "other_settings", redactSettings(value as { [key: string]: string })); // a map<string, string>
    } else if (isOneof(value)) {
      const { case: name, value: chosen } = value;
      if (name !== undefined) setOwn(shown, snakeCase(name), redactValue(chosen, name, depth + 1));
    } else {
      setOwn(shown, snakeCase(key), redactValue(value, key, depth + 1));
    }
  }
  return shown;
}

function redactSettings(settings: { [key: string]: string }): Json {
  const shown: { [key: string]: Json } = {};
  for (const key of Object.keys(settings).slice(0, SHOWN_LIST_ITEMS_MAX))
    setOwn(shown, storableText(key), REDACTED);
  return shown;
}

function redactCustomMessage(message: { [key: string]: unknown }): Json {
  const data = message["data"];
  const bytes = data instanceof Uint8Array ? data : new Uint8Array();
  const { encoding, body } = bytesToText(bytes);
  return {
    capability: redactString(String(message["capability"]), ""),
    type: redactString(String(message["type"]), ""),
    data_bytes: bytes.length,
    data: encoding === "utf8" ? redactCustomText(body) : "[binary]",
  };
}

// Our own messages, and most others', are JSON: there names and values can be told apart. A command line
// and an environment are never shown, whatever they hold.
function redactCustomText(text: string): string {
  let json: Json;
  try {
    json = JSON.parse(text) as Json; // JSON.parse returns nothing else
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return redactAndCut(text, SHOWN_CUSTOM_DATA_CHARS_MAX);
  }
  return cut(JSON.stringify(redactJson(json, "", 0)), SHOWN_CUSTOM_DATA_CHARS_MAX);
}

function redactJson(value: Json, name: string, depth: number): Json {
  if (value === null || typeof value === "boolean") return value;
  if (isSecretName(name)) return REDACTED;
  if (typeof value === "number") return value;
  if (typeof value === "string") return redactAndCut(value, SHOWN_TEXT_CHARS_MAX);
  if (depth >= SHOWN_DEPTH_MAX) return "[nested too deep to show]";
  const isList = Array.isArray(value);
  if (name === "args" || name === "env") return `${REDACTED} (${Object.keys(value).length})`;
  if (isList) {
    return value.slice(0, SHOWN_LIST_ITEMS_MAX).map((item: Json) => redactJson(item, name, depth + 1));
  }
  const shown: { [key: string]: Json } = {};
  for (const [key, item] of Object.entries(value).slice(0, SHOWN_LIST_ITEMS_MAX)) {
    setOwn(shown, key, redactJson(item, key, depth + 1));
  }
  return shown;
}

function redactString(value: string, name: string): string {
  if (name === "caPemContents") return REDACTED;
  return redactAndCut(storableText(value), SHOWN_TEXT_CHARS_MAX);
}

function redactBytes(bytes: Uint8Array, name: string): string {
  switch (name) {
    case "privateKey":
    case "cert":
    case "caCert":
    case "csr":
      return bytes.length === 0 ? "" : `${REDACTED} (${bytes.length} bytes)`;
    case "body": {
      const { encoding, body } = bytesToText(bytes);
      return encoding === "utf8"
        ? redactAndCut(body, SHOWN_CONFIG_CHARS_MAX)
        : `[binary, ${bytes.length} bytes]`;
    }
    case "instanceUid":
    case "newInstanceUid":
      return bytes.length === INSTANCE_UID_BYTES ? uidToString(bytes) : cutHex(bytes);
    default:
      return cutHex(bytes);
  }
}

function cutHex(bytes: Uint8Array): string {
  const shown = toHex(bytes.subarray(0, 64));
  return bytes.length > 64 ? `${shown}… (${bytes.length} bytes)` : shown;
}

const SECRET_NAME =
  /pass(?:word|wd|phrase)?$|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|credential|cookie|bearer|(?:^|[_.-])(?:dsn|pwd)$|[_.-](?:key|auth)$/i;
// Where a secret is kept is no secret, and worth seeing.
const PLACE_NAME = /(?:file|path|url|endpoint)$/i;

/** True for a name whose value should not be shown, such as `password` or `x-api-key`. */
export function isSecretName(name: string): boolean {
  const end = name.slice(-256);
  return SECRET_NAME.test(end) && !PLACE_NAME.test(end);
}

// "name: value" or "name=value" of YAML, JSON, TOML, an env file, a header or an argument list. After a
// colon an unquoted value is the rest of the line, because it may have spaces in it; hiding too much is fine.
// A name is tried from its first character only, so that a long text without a name costs one pass.
const ASSIGNMENT_START = /(["']?)(?<![A-Za-z0-9_.-])([A-Za-z0-9_.-]+)\1[ \t]{0,8}([:=])[ \t]{0,8}/g;
const VALUE_AFTER_COLON = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\n]+/y;
const VALUE_AFTER_EQUALS = /"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;}\]]+/y;
const PEM_BLOCK = /-----BEGIN [A-Z0-9 ]{1,64}-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,64}-----|$)/g;
const AUTH_SCHEME = /\b(Bearer|Basic|Secret-Key|ApiKey)\s+[A-Za-z0-9._~+/=-]{6,}/gi;
const URL_PASSWORD = /(?<!\w)(\w+:\/\/[^\s/:@]{0,256}:)[^\s/@]{1,1024}@/g;
const KNOWN_TOKEN =
  /\b(?:fp[dek]_[A-Za-z0-9_-]{8,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[A-Z0-9]{12,}|xox[a-z]-[A-Za-z0-9-]{8,})/g;

/** Free text with secret-looking values replaced; what merely refers to one, such as `${env:TOKEN}`, stays. */
export function redactText(text: string): string {
  const redacted = redactBlocks(text.replace(PEM_BLOCK, REDACTED))
    .replace(AUTH_SCHEME, (_all, scheme: string) => `${scheme} ${REDACTED}`)
    .replace(URL_PASSWORD, (_all, start: string) => `${start}${REDACTED}@`)
    .replace(KNOWN_TOKEN, REDACTED);
  return redactAssignments(redacted);
}

function redactAssignments(text: string): string {
  let shown = "";
  let from = 0;
  let namesSecret = false; // "name: DB_PASSWORD" says what the "value: …" after it is
  ASSIGNMENT_START.lastIndex = 0;
  for (let start = ASSIGNMENT_START.exec(text); start; start = ASSIGNMENT_START.exec(text)) {
    const name = start[2] ?? "";
    const isSecret = isSecretName(name) || (namesSecret && name === "value");
    if (!isSecret && name !== "name" && name !== "key") continue;
    const at = ASSIGNMENT_START.lastIndex;
    const valuePattern = start[3] === ":" ? VALUE_AFTER_COLON : VALUE_AFTER_EQUALS;
    valuePattern.lastIndex = at;
    const value = valuePattern.exec(text)?.[0];
    if (!isSecret) namesSecret = isSecretName((value ?? "").replaceAll(/["',\s]/g, ""));
    if (!isSecret || value === undefined || isHarmless(value)) continue;
    shown += `${text.slice(from, at)}${value.startsWith('"') ? `"${REDACTED}"` : REDACTED}`;
    from = ASSIGNMENT_START.lastIndex = at + value.length;
  }
  return shown + text.slice(from);
}

// References to a secret, what is hidden already, and values that are none.
function isHarmless(value: string): boolean {
  return (
    /^["']?\$\{[^}]*\}["']?$/.test(value) ||
    isRedacted(value) ||
    /^(?:true|false|null|~|\{.*|[|>][0-9+-]{0,2}[ \t]*)$/.test(value)
  );
}

function isRedacted(value: string): boolean {
  return /^["']?(?:[\w-]+ )?\[REDACTED\]["']?$/.test(value);
}

const BLOCK_START =
  /^([ \t]*)(?:- )?["']?([A-Za-z0-9_.-]{1,128})["']?[ \t]{0,8}:[ \t]{0,8}[|>][0-9+-]{0,2}[ \t]*$/;

// A YAML block scalar: the value is on the following, deeper lines.
function redactBlocks(text: string): string {
  if (!/[|>][0-9+-]{0,2}[ \t]*\n/.test(text)) return text;
  const kept: string[] = [];
  let hiddenBelow: number | null = null; // the indentation of the name whose value is being hidden
  for (const line of text.split("\n")) {
    const indentation = line.length - line.trimStart().length;
    if (hiddenBelow !== null && (line.trim() === "" || indentation > hiddenBelow)) continue;
    kept.push(line);
    const start = BLOCK_START.exec(line);
    hiddenBelow = start?.[2] !== undefined && isSecretName(start[2]) ? indentation : null;
    if (hiddenBelow !== null) kept.push(`${" ".repeat(indentation + 2)}${REDACTED}`);
  }
  return kept.join("\n");
}

// What is looked at beyond the shown part, so that a secret across the cut is still recognised.
const CUT_MARGIN_CHARS = 4_096;

function redactAndCut(text: string, charsMax: number): string {
  const looked = charsMax + CUT_MARGIN_CHARS;
  if (text.length <= looked) return cut(redactText(text), charsMax);
  const redacted = redactText(text.slice(0, looked));
  return `${redacted.slice(0, Math.min(charsMax, redacted.length - CUT_MARGIN_CHARS))}… (${text.length} characters)`;
}

function cut(text: string, charsMax: number): string {
  return text.length > charsMax ? `${text.slice(0, charsMax)}… (${text.length} characters)` : text;
}

function isDefault(value: unknown): boolean {
  if (value === undefined || value === "" || value === 0 || value === 0n || value === false) return true;
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length === 0;
  return false;
}

function isOneof(value: unknown): value is { case: string | undefined; value: unknown } {
  if (typeof value !== "object" || value === null || "$typeName" in value || !("case" in value)) return false;
  return value.case === undefined || typeof value.case === "string"; // a map with a key "case" holds messages
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
