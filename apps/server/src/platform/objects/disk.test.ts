import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { objectsConformance } from "./conformance.ts";
import { createDiskObjects } from "./disk.ts";

let root: string;
let count = 0;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "flowplane-objects-"));
});
afterAll(() => rm(root, { recursive: true }));

function folder(): string {
  count += 1;
  return join(root, String(count));
}

objectsConformance("disk", async () => createDiskObjects(folder()));

test("files and folders are ours alone", async () => {
  const path = folder();
  await createDiskObjects(path).put("a/b", Buffer.from("x"));
  expect((await stat(join(path, "a"))).mode & 0o777).toBe(0o700);
  expect((await stat(join(path, "a", "b"))).mode & 0o777).toBe(0o600);
});

test("what a crash left half-written is neither listed nor read", async () => {
  const path = folder();
  const objects = createDiskObjects(path);
  await objects.put("a/b", Buffer.from("x"));
  await writeFile(join(path, "a", "c.0b9f.part"), "half");
  const keys: string[] = [];
  for await (const key of objects.list("")) keys.push(key);
  expect(keys).toEqual(["a/b"]);
});

test("a write that fails says which object, and leaves nothing behind", async () => {
  const path = folder();
  await mkdir(join(path, "a", "b"), { recursive: true });
  await expect(createDiskObjects(path).put("a/b", Buffer.from("x"))).rejects.toThrow("storing object a/b");
  expect(await readdir(join(path, "a"))).toEqual(["b"]);
});
