import { RE2JS, RE2JSSyntaxException } from "@bufbuild/re2";
import { Environment, type ASTNode } from "@marcbachmann/cel-js";
import { AGENT_KINDS, AGENT_STATES } from "@flowplane/contract";
import { HEALTHS } from "./query.ts";
import { compareVersions } from "./version.ts";

/** What selectors are made of: one table of fields, one of functions. What is in neither is refused, with what there is. */
export const FIELDS = {
  id: "string",
  name: "string",
  kind: "string",
  site: "string",
  version: "string",
  os: "string",
  hostname: "string",
  state: "string",
  health: "string",
  healthy: "bool",
  labels: "map<string, string>",
  attributes: "map<string, string>",
} as const;

/** Fields with a closed set of values: comparing with another one is a mistake, not a selector that matches nobody. */
export const FIELD_VALUES: Readonly<Record<string, readonly string[]>> = {
  kind: AGENT_KINDS,
  state: AGENT_STATES,
  health: HEALTHS,
};

/**
 * Functions that cost at most in proportion to the text they look at. What builds strings or lists is left out: with it, a
 * thousand characters can ask for a gigabyte.
 */
export const FUNCTIONS = [
  "has",
  "size",
  "startsWith",
  "endsWith",
  "contains",
  "matches",
  "lowerAscii",
  "all",
  "exists",
  "exists_one",
  "versionBelow",
  "versionAtLeast",
] as const;

/** Those that look at every element. They may not stand within each other: each within another would multiply. */
export const COMPREHENSIONS: ReadonlySet<string> = new Set(["all", "exists", "exists_one"]);

const OPERATORS: ReadonlySet<string> = new Set(
  "value id . [] call rcall list ?: || && !_ == != in < <= > >=".split(" "),
);

export const NODES_MAX = 500;
export const DEPTH_MAX = 40;
export const PATTERN_CHARS_MAX = 200;
export const PATTERNS_MAX = 5;

/** CEL over the fields above. `labels.x` of an agent without it is made `pick(labels, "x")` before this sees it. */
export const language = new Environment({
  limits: { maxAstNodes: NODES_MAX, maxDepth: DEPTH_MAX, maxListElements: NODES_MAX },
});
for (const [name, type] of Object.entries(FIELDS)) language.registerVariable(name, type);
language
  .registerFunction("versionBelow(string, string): bool", (version: string, bound: string) =>
    isBelow(version, bound),
  )
  .registerFunction(
    "versionAtLeast(string, string): bool",
    (version: string, bound: string) => compareVersions(version, bound) !== null && !isBelow(version, bound),
  )
  .registerFunction(
    "pick(map<string, string>, string): string",
    (map: ReadonlyMap<string, string>, key: string) => map.get(key) ?? "",
  )
  .registerFunction("string.matchesSafely(string): bool", (text: string, pattern: string) =>
    compiled(pattern).test(text),
  );

function isBelow(version: string, bound: string): boolean {
  const order = compareVersions(version, bound);
  return order !== null && order < 0;
}

/** RE2 takes time in proportion to the text, whatever the pattern. Patterns are few: they are literals of checked selectors. */
const PATTERNS_KEPT_MAX = 100;
const patterns = new Map<string, RE2JS>();
function compiled(pattern: string): RE2JS {
  let found = patterns.get(pattern);
  if (found === undefined) {
    if (patterns.size >= PATTERNS_KEPT_MAX) patterns.clear();
    found = RE2JS.compile(pattern);
    patterns.set(pattern, found);
  }
  return found;
}

export interface Mistake {
  readonly at: number;
  readonly message: string;
}

/** The first thing that is CEL but not a selector, or null. */
export function findMistake(root: ASTNode): Mistake | null {
  let patternsSeen = 0;
  return look(root, false);

  function look(node: ASTNode, within: boolean): Mistake | null {
    const mistake = (message: string): Mistake => ({ at: node.start, message });
    if (!OPERATORS.has(node.op))
      return mistake(`${describe(node)} is no part of selectors; compare fields with values.`);
    if (node.op === "==" || node.op === "!=" || node.op === "in") {
      const wrong = wrongValue(node.args[0], node.args[1]) ?? wrongValue(node.args[1], node.args[0]);
      if (wrong !== null) return { at: wrong.at, message: wrong.message };
    }
    if (node.op !== "call" && node.op !== "rcall")
      return first(children(node), (child) => look(child, within));
    const [name] = node.args;
    if (!(FUNCTIONS as readonly string[]).includes(name))
      return mistake(`There is no function ${name}; there are ${FUNCTIONS.join(", ")}.`);
    const isComprehension = node.op === "rcall" && COMPREHENSIONS.has(name);
    if (isComprehension && within) return mistake(`${name} cannot stand within another of its kind.`);
    if (name === "matches") {
      const problem = judgePattern(children(node).at(-1));
      if (problem !== null) return mistake(problem);
      patternsSeen += 1;
      if (patternsSeen > PATTERNS_MAX) return mistake(`At most ${PATTERNS_MAX} patterns can be matched.`);
    }
    return first(children(node), (child) => look(child, within || isComprehension));
  }
}

function judgePattern(node: ASTNode | undefined): string | null {
  if (node?.op !== "value" || typeof node.args !== "string")
    return "The pattern of matches must be a text in quotes.";
  if (node.args.length > PATTERN_CHARS_MAX)
    return `A pattern can have ${PATTERN_CHARS_MAX} characters at most.`;
  try {
    RE2JS.compile(node.args);
    return null;
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    return `The pattern ${JSON.stringify(node.args)} cannot be read as RE2: ${error.message}.`;
  }
}

function wrongValue(field: ASTNode, value: ASTNode): Mistake | null {
  const values = field.op === "id" ? FIELD_VALUES[field.args] : undefined;
  if (values === undefined || field.op !== "id") return null;
  const literals = value.op === "list" ? value.args : [value];
  for (const literal of literals)
    if (literal.op === "value" && typeof literal.args === "string" && !values.includes(literal.args))
      return {
        at: literal.start,
        message: `${field.args} is never ${JSON.stringify(literal.args)}; it is one of ${values.join(", ")}.`,
      };
  return null;
}

/** The nodes right below one. */
export function children(node: ASTNode): readonly ASTNode[] {
  switch (node.op) {
    case "value":
    case "id":
      return [];
    case ".":
    case ".?":
      return [node.args[0]];
    case "call":
      return node.args[1];
    case "rcall":
      return [node.args[1], ...node.args[2]];
    case "list":
      return node.args;
    case "map":
      return node.args.flat();
    case "!_":
    case "-_":
      return [node.args];
    default:
      return node.args;
  }
}

function first<T, R>(items: readonly T[], look: (item: T) => R | null): R | null {
  for (const item of items) {
    const found = look(item);
    if (found !== null) return found;
  }
  return null;
}

function describe(node: ASTNode): string {
  switch (node.op) {
    case "map":
      return "A map in braces";
    case "-_":
      return "Arithmetic";
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
      return "Arithmetic";
    default:
      return `\`${node.op}\``;
  }
}
