import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Home } from "../testing/flowplane.ts";

let home: Home;
beforeEach(async () => {
  home = await Home.create();
});
afterEach(() => home[Symbol.asyncDispose]());

async function write(file: string, lines: readonly string[]): Promise<string> {
  const path = join(home.folder, file);
  await mkdir(join(path, ".."), { recursive: true });
  await writeFile(path, lines.join("\n"));
  return path;
}

const STUCK = Array.from({ length: 120 }, () => "fatal: no such table");
const AT_WORK = Array.from({ length: 120 }, (_, n) => `epoch ${n} done`);

test("prints one object a file, with the label of an index above it", async () => {
  const stuck = await write("logs/bad/stuck.log", STUCK);
  const fine = await write("logs/fine.log", AT_WORK);
  await write("logs/index.jsonl", ['{"file":"bad/stuck.log","label":"loop"}', "not json", "{}"]);
  const { code, stdout } = await home.run(["detect", "--json", "--rate", "2", stuck, fine]);
  expect(code).toBe(0);
  const [first, second] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(first).toMatchObject({ file: stuck, label: "loop", detected: true, category: "loop" });
  expect(first?.["atSeconds"]).toBe((Number(first?.["atLine"]) - 1) / 2);
  expect(Object.keys(first ?? {})).toEqual([
    "file",
    "label",
    "detected",
    "category",
    "score",
    "atLine",
    "atSeconds",
    "evidence",
  ]);
  expect(second).toMatchObject({ file: fine, label: null, detected: false, category: null, atLine: null });
});

test("tells people in a sentence, with the line that convinced it", async () => {
  const { stdout } = await home.run(["detect", await write("a.log", STUCK), await write("b.log", AT_WORK)]);
  expect(stdout).toMatch(
    /a\.log: loop, score \d+, line \d+, after [\d.]+ s\n {2}\d+ x fatal: no such table\n/,
  );
  expect(stdout).toMatch(/b\.log: nothing found\n/);
});

test("refuses what is not there, and what is no sensitivity", async () => {
  const missing = await home.run(["detect", join(home.folder, "none.log")]);
  expect([missing.code, missing.stderr]).toEqual([1, expect.stringContaining("none.log is not there")]);
  const odd = await home.run(["detect", "--sensitivity", "extreme", "x"]);
  expect([odd.code, odd.stderr]).toEqual([2, expect.stringContaining("low, medium, high")]);
});
