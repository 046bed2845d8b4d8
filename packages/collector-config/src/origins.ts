import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type Node, type ParsedNode } from "yaml";
import type { Overlay } from "./compose.ts";
import { startedBy } from "./merge.ts";
import { isSection, type Section, type Value } from "./read.ts";

/** Lines of a composed text, from 1 and both included, that an overlay brought. */
export interface Origin {
  readonly fromLine: number;
  readonly toLine: number;
  readonly overlay: string;
}

type Name = string | null;
/** Who brought a value, null being the body, and the same of what is in it where it is a map. */
interface Source {
  readonly by: Name;
  readonly keys: ReadonlyMap<string, Source> | null;
  readonly isNull: boolean;
}

/**
 * Which lines of what `composeText` made an overlay brought: what it adds or sets otherwise. A map that several write into
 * is of whoever brought it first, and what is in it of whoever wrote that.
 */
export function originsOf(composed: string, body: Section, overlays: readonly Overlay[]): Origin[] {
  if (overlays.length === 0) return [];
  const layers: readonly { name: Name; value: Section }[] = [{ name: null, value: body }, ...overlays];
  const source = layers.map(({ name, value }) => sourceOf(value, name)).reduce(lay);
  const started = startedOf(layers);
  const lines = new LineCounter();
  const { contents } = parseDocument<ParsedNode>(composed, { lineCounter: lines });
  /** By line; only what an overlay brought is there. */
  const found: Name[] = [];
  const put = (by: Name, from: Node, to: Node = from) => {
    const first = from.range?.[0] ?? 0;
    const last = Math.max(first, (to.range?.[1] ?? 0) - 1);
    for (let line = lines.linePos(first).line; line <= lines.linePos(last).line; line += 1) found[line] = by;
  };
  const mark = (node: Node, { keys }: Source, path: string): void => {
    if (!isMap(node)) return;
    for (const { key, value } of node.items) {
      const inner = isScalar(key) ? keys?.get(String(key.value)) : undefined;
      if (inner === undefined || !isScalar(key)) continue;
      const at = `${path}/${String(key.value)}`;
      put(inner.by, key, isNode(value) && !isMap(value) ? value : key);
      if (isMap(value)) mark(value, inner, at);
      else if (isSeq(value) && at === "/service/extensions") {
        const ids = value.items.filter((item) => isScalar(item));
        for (const id of ids) put(started.get(String(id.value)) ?? null, id);
        put(started.get(String(ids[0]?.value)) ?? null, key);
      }
    }
  };
  if (contents !== null) mark(contents, source, "");
  return runsOf(found);
}

function sourceOf(value: Value | Section, by: Name): Source {
  const keys = isSection(value)
    ? new Map(Object.entries(value).map(([key, inner]) => [key, sourceOf(inner, by)]))
    : null;
  return { by, keys, isNull: value === null };
}

/** As `overlay` lays values over each other. */
function lay(under: Source, over: Source): Source {
  // A key with nothing behind it means what an empty map does; what comes into it does not bring the key.
  if (under.isNull && over.keys !== null) return { ...over, by: under.by };
  if (under.keys === null || over.keys === null) return over;
  const keys = new Map(under.keys);
  for (const [key, source] of over.keys) {
    const before = keys.get(key);
    keys.set(key, before === undefined ? source : lay(before, source));
  }
  return { by: under.by, keys, isNull: false };
}

/** Who first said that an extension is started: these lists are put together where the others are replaced. */
function startedOf(layers: readonly { name: Name; value: Section }[]): Map<string, Name> {
  const started = new Map<string, Name>();
  for (const { name, value } of layers) {
    const more = startedBy(value);
    if (more.length === 0 && isSection(value["service"]) && "extensions" in value["service"]) started.clear();
    for (const id of more) if (!started.has(id)) started.set(id, name);
  }
  return started;
}

function runsOf(found: readonly Name[]): Origin[] {
  const runs: { fromLine: number; toLine: number; overlay: string }[] = [];
  found.forEach((overlay, line) => {
    if (overlay === null) return;
    const last = runs.at(-1);
    if (last?.overlay === overlay && last.toLine === line - 1) last.toLine = line;
    else runs.push({ fromLine: line, toLine: line, overlay });
  });
  return runs;
}
