import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataFolder, readMasterKey } from "./data-folder.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "flowplane data "));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("one server at a time, and the next may start when it has gone", () => {
  const path = join(root, "a", "b");
  const first = openDataFolder(path);
  expect(() => openDataFolder(path)).toThrow(/Another Flowplane server uses the data folder/);
  first[Symbol.dispose]();
  openDataFolder(path)[Symbol.dispose]();
  expect(statSync(path).mode & 0o777).toBe(0o700);
});

test("a folder that cannot be written says so and what to do", () => {
  writeFileSync(join(root, "file"), "");
  expect(() => openDataFolder(join(root, "file", "data"))).toThrow(
    /Cannot write to the data folder .*FLOWPLANE_DATA/,
  );
});

test("the master key is made once, kept 0600, and a damaged one is never replaced", () => {
  using folder = openDataFolder(root);
  const key = readMasterKey(folder, undefined);
  expect(readMasterKey(folder, undefined)).toEqual(key);
  expect(statSync(join(root, "master.key")).mode & 0o777).toBe(0o600);
  expect(readMasterKey(folder, Buffer.alloc(32, 7).toString("base64"))).toEqual(Buffer.alloc(32, 7));
  writeFileSync(join(root, "master.key"), "short");
  expect(() => readMasterKey(folder, undefined)).toThrow(/Restore it from your backup/);
  expect(readFileSync(join(root, "master.key"), "utf8")).toBe("short");
});
