import { EvaluationError, ParseError, TypeError as CelTypeError, type ASTNode } from "@marcbachmann/cel-js";
import { SELECTOR_CHARS_MAX, type AgentState } from "@flowplane/contract";
import type { AgentHealth } from "./query.ts";
import {
  children,
  DEPTH_MAX,
  FIELDS,
  NODES_MAX,
  findMistake,
  language,
  type Mistake,
} from "./selector-language.ts";

/** What a selector sees of an agent. Texts that are not known are empty, as is a label that an agent does not have. */
export interface SelectableAgent {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  /** The site's name. */
  readonly site: string;
  readonly version: string;
  readonly os: string;
  readonly hostname: string;
  readonly state: AgentState;
  readonly health: AgentHealth;
  /** True only while the agent says that it is well. */
  readonly healthy: boolean;
  readonly labels: ReadonlyMap<string, string>;
  /** Identifying and other attributes it reports; values that are no texts are as JSON has them. */
  readonly attributes: ReadonlyMap<string, string>;
}

export interface CompiledSelector {
  readonly ok: true;
  /**
   * What of a `SelectableAgent` it looks at: fields, and, where of labels or attributes only some are named, `labels.env`. The others
   * may be left empty: agents that are the same in these are all matched or none of them.
   */
  readonly parts: ReadonlySet<string>;
  /** It matches none but agents that are called so; null where it does not say that. */
  readonly called: Called | null;
  matches(agent: SelectableAgent): boolean;
}

export interface Called {
  readonly field: "id" | "name";
  readonly values: readonly string[];
}

export type ParsedSelector = CompiledSelector | { readonly ok: false; readonly problem: string };

/**
 * Reads a selector: CEL over one agent, like `kind == "collector" && labels.env == "prod"`, made of what
 * selector-language.ts lists. A label or attribute that an agent lacks is the empty text, as in Prometheus: it equals
 * nothing else, and `has(labels.env)` tells the two apart. A problem is one sentence with its column.
 */
export function parseSelector(text: string): ParsedSelector {
  if (text.trim() === "") return no("The selector is empty; it would match nobody.");
  if (text.length > SELECTOR_CHARS_MAX)
    return no(`A selector can have ${SELECTOR_CHARS_MAX} characters at most; this one has ${text.length}.`);
  let ast: ASTNode;
  try {
    const parsed = language.parse(text);
    ast = parsed.ast;
    const mistake = findUnknown(ast, new Set(Object.keys(FIELDS))) ?? findMistake(ast);
    if (mistake !== null) return at(text, mistake);
    const { valid, type, error } = parsed.check();
    if (!valid) return at(text, explain(error));
    if (type !== "bool")
      return no(
        `The selector is a ${type}, not true or false. Compare it with something: \`labels.env == "prod"\`.`,
      );
  } catch (error) {
    return at(text, explain(error));
  }
  const rewritten = withDefaults(text, ast);
  if (typeof rewritten !== "string") return at(text, rewritten);
  const evaluate = language.parse(rewritten);
  return {
    ok: true,
    parts: new Set(partsOf(ast)),
    called: calledIn(ast),
    matches(agent) {
      try {
        return evaluate(agent) === true;
      } catch (error) {
        // Nothing a checked selector does can fail but on values of an unforeseen form; then it does not match.
        if (error instanceof EvaluationError) return false;
        throw error;
      }
    },
  };
}

function no(problem: string): ParsedSelector {
  return { ok: false, problem };
}

function at(text: string, { at, message }: Mistake): ParsedSelector {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  return no(`At ${line > 1 ? `line ${line}, ` : ""}column ${column}: ${message}`);
}

function explain(error: unknown): Mistake {
  if (!(error instanceof ParseError || error instanceof CelTypeError)) throw error;
  const summary = error.summary
    .replace(/\.$/, "")
    .replace(/^Exceeded maxDepth .*/, `it is nested more than ${DEPTH_MAX} deep`)
    .replace(/^Exceeded max\w+ .*/, `it is made of more than ${NODES_MAX} parts`);
  const advice =
    error.code === "unexpected_character" && summary.endsWith(": =")
      ? "; compare with =="
      : error.code === "no_such_overload"
        ? "; both sides must be of one type, and texts stand in quotes"
        : "";
  return {
    at: error.range?.start ?? 0,
    message: `${summary.slice(0, 1).toUpperCase()}${summary.slice(1)}${advice}.`,
  };
}

