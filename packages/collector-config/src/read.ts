import {
  isMap,
  isScalar,
  LineCounter,
  parseAllDocuments,
  visit,
  type Document,
  type Node,
  type ParsedNode,
  type Scalar,
} from "yaml";
import { ALIASES_MAX, CONFIG_BYTES_MAX, DEPTH_MAX, PROBLEMS_MAX } from "./limits.ts";
import type { Position, Problem, ProblemCode } from "./problem.ts";

export type Value = null | boolean | number | string | Value[] | { [key: string]: Value };
export type Section = { readonly [key: string]: Value };

/** A configuration as text and as values, and where in the text each value stands. */
export interface Read {
  readonly value: Section;
  /** Of the key that leads to a value, or of the value where there is no key. */
  position(path: readonly (string | number)[]): Position;
}

/** Text -> values, or what is wrong with it as YAML. Never throws. */
export function readConfig(text: string): { read: Read; problems: [] } | { read: null; problems: Problem[] } {
  const bytes = new TextEncoder().encode(text).length;
  const start: Position = { line: 1, column: 1, from: 0, to: 0 };
  const fail = (code: ProblemCode, message: string, at = start) => ({
    read: null,
    problems: [{ severity: "error" as const, code, message, path: [], at }],
  });
  if (bytes > CONFIG_BYTES_MAX)
    return fail("too_large", `The configuration has ${bytes} bytes; at most ${CONFIG_BYTES_MAX} are taken.`);

  const lines = new LineCounter();
  const documents = parseAllDocuments<ParsedNode>(text, {
    lineCounter: lines,
    uniqueKeys: false,
    version: "1.2",
    merge: true,
  });
  const placeOf = (from: number, to: number): Position => {
    const { line, col } = lines.linePos(from);
    return { line, column: col, from, to };
  };
  const [document, second] = Array.isArray(documents) ? documents : [];
  if (document === undefined || document.contents === null)
    return fail("empty", "The configuration is empty. A Collector that is sent one stops all it does.");
  if (second !== undefined)
    return fail(
      "several_documents",
      "There is a second document behind a line of three dashes. A configuration is one document.",
      placeOf(second.range[0], second.range[0]),
    );
  if (document.errors.length > 0)
    return {
      read: null,
      problems: document.errors.map((error) => ({
        severity: "error",
        code: error.code === "DUPLICATE_KEY" ? "duplicate_key" : "syntax",
        message: sentence(
          error.code === "DUPLICATE_KEY" ? "This key is there twice" : firstLine(error.message),
        ),
        path: [],
        at: placeOf(error.pos[0], error.pos[1]),
      })),
    };
  const twice = keysThereTwice(document);
  if (twice.length > 0)
    return {
      read: null,
      problems: twice.map((key) => ({
        severity: "error",
        code: "duplicate_key",
        message: `${String(key.value)} is there twice in one map; the Collector would refuse it.`,
        path: [],
        at: placeOf(...span(key)),
      })),
    };
  const depth = depthOf(document);
  if (depth > DEPTH_MAX)
    return fail("too_deep", `Maps and lists are ${depth} levels deep; at most ${DEPTH_MAX} are taken.`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: ALIASES_MAX });
  } catch (error) {
    return fail(
      "aliases",
      sentence(`The aliases cannot be followed: ${error instanceof Error ? error.message : String(error)}`),
    );
  }
  if (!isSection(value))
    return fail(
      "shape",
      "A configuration is a map with the keys receivers, exporters, service and so on.",
      placeOf(...span(document.contents)),
    );
  return {
    read: { value, position: (path) => positionOf(document, path, placeOf) },
    problems: [],
  };
}

export function isSection(value: unknown): value is Section {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function positionOf(
  document: Document<ParsedNode>,
  path: readonly (string | number)[],
  placeOf: (from: number, to: number) => Position,
): Position {
  // What a merge key or an alias brought in stands somewhere else; then the nearest thing above it is shown.
  for (let length = path.length; length > 0; length -= 1) {
    const key = path[length - 1];
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (pair !== undefined && isScalar(pair.key)) return placeOf(...span(pair.key));
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNodeWithRange(node)) return placeOf(...span(node));
  }
  return placeOf(0, 0);
}

function isNodeWithRange(node: unknown): node is Node {
  return typeof node === "object" && node !== null && "range" in node;
}

function span(node: Node): [number, number] {
  const [from = 0, to = from] = node.range ?? [];
  return [from, to];
}

function keysThereTwice(document: Document<ParsedNode>): Scalar[] {
  const twice: Scalar[] = [];
  visit(document, {
    Map: (_, map) => {
      const seen = new Set<string>();
      for (const { key } of map.items) {
        // "<<" merges a map in and may do so several times.
        if (!isScalar(key) || key.value === "<<") continue;
        if (seen.has(String(key.value)) && twice.length < PROBLEMS_MAX) twice.push(key);
        seen.add(String(key.value));
      }
    },
  });
  return twice;
}

function depthOf(document: Document<ParsedNode>): number {
  let deepest = 0;
  visit(document, {
    Collection: (_, __, path) => {
      deepest = Math.max(deepest, path.filter((node) => "items" in node).length + 1);
    },
  });
  return deepest;
}

/** The library draws the place below its message; we tell it apart. */
function firstLine(message: string): string {
  return message.split("\n", 1)[0]?.replace(/ at line \d+, column \d+:?$/, "") ?? message;
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
