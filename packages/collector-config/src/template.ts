import { isScalar, parseDocument, visit, type Scalar } from "yaml";

/** Who resolves: what the control plane puts in when a configuration is delivered. */
export const OUR_SCHEMES = ["secret", "var"] as const;
export type OurScheme = (typeof OUR_SCHEMES)[number];

export interface OurReference {
  readonly scheme: OurScheme;
  readonly name: string;
}

/** A text whose references are found once, so that it can be filled in for thousands of agents. */
export interface Template {
  readonly text: string;
  /** Every name that it asks for, once, in order of the text. */
  readonly references: readonly OurReference[];
  readonly slots: readonly Slot[];
}

/** A scalar of the text that holds references: it is replaced whole. */
interface Slot {
  readonly from: number;
  readonly to: number;
  readonly parts: readonly (string | OurReference)[];
  /** It is one variable and nothing else. */
  readonly isAlone: boolean;
  /** A block scalar takes its last line break with it. */
  readonly hasBreak: boolean;
}

/** Two dollars are one, and begin no reference. */
const OURS = /\$\$|\$\{(secret|var):([^{}]*)\}/g;
/** What YAML's readers take for a line break, or not at all, within quotes. */
const UNSAFE = /[\u007F-\u009F\u2028\u2029\uFEFF\uFFFE\uFFFF]/g;

export function compileTemplate(text: string): Template {
  const slots: Slot[] = [];
  const references = new Map<string, OurReference>();
  visit(parseDocument(text, { merge: true }), {
    Scalar(position, scalar) {
      if (position === "key" || typeof scalar.value !== "string") return;
      const parts = partsOf(scalar.value);
      const ours = parts.filter((part) => typeof part !== "string");
      if (ours.length === 0 || !isScalar(scalar)) return;
      for (const reference of ours) references.set(`${reference.scheme}:${reference.name}`, reference);
      slots.push(slotOf(text, scalar, parts));
    },
  });
  return { text, references: [...references.values()], slots: slots.toSorted((a, b) => a.from - b.from) };
}

/**
 * The text with values in the place of `${secret:NAME}` and `${var:NAME}`. `missing` names those that `valueOf` did not
 * know: then nothing may be delivered. What the Collector resolves by itself stays as it is. A secret is always a text;
 * a variable that stands alone is what it looks like, so that a port stays a number. `text` is null when it would have
 * more characters than `charsMax`: a few references to a long value can ask for more than memory holds.
 */
export function fillTemplate(
  template: Template,
  valueOf: (reference: OurReference) => string | undefined,
  charsMax: number,
): { text: string | null; missing: string[] } {
  const values = new Map<string, string>();
  const missing: string[] = [];
  for (const reference of template.references) {
    const key = `${reference.scheme}:${reference.name}`;
    const value = valueOf(reference);
    if (value === undefined) missing.push(key);
    else values.set(key, value);
  }
  let filled = "";
  let at = 0;
  for (const { from, to, parts, isAlone, hasBreak } of template.slots) {
    let value = "";
    for (const part of parts) {
      const found = typeof part === "string" ? part : values.get(`${part.scheme}:${part.name}`);
      // Whatever a value holds, the Collector must not take it for a reference of its own.
      if (typeof part === "string") value += part;
      else value += found === undefined ? `\${${part.scheme}:${part.name}}` : found.replaceAll("$", "$$$$");
      if (filled.length + value.length > charsMax) return { text: null, missing };
    }
    const isPlain = isAlone && /^(?:true|false|[-+]?(?:0|[1-9]\d*)(?:\.\d+)?)$/.test(value);
    filled += `${template.text.slice(at, from)}${isPlain ? value : quote(value)}${hasBreak ? "\n" : ""}`;
    at = to;
  }
  const text = filled + template.text.slice(at);
  return { text: text.length > charsMax ? null : text, missing };
}

function slotOf(text: string, scalar: Scalar, parts: Slot["parts"]): Slot {
  const [from = 0, to = from] = scalar.range ?? [];
  const isBlock = scalar.type === "BLOCK_LITERAL" || scalar.type === "BLOCK_FOLDED";
  const [first, ...others] = parts;
  return {
    from,
    to,
    parts,
    isAlone: others.length === 0 && typeof first === "object" && first.scheme === "var",
    hasBreak: isBlock && text[to - 1] === "\n",
  };
}

function partsOf(text: string): (string | OurReference)[] {
  const parts: (string | OurReference)[] = [];
  let at = 0;
  for (const match of text.matchAll(OURS)) {
    const [whole, scheme, name = ""] = match;
    if (scheme === undefined) continue;
    if (match.index > at) parts.push(text.slice(at, match.index));
    parts.push({ scheme: scheme as OurScheme, name });
    at = match.index + whole.length;
  }
  if (at < text.length) parts.push(text.slice(at));
  return parts;
}

/** A double-quoted scalar, the same to every reader of YAML. */
function quote(value: string): string {
  return JSON.stringify(value).replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
