import { expect, test } from "vitest";
import { changed, diffLines, parseUnified, sideBySide, withoutEqual, withOpened } from "./lines.ts";

const marks = { same: " ", added: "+", removed: "-" } as const;
const printed = (before: string, after: string) =>
  diffLines(before, after).map(({ kind, text }) => marks[kind] + text);

test("the least difference", () => {
  expect(printed("a\nb\nc\n", "a\nx\nc\nd\n")).toEqual([" a", "-b", "+x", " c", "+d"]);
  expect(printed("", "a\n")).toEqual(["+a"]);
  expect(printed("a\n", "")).toEqual(["-a"]);
  expect(printed("a\n", "a\n")).toEqual([" a"]);
  expect(changed(diffLines("a\nb\nc\na\nb\nb\na", "c\nb\na\nb\na\nc"))).toEqual({ added: 2, removed: 3 });
});

test("both texts can be read back from any difference", () => {
  let seed = 11;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < 300; round += 1) {
    const text = () => Array.from({ length: random(14) }, () => "abcd"[random(4)] ?? "").join("\n");
    const [before, after] = [text(), text()];
    const lines = diffLines(before, after);
    const side = (without: string) =>
      lines
        .filter(({ kind }) => kind !== without)
        .map((line) => line.text)
        .join("\n");
    expect([side("added"), side("removed")], `seed round ${round}`).toEqual([before, after]);
  }
});

test("texts that have nothing in common are replaced whole, however long", () => {
  const text = (word: string) => Array.from({ length: 3_000 }, (_, index) => `${word}${index}`).join("\n");
  expect(changed(diffLines(text("a"), text("b")))).toEqual({ added: 3_000, removed: 3_000 });
});

test("equal lines far from any change are left out and counted", () => {
  const before = Array.from({ length: 30 }, (_, index) => `line ${index}`).join("\n");
  const rows = withoutEqual(diffLines(before, before.replace("line 15", "other")));
  expect(rows.map((row) => (row.kind === "gap" ? row.lines : row.kind[0])).join(" ")).toBe(
    "12 s s s r a s s s 11",
  );
  expect(withoutEqual(diffLines("a", "a"))).toEqual([]);
  const [first] = rows;
  if (first?.kind !== "gap") throw new Error("it begins with equal lines");
  const opened = withOpened(rows, new Set([first]));
  expect(opened.slice(0, 13).map((row) => (row.kind === "gap" ? "gap" : row.text))).toEqual(
    Array.from({ length: 13 }, (_, index) => `line ${index}`),
  );
  expect(opened.at(-1)).toMatchObject({ kind: "gap", lines: 11 });
  expect(withOpened(rows, new Set())).toEqual(rows);
});

test("a unified diff", () => {
  const rows = parseUnified(
    "--- a\n+++ b\n@@ -3,3 +3,3 @@ x\n same\n-old\n+new\n@@ -20 +20,2 @@\n end\n+more\n\\ No newline",
  );
  expect(rows).toEqual([
    { kind: "gap", lines: 2 },
    { kind: "same", text: "same", before: 3, after: 3 },
    { kind: "removed", text: "old", before: 4, after: undefined },
    { kind: "added", text: "new", before: undefined, after: 4 },
    { kind: "gap", lines: 15 },
    { kind: "same", text: "end", before: 20, after: 20 },
    { kind: "added", text: "more", before: undefined, after: 21 },
  ]);
});

test("side by side, a changed line stands beside what it became", () => {
  const pairs = sideBySide(diffLines("a\nb\nc", "a\nx\ny\nc"));
  expect(pairs.map((pair) => ("left" in pair ? [pair.left?.text, pair.right?.text] : "gap"))).toEqual([
    ["a", "a"],
    ["b", "x"],
    [undefined, "y"],
    ["c", "c"],
  ]);
});
