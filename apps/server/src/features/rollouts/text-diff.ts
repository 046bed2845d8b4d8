/** Lines that are compared one by one; of more, what is between the first and the last difference is one block. */
const CELLS_MAX = 4_000_000;
const CONTEXT_LINES = 3;

type Edit = { readonly mark: " " | "-" | "+"; readonly line: string };

/** A unified diff of two texts, empty when they are the same; cut after `charsMax` characters with a line that says so. */
export function unifiedDiff(before: string, after: string, charsMax: number): string {
  if (before === after) return "";
  const edits = editsOf(before.split("\n"), after.split("\n"));
  const shown: string[] = [];
  let [oldLine, newLine] = [1, 1];
  let index = 0;
  while (index < edits.length) {
    const change = edits.findIndex(({ mark }, at) => at >= index && mark !== " ");
    if (change === -1) break;
    const from = Math.max(index, change - CONTEXT_LINES);
    const to = endOfHunk(edits, change);
    for (const { mark } of edits.slice(index, from)) {
      if (mark !== "+") oldLine += 1;
      if (mark !== "-") newLine += 1;
    }
    const hunk = edits.slice(from, to);
    const olds = hunk.filter(({ mark }) => mark !== "+").length;
    const news = hunk.filter(({ mark }) => mark !== "-").length;
    shown.push(`@@ -${oldLine},${olds} +${newLine},${news} @@`, ...hunk.map(({ mark, line }) => mark + line));
    oldLine += olds;
    newLine += news;
    index = to;
  }
  const text = shown.join("\n");
  return text.length <= charsMax ? text : `${text.slice(0, charsMax)}\n… the rest is left out`;
}

/** Changes that are close stand in one hunk. */
function endOfHunk(edits: readonly Edit[], change: number): number {
  let last = change;
  for (let at = change; at < edits.length && at - last <= 2 * CONTEXT_LINES; at += 1)
    if (edits[at]?.mark !== " ") last = at;
  return Math.min(edits.length, last + CONTEXT_LINES + 1);
}

function editsOf(before: readonly string[], after: readonly string[]): Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start += 1;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  )
    end += 1;
  const same = (lines: readonly string[]) => lines.map((line): Edit => ({ mark: " ", line }));
  return [
    ...same(before.slice(0, start)),
    ...compare(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...same(before.slice(before.length - end)),
  ];
}

/** Along a longest common subsequence, where that is not too much work. */
function compare(before: readonly string[], after: readonly string[]): Edit[] {
  const removed = (lines: readonly string[]) => lines.map((line): Edit => ({ mark: "-", line }));
  const added = (lines: readonly string[]) => lines.map((line): Edit => ({ mark: "+", line }));
  const width = after.length + 1;
  if (before.length * width > CELLS_MAX) return [...removed(before), ...added(after)];
  const lengths = new Uint32Array((before.length + 1) * width);
  for (let old = before.length - 1; old >= 0; old -= 1)
    for (let young = after.length - 1; young >= 0; young -= 1)
      lengths[old * width + young] =
        before[old] === after[young]
          ? (lengths[(old + 1) * width + young + 1] ?? 0) + 1
          : Math.max(lengths[(old + 1) * width + young] ?? 0, lengths[old * width + young + 1] ?? 0);
  const edits: Edit[] = [];
  let [old, young] = [0, 0];
  while (old < before.length && young < after.length) {
    if (before[old] === after[young]) {
      edits.push({ mark: " ", line: before[old] ?? "" });
      old += 1;
      young += 1;
    } else if ((lengths[(old + 1) * width + young] ?? 0) >= (lengths[old * width + young + 1] ?? 0)) {
      edits.push({ mark: "-", line: before[old] ?? "" });
      old += 1;
    } else {
      edits.push({ mark: "+", line: after[young] ?? "" });
      young += 1;
    }
  }
  return [...edits, ...removed(before.slice(old)), ...added(after.slice(young))];
}
