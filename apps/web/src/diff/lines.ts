/** Differences of texts line by line, from two texts or from a unified diff. Pure. */
export interface DiffLine {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
  /** Line numbers from 1, where the line is in that text. */
  readonly before: number | undefined;
  readonly after: number | undefined;
}
export interface Gap {
  readonly kind: "gap";
  /** Equal lines that are left out; undefined when a unified diff does not say how many. */
  readonly lines: number | undefined;
  /** The lines themselves, where the whole texts are known. */
  readonly hidden?: readonly DiffLine[];
}
export type DiffRow = DiffLine | Gap;

const CONTEXT_LINES = 3;
/** Texts that differ in more lines than this are shown as replaced, because finding the least difference takes its square. */
const EDITS_MAX = 500;

/** The least difference between two texts (Myers 1986), in the order of the lines. */
export function diffLines(before: string, after: string): DiffLine[] {
  const [a, b] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const kinds = editsBetween(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  const all = [...repeat("same", head), ...kinds, ...repeat("same", tail)];
  let [x, y] = [0, 0];
  return all.map((kind): DiffLine => {
    if (kind !== "added") x += 1;
    if (kind !== "removed") y += 1;
    return {
      kind,
      text: (kind === "added" ? b[y - 1] : a[x - 1]) ?? "",
      before: kind === "added" ? undefined : x,
      after: kind === "removed" ? undefined : y,
    };
  });
}

function linesOf(text: string): string[] {
  return text === "" ? [] : text.replace(/\n$/, "").split("\n");
}

type Kind = DiffLine["kind"];
const repeat = (kind: Kind, count: number): Kind[] => Array.from({ length: count }, () => kind);

function editsBetween(a: readonly string[], b: readonly string[]): Kind[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const trace: ReadonlyMap<number, number>[] = [];
  const most = Math.min(a.length + b.length, EDITS_MAX);
  for (let edits = 0; edits <= most; edits += 1) {
    trace.push(new Map(furthest));
    for (let k = -edits; k <= edits; k += 2) {
      let x = startOn(furthest, k, edits);
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      furthest.set(k, x);
      if (x >= a.length && x - k >= b.length) return pathBack(trace, a.length, b.length);
    }
  }
  return [...repeat("removed", a.length), ...repeat("added", b.length)];
}

/** The furthest point on diagonal `k` with one edit more: by a line left out or by a line put in. */
function startOn(furthest: ReadonlyMap<number, number>, k: number, edits: number): number {
  const [left, above] = [furthest.get(k - 1) ?? -1, furthest.get(k + 1) ?? -1];
  return k === -edits || (k !== edits && left < above) ? Math.max(0, above) : left + 1;
}

function pathBack(trace: readonly ReadonlyMap<number, number>[], lengthA: number, lengthB: number): Kind[] {
  const kinds: Kind[] = [];
  let [x, y] = [lengthA, lengthB];
  for (let edits = trace.length - 1; edits >= 0; edits -= 1) {
    const furthest = trace[edits] ?? new Map<number, number>();
    const k = x - y;
    const isAdded =
      k === -edits || (k !== edits && (furthest.get(k - 1) ?? -1) < (furthest.get(k + 1) ?? -1));
    const beforeK = isAdded ? k + 1 : k - 1;
    const beforeX = edits === 0 ? 0 : (furthest.get(beforeK) ?? 0);
    const beforeY = edits === 0 ? 0 : beforeX - beforeK;
    while (x > beforeX && y > beforeY) {
      kinds.push("same");
      x -= 1;
      y -= 1;
    }
    if (edits > 0) kinds.push(isAdded ? "added" : "removed");
    [x, y] = [beforeX, beforeY];
  }
  return kinds.toReversed();
}

/** Only what differs and a few lines around it. */
export function withoutEqual(lines: readonly DiffLine[], context = CONTEXT_LINES): DiffRow[] {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, index) => {
    if (line.kind !== "same") near.fill(1, Math.max(0, index - context), index + context + 1);
  });
  const rows: DiffRow[] = [];
  let hidden: DiffLine[] = [];
  const close = () => {
    if (hidden.length > 0) rows.push({ kind: "gap", lines: hidden.length, hidden });
    hidden = [];
  };
  lines.forEach((line, index) => {
    if (near[index] === 0) hidden.push(line);
    else {
      close();
      rows.push(line);
    }
  });
  if (rows.length > 0) close();
  return rows;
}

/** The rows with the lines of some gaps in their places. */
export function withOpened(rows: readonly DiffRow[], opened: ReadonlySet<Gap>): DiffRow[] {
  return rows.flatMap((row): readonly DiffRow[] =>
    row.kind === "gap" && opened.has(row) ? (row.hidden ?? [row]) : [row],
  );
}

/** Rows of a unified diff as programs print it; what stands before the first hunk is left out. */
export function parseUnified(text: string): DiffRow[] {
  const rows: DiffRow[] = [];
  let [before, after, isInHunk] = [0, 0, false];
  for (const line of linesOf(text)) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (hunk !== null) {
      const [nextBefore, nextAfter] = [Number(hunk[1]), Number(hunk[2])];
      const left = nextBefore - before - 1;
      if (isInHunk || left > 0) rows.push({ kind: "gap", lines: left > 0 ? left : undefined });
      [before, after, isInHunk] = [Math.max(0, nextBefore - 1), Math.max(0, nextAfter - 1), true];
    } else if (isInHunk && /^[ +-]/.test(line)) {
      const kind: Kind = line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : "same";
      if (kind !== "added") before += 1;
      if (kind !== "removed") after += 1;
      rows.push({
        kind,
        text: line.slice(1),
        before: kind === "added" ? undefined : before,
        after: kind === "removed" ? undefined : after,
      });
    }
  }
  return rows;
}

export interface Pair {
  readonly left: DiffLine | undefined;
  readonly right: DiffLine | undefined;
}

/** Rows for two columns: removed lines stand beside the added ones that follow them. */
export function sideBySide(rows: readonly DiffRow[]): (Pair | Gap)[] {
  const pairs: (Pair | Gap)[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = () => {
    for (let index = 0; index < Math.max(removed.length, added.length); index += 1)
      pairs.push({ left: removed[index], right: added[index] });
    removed = [];
    added = [];
  };
  for (const row of rows) {
    if (row.kind === "removed") {
      if (added.length > 0) flush();
      removed.push(row);
    } else if (row.kind === "added") added.push(row);
    else {
      flush();
      pairs.push(row.kind === "gap" ? row : { left: row, right: row });
    }
  }
  flush();
  return pairs;
}

/** How many lines came and went. */
export function changed(rows: readonly DiffRow[]): { added: number; removed: number } {
  return {
    added: rows.filter(({ kind }) => kind === "added").length,
    removed: rows.filter(({ kind }) => kind === "removed").length,
  };
}
