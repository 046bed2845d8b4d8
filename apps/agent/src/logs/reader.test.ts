import { expect, test } from "vitest";
import { Bench, makeFolder, sh } from "../../test/harness.ts";
import { LogReader } from "./reader.ts";

const texts = (lines: readonly { seq: number; bytes: Uint8Array }[]) =>
  lines.map(({ seq, bytes }) => `${seq} ${Buffer.from(bytes).toString()}`);

test("lines are read from any number on, as many as asked for, and all of them piece by piece", async () => {
  using folder = makeFolder();
  using bench = new Bench(folder.path);
  await bench.start("r1", sh("seq 1 500"));
  await bench.ended("r1");
  const reader = new LogReader({ db: bench.db, dataDir: folder.path });
  expect(texts(await reader.readLines("r1", 1, 2))).toEqual(["1 1", "2 2"]);
  expect(texts(await reader.readLines("r1", 499, 10))).toEqual(["499 499", "500 500"]);
  expect(await reader.readLines("r1", 501, 10)).toEqual([]);
  expect(await reader.readLines("unknown", 1, 10)).toEqual([]);
  const all: string[] = [];
  for await (const lines of reader.readSegments("r1")) all.push(...texts(lines));
  expect(all).toEqual(Array.from({ length: 500 }, (_, i) => `${i + 1} ${i + 1}`));
});