/** A name that is neither a field nor the variable of a comprehension around it. */
function findUnknown(node: ASTNode, known: ReadonlySet<string>): Mistake | null {
  if (node.op === "id" && !known.has(node.args))
    return {
      at: node.start,
      message: `There is no field ${node.args}; there are ${Object.keys(FIELDS).join(", ")}. A label is written labels.${node.args}.`,
    };
  const inner = new Set(known);
  if (node.op === "rcall" && node.args[0] !== "matches" && node.args[2].length > 1) {
    const [variable] = node.args[2];
    if (variable?.op === "id") {
      if (variable.args in FIELDS)
        return { at: variable.start, message: `${variable.args} is a field; name the variable otherwise.` };
      inner.add(variable.args);
    }
  }
  for (const child of children(node)) {
    const found = findUnknown(child, inner);
    if (found !== null) return found;
  }
  return null;
}

/** A map is looked at as a whole unless a key is named: `labels.env`, `labels["env"]`, `has(labels.env)`, `"env" in labels`. */
function partsOf(node: ASTNode): string[] {
  if (node.op === "id") return node.args in FIELDS ? [node.args] : [];
  if ((node.op === "." || node.op === "[]") && isMap(node.args[0])) {
    const [map, key] = node.args;
    const name = typeof key === "string" ? key : textOf(key);
    if (name !== undefined) return [`${map.args}.${name}`];
  }
  if (node.op === "in" && isMap(node.args[1])) {
    const name = textOf(node.args[0]);
    if (name !== undefined) return [`${node.args[1].args}.${name}`];
  }
  return children(node).flatMap(partsOf);
}

/** Of `name == "a"` and `id in ["a", "b"]`, and of what both sides of `&&` ask for: without it the whole is false. */
function calledIn(node: ASTNode): Called | null {
  if (node.op === "&&") return calledIn(node.args[0]) ?? calledIn(node.args[1]);
  if (node.op !== "==" && node.op !== "in") return null;
  const [field, value] = node.args[0].op === "id" ? node.args : [node.args[1], node.args[0]];
  if (field.op !== "id" || (field.args !== "id" && field.args !== "name")) return null;
  const values = (value.op === "list" ? value.args : [value]).map(textOf);
  return values.every((text) => text !== undefined) ? { field: field.args, values } : null;
}

function textOf(node: ASTNode): string | undefined {
  return node.op === "value" && typeof node.args === "string" ? node.args : undefined;
}

/**
 * The same text with `labels.x` as `pick(labels, "x")`, which knows what to give for a label that is not there, and `matches` as
 * the one that runs in linear time. It is done in the text, by the positions that the parser gives, so that the
 * library's own checker and evaluator see plain CEL. A mistake when a place is written in a way that this does not follow.
 */
function withDefaults(text: string, root: ASTNode): string | Mistake {
  const edits: { from: number; to: number; text: string }[] = [];
  const mistake = visit(root);
  if (mistake !== null) return mistake;
  let result = text;
  for (const edit of edits.toSorted((one, other) => other.from - one.from))
    result = result.slice(0, edit.from) + edit.text + result.slice(edit.to);
  return result;

  function visit(node: ASTNode): Mistake | null {
    // `has(labels.x)` asks whether it is there.
    if (node.op === "call" && node.args[0] === "has") return null;
    if ((node.op === "." || node.op === "[]") && isMap(node.args[0])) {
      const [map, key] = node.args;
      const keyEnd = typeof key === "string" ? node.end : key.end;
      const [before, behind] =
        typeof key === "string"
          ? [text.slice(map.end, node.end), ""]
          : [text.slice(map.end, key.start), text.slice(key.end, node.end)];
      const isPlain =
        typeof key === "string"
          ? /^\s*\.\s*\w+$/.test(before)
          : /^\s*\[\s*$/.test(before) && /^\s*\]$/.test(behind);
      if (!isPlain)
        return {
          at: map.start,
          message: 'Write it as `labels.name` or `labels["name"]`, without parentheses or comments between.',
        };
      edits.push(
        { from: map.start, to: map.start, text: "pick(" },
        {
          from: map.end,
          to: typeof key === "string" ? node.end : key.start,
          text: typeof key === "string" ? `, ${JSON.stringify(key)})` : ", ",
        },
      );
      if (typeof key !== "string") edits.push({ from: keyEnd, to: node.end, text: ")" });
    }
    if (node.op === "rcall" && node.args[0] === "matches") {
      const call = /[\s)]*\.\s*(matches)/y;
      call.lastIndex = node.args[1].end;
      if (call.exec(text) === null)
        return {
          at: node.start,
          message: 'Write it as `name.matches("pattern")`, without comments between.',
        };
      edits.push({ from: call.lastIndex, to: call.lastIndex, text: "Safely" });
    }
    for (const child of children(node)) {
      const found = visit(child);
      if (found !== null) return found;
    }
    return null;
  }
}

function isMap(node: ASTNode): node is ASTNode & { op: "id"; args: string } {
  return node.op === "id" && (node.args === "labels" || node.args === "attributes");
}
