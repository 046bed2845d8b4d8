// The ways in which a value that is known turns up in output: as it is, and as programs write it.

import { utf8 } from "./text.ts";

/** `before` and `after` are bytes around it that belong to it in part: the value reaches into a base64 digit. */
export type Encoded = { bytes: Uint8Array; anyCase: boolean; before: number; after: number };

/** A shorter value would look like any other text in these. */
const BASE64_BYTES_MIN = 6;
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Every form of the value, without repetitions. */
export function encodingsOf(value: string): Encoded[] {
  const texts = new Set([
    value,
    ...jsonForms(value),
    ...shellForms(value),
    ...percentForms(value),
    htmlForm(value),
  ]);
  const bytes = utf8(value);
  const forms: Encoded[] = [...texts].map((text) => plain(utf8(text)));
  if (bytes.length < BASE64_BYTES_MIN) return forms;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0"));
  forms.push({ ...plain(utf8(hex.join(""))), anyCase: true });
  for (const separator of ["\\x", "%"]) forms.push({ ...plain(utf8(hex.join(separator))), anyCase: true });
  for (const alignment of [0, 1, 2] as const) forms.push(...base64Forms(bytes, alignment));
  return forms;
}

function plain(bytes: Uint8Array): Encoded {
  return { bytes, anyCase: false, before: 0, after: 0 };
}

function jsonForms(value: string): string[] {
  const once = JSON.stringify(value).slice(1, -1);
  const ascii = escapeUnicode(once, (unit) => `\\u${unit}`);
  const upper = escapeUnicode(once, (unit) => `\\u${unit.toUpperCase()}`);
  const html = once.replaceAll(/[<>&'+]/g, (c) => `\\u00${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
  const htmlUpper = html.replaceAll(/\\u00[0-9a-f]{2}/g, (e) => `\\u${e.slice(2).toUpperCase()}`);
  return [once, ascii, upper, once.replaceAll("/", "\\/"), html, htmlUpper].flatMap((text) => [
    text,
    // JSON within JSON.
    JSON.stringify(text).slice(1, -1),
  ]);
}

function escapeUnicode(text: string, escape: (unit: string) => string): string {
  return Array.from({ length: text.length }, (_, i) => {
    const unit = text.charCodeAt(i);
    return unit < 128 ? text.charAt(i) : escape(unit.toString(16).padStart(4, "0"));
  }).join("");
}

function shellForms(value: string): string[] {
  return [
    value.replaceAll("'", "'\\''"),
    value.replaceAll("'", `'"'"'`),
    value.replaceAll("'", "\\'"),
    value.replaceAll('"', '\\"'),
    value.replaceAll(/["$`\\]/g, (c) => `\\${c}`),
    value.replaceAll(/["$`\\!]/g, (c) => `\\${c}`),
    value.replaceAll(/[^A-Za-z0-9_@%+=:,./-]/g, (c) => `\\${c}`),
    value.replaceAll(/[^A-Za-z0-9_]/g, (c) => `\\${c}`),
    value.replaceAll("\\", "\\\\"),
    value.replaceAll("\\", "\\\\").replaceAll("'", "\\'"),
  ];
}

/** Encoders differ in what they leave as it is, in the case of their digits, and in how they write a space. */
function percentForms(value: string): string[] {
  const kept = [
    /[A-Za-z0-9_.!~*'()-]/,
    /[A-Za-z0-9_.~-]/,
    /[A-Za-z0-9_.~/-]/,
    /[A-Za-z0-9_.*-]/,
    /[^%&=+#?\s"<>]/,
    /[^\s\S]/,
  ];
  return kept.flatMap((keep) => {
    const encode = (space: string) =>
      Array.from(value, (character) =>
        character === " " && space !== "" ? space : keep.test(character) ? character : percent(character),
      ).join("");
    return [encode(""), encode("+")].flatMap((text) => [
      text,
      text.replaceAll(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase()),
    ]);
  });
}

function percent(character: string): string {
  return Array.from(utf8(character), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join(
    "",
  );
}

function htmlForm(value: string): string {
  const names: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return value.replaceAll(/[&<>"']/g, (c) => names[c] ?? c);
}

/**
 * The digits that are the same whatever stands before and after the value, when it begins `alignment` bytes into a group
 * of three: in the common alphabet and in that for URLs.
 */
function base64Forms(bytes: Uint8Array, alignment: 0 | 1 | 2): Encoded[] {
  const padded = new Uint8Array(alignment + bytes.length);
  padded.set(bytes, alignment);
  // The digit that holds bits of what stands before, and the one that holds bits of what follows, are not the value's own.
  const before = alignment === 0 ? 0 : 1;
  const first = alignment === 0 ? 0 : alignment + 1;
  const last = Math.floor((padded.length * 8) / 6);
  const after = (padded.length * 8) % 6 === 0 ? 0 : 1;
  const digits = base64(padded).slice(first, last);
  const forms = new Set([digits, digits.replaceAll("+", "-").replaceAll("/", "_")]);
  return [...forms].map((text) => ({ bytes: utf8(text), anyCase: false, before, after }));
}

function base64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (const shift of [18, 12, 6, 0]) text += BASE64.charAt((group >> shift) & 63);
  }
  return text;
}
