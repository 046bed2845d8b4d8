import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { filesBelow, hashOf, readStamp, removeStamp, writeStamp } from "./stamp.mjs";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "flowplane-stamp-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("a hash changes with a name, a content and a version, and with nothing else", () => {
  const [a, b] = [join(folder, "a"), join(folder, "b")];
  writeFileSync(a, "1");
  writeFileSync(b, "2");
  const before = hashOf(["v1"], [a, b]);
  expect(hashOf(["v1"], [b, a])).toBe(before);
  expect(hashOf(["v2"], [a, b])).not.toBe(before);
  expect(hashOf(["v1"], [a])).not.toBe(before);
  writeFileSync(b, "3");
  expect(hashOf(["v1"], [a, b])).not.toBe(before);
});

test("what tools made is no input", () => {
  for (const made of ["node_modules/x", "dist", "src/inner"]) {
    mkdirSync(join(folder, made), { recursive: true });
    writeFileSync(join(folder, made, "file"), "");
  }
  expect(filesBelow(folder)).toEqual([join(folder, "src/inner/file")]);
});

test("a stamp is empty before and after", () => {
  const stamp = join(folder, "made/stamp");
  expect(readStamp(stamp)).toBe("");
  writeStamp(stamp, "abc");
  expect(readStamp(stamp)).toBe("abc");
  removeStamp(stamp);
  expect(readStamp(stamp)).toBe("");
});
