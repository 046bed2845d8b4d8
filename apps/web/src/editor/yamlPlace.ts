/** Where in a Collector's YAML a cursor stands, by indentation alone: it works on text that is being typed. Pure. */
export interface YamlPlace {
  /** Keys above the cursor, outermost first. */
  readonly path: readonly string[];
  /** In a list, where values stand rather than keys. */
  readonly isList: boolean;
  /** What is typed of the word so far. */
  readonly word: string;
}

const KEY = /^(\s*)(?:- )?("?[^\s"#:[\]{},]+"?)\s*:(?:\s|$)/;

/** The place at the end of `before`, the text up to the cursor. */
export function placeAt(before: string): YamlPlace | undefined {
  const lines = before.split("\n");
  const current = lines.at(-1) ?? "";
  if (/(^|\s)#/.test(current)) return undefined;
  const word = /[\w./-]*$/.exec(current)?.[0] ?? "";
  const flow = /^(\s*)(?:- )?("?[^\s"#:[\]{},]+"?)\s*:\s*\[[^\]]*$/.exec(current);
  if (flow !== null) {
    const [, indent = "", key = ""] = flow;
    return { path: [...pathAbove(lines, indent.length), bare(key)], isList: true, word };
  }
  const item = /^(\s*)- [\w./-]*$/.exec(current);
  // Items may stand as deep as their key, so the key is looked for one deeper.
  if (item !== null) return { path: pathAbove(lines, (item[1]?.length ?? 0) + 1), isList: true, word };
  if (!/^\s*[\w./-]*$/.test(current)) return undefined;
  return { path: pathAbove(lines, current.length - word.length), isList: false, word };
}

/** Keys of the lines above that stand less deep, each less deep than the one below it. */
function pathAbove(lines: readonly string[], indent: number): string[] {
  const path: string[] = [];
  let depth = indent;
  for (let index = lines.length - 2; index >= 0 && depth > 0; index -= 1) {
    const match = KEY.exec(lines[index] ?? "");
    const [, blanks = "", key = ""] = match ?? [];
    if (match === null || blanks.length >= depth) continue;
    path.unshift(bare(key));
    depth = blanks.length;
  }
  return path;
}

function bare(key: string): string {
  return key.replaceAll('"', "");
}

/** The line (from 1) on which a key of a top-level section is written, as `otlp` in `receivers`; undefined when it is not there. */
export function lineOf(text: string, section: string, id: string): number | undefined {
  let isInside = false;
  for (const [index, line] of text.split("\n").entries()) {
    const [, blanks, key] = KEY.exec(line) ?? [];
    if (blanks === undefined || key === undefined) continue;
    if (blanks === "") isInside = bare(key) === section;
    else if (isInside && bare(key) === id) return index + 1;
  }
  return undefined;
}

/** Names written directly below a top-level section. */
export function idsIn(text: string, section: string): string[] {
  const ids: string[] = [];
  let isInside = false;
  let depth: number | undefined;
  for (const line of text.split("\n")) {
    const [, blanks, key] = KEY.exec(line) ?? [];
    if (blanks === undefined || key === undefined) continue;
    if (blanks === "") {
      isInside = bare(key) === section;
      depth = undefined;
    } else if (isInside && (depth ??= blanks.length) === blanks.length) ids.push(bare(key));
  }
  return ids;
}
