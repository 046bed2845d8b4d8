import { expect, test } from "vitest";
import { layOutTable, type Column } from "./table.ts";

interface Row {
  readonly id: string;
  readonly name: string;
  readonly count: number;
}

const columns: readonly Column<Row>[] = [
  { title: "ID", value: (row) => row.id },
  { title: "NAME", value: (row) => row.name, shrinkTo: 6 },
  { title: "COUNT", value: (row) => String(row.count), align: "right" },
];

function check(rows: readonly Row[], width: number | null, expected: string) {
  expect(`\n${layOutTable(columns, rows, width).join("\n")}\n`).toBe(expected);
}

const two = [
  { id: "a1", name: "berlin", count: 7 },
  { id: "b22", name: "a much longer name", count: 1_200 },
];

test("columns are as wide as their widest cell, and numbers stand right", () => {
  check(
    two,
    null,
    `
ID   NAME                COUNT
a1   berlin                  7
b22  a much longer name   1200
`,
  );
});

test("a narrow terminal cuts the columns that may be cut", () => {
  check(
    two,
    22,
    `
ID   NAME        COUNT
a1   berlin          7
b22  a much lo…   1200
`,
  );
});

test("a terminal too narrow for that gets lines that are too long, not unreadable ones", () => {
  check(
    two,
    5,
    `
ID   NAME    COUNT
a1   berlin      7
b22  a muc…   1200
`,
  );
});

test("no rows leave the titles", () => {
  check([], 80, "\nID  NAME  COUNT\n");
});

test("wide characters and combining marks keep the columns aligned", () => {
  check(
    [
      { id: "1", name: "東京", count: 1 },
      { id: "2", name: "e\u0301cole", count: 2 },
    ],
    null,
    `
ID  NAME   COUNT
1   東京       1
2   e\u0301cole      2
`,
  );
});

test("a cell cannot drive the terminal or break the line", () => {
  const [, line] = layOutTable(columns, [{ id: "\u001b[2J", name: "a\nb\u202e", count: 1 }], null);
  expect(line).toBe("␛[2J  a␊b\ufffd      1");
});

test("colour does not count as width", () => {
  const painted: Column<Row>[] = [
    { title: "ID", value: (row) => row.id, paint: (cell) => `\u001b[31m${cell}\u001b[39m` },
    { title: "NAME", value: (row) => row.name },
  ];
  expect(layOutTable(painted, two, null)).toEqual([
    "ID   NAME",
    "\u001b[31ma1 \u001b[39m  berlin",
    "\u001b[31mb22\u001b[39m  a much longer name",
  ]);
});
