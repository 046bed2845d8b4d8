import { parseDocument, visit } from "yaml";
import type { Tell } from "./problem.ts";
import { isSection, type Section, type Value } from "./read.ts";

/**
 * `${env:NAME}`, `${file:/path}` and the like are resolved by the Collector; `${secret:NAME}` and `${var:NAME}` by the
 * control plane when the configuration is delivered, so that no version ever holds a secret's value.
 */
export interface Reference {
  readonly scheme: string;
  readonly name: string;
  readonly path: readonly (string | number)[];
}

const REFERENCE = /\$\{(?:([a-z][a-z0-9+.-]*):)?([^{}]*)\}/gi;
const OURS_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;
const COLLECTOR_SCHEMES = ["env", "file", "http", "https", "yaml"];
const OUR_SCHEMES = ["secret", "var"] as const;
type OurScheme = (typeof OUR_SCHEMES)[number];
/** Two dollars are one, and begin no reference. */
const OURS = /\$\$|\$\{(secret|var):([^{}]*)\}/g;
/** Keys whose values are secrets by what they are called. */
const SECRET_KEY =
  /(?:^|[_-])(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|credentials?)$/i;

/** Every reference in the values of a configuration, in order. */
export function findReferences(config: Value): Reference[] {
  const found: Reference[] = [];
  walk(config, [], (text, path) => {
    for (const [, scheme = "env", name = ""] of unescaped(text).matchAll(REFERENCE))
      found.push({ scheme, name, path });
  });
  return found;
}

/**
 * The text with values in the place of `${secret:NAME}` and `${var:NAME}`. `missing` names those that `valueOf` did not
 * know: then nothing may be delivered. What the Collector resolves by itself stays as it is. A secret is always a text;
 * a variable that stands alone is what it looks like, so that a port stays a number.
 */
export function resolveReferences(
  text: string,
  valueOf: (scheme: OurScheme, name: string) => string | undefined,
): { text: string; missing: string[] } {
  const missing = new Set<string>();
  const document = parseDocument(text);
  visit(document, {
    Scalar(position, scalar) {
      if (position === "key" || typeof scalar.value !== "string") return;
      let isChanged = false;
      const value = scalar.value.replace(OURS, (whole, scheme?: OurScheme, name = "") => {
        if (scheme === undefined) return whole;
        const found = valueOf(scheme, name);
        if (found === undefined) missing.add(`${scheme}:${name}`);
        isChanged ||= found !== undefined;
        // Whatever a value holds, the Collector must not take it for a reference of its own.
        return found === undefined ? whole : found.replaceAll("$", "$$$$");
      });
      if (!isChanged) return;
      const isAlone = /^\$\{var:[^{}]*\}$/.test(scalar.value);
      scalar.value = value;
      scalar.type = isAlone ? "PLAIN" : "QUOTE_DOUBLE";
      if (isAlone) Object.assign(scalar, { value: parseDocument(value).toJS() as unknown, source: value });
    },
  });
  return { text: document.toString({ lineWidth: 0 }), missing: [...missing] };
}

export function checkReferences(config: Section, tell: Tell): void {
  for (const { scheme, name, path } of findReferences(config)) {
    if ((OUR_SCHEMES as readonly string[]).includes(scheme)) {
      if (!OURS_NAME.test(name))
        tell(
          "error",
          "bad_reference",
          path,
          `\${${scheme}:${name}} names nothing: letters, digits and _ only.`,
        );
    } else if (!COLLECTOR_SCHEMES.includes(scheme))
      tell(
        "error",
        "bad_reference",
        path,
        `\${${scheme}:…} is a reference that no Collector resolves. It knows ${COLLECTOR_SCHEMES.join(", ")}; the control plane ${OUR_SCHEMES.join(" and ")}.`,
      );
  }
  walk(config, [], (text, path) => {
    const key = path.findLast((part) => typeof part === "string");
    const isPlain = text !== "" && !unescaped(text).includes("${");
    if (key !== undefined && SECRET_KEY.test(String(key)) && isPlain)
      tell(
        "warning",
        "plain_secret",
        path,
        `${String(key)} stands here in plain text, for everybody who reads the version. Store it as a secret and write \${secret:NAME}.`,
      );
  });
}

/** `$$` is a dollar and begins no reference. */
function unescaped(text: string): string {
  return text.replaceAll("$$", "\0\0");
}

function walk(
  value: Value,
  path: readonly (string | number)[],
  tell: (text: string, path: readonly (string | number)[]) => void,
): void {
  if (typeof value === "string") tell(value, path);
  else if (Array.isArray(value)) value.forEach((item, index) => walk(item, [...path, index], tell));
  else if (isSection(value))
    for (const [key, item] of Object.entries(value)) walk(item as Value, [...path, key], tell);
}
