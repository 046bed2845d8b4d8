import { randomBytes } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import type { Objects } from "./objects.ts";

/** What every store of objects must do. `open` gives an empty one. */
export function objectsConformance(name: string, open: () => Promise<Objects>): void {
  describe(`objects: ${name}`, () => {
    let objects: Objects;
    beforeEach(async () => {
      objects = await open();
    });

    test.each([0, 1, 4_096, 3 * 1024 * 1024])("%d bytes come back as they were", async (size) => {
      const body = randomBytes(size);
      await objects.put("runs/r1/1.seg", body);
      const read = await objects.get("runs/r1/1.seg");
      expect(Buffer.from(read ?? []).equals(body)).toBe(true);
      expect(read).toBeInstanceOf(Uint8Array);
    });

    test("a body that comes in pieces is stored whole, and read in part", async () => {
      const body = randomBytes(300_000);
      await objects.put("a/b", pieces(body));
      expect(Buffer.from((await objects.get("a/b")) ?? []).equals(body)).toBe(true);
      expect((await read("a/b"))?.equals(body)).toBe(true);
      for (const [start, end] of [
        [0, 0],
        [70_000, 140_001],
        [299_999, 299_999],
      ] as const)
        expect((await read("a/b", { start, end }))?.equals(body.subarray(start, end + 1))).toBe(true);
    });

    test("a body that breaks off leaves nothing, and what was there before stands", async () => {
      const broken = async function* () {
        yield randomBytes(100_000);
        throw new Error("gone");
      };
      await expect(objects.put("a/b", broken())).rejects.toThrow("storing object a/b");
      expect(await keys("")).toEqual([]);
      await objects.put("a/b", Buffer.from("one"));
      await expect(objects.put("a/b", broken())).rejects.toMatchObject({ cause: { message: "gone" } });
      expect((await read("a/b"))?.toString()).toBe("one");
    });

    test("what is not there is undefined, and removing it is no error", async () => {
      expect(await objects.get("runs/none")).toBeUndefined();
      expect(await objects.open("runs/none")).toBeUndefined();
      await objects.delete("runs/none");
    });

    test("the same key again with the same bytes is no error; with others the newer ones stand", async () => {
      await objects.put("a/b", Buffer.from("one"));
      await objects.put("a/b", Buffer.from("one"));
      await objects.put("a/b", Buffer.from("two"));
      expect(Buffer.from((await objects.get("a/b")) ?? []).toString()).toBe("two");
    });

    test("writers of one key at once leave one of their bodies, whole", async () => {
      const bodies = Array.from({ length: 20 }, (_, index) => Buffer.alloc(50_000, index));
      await Promise.all(bodies.map((body) => objects.put("a/b", body)));
      const read = Buffer.from((await objects.get("a/b")) ?? []);
      expect(bodies.some((body) => body.equals(read))).toBe(true);
      expect(await keys("a/")).toEqual(["a/b"]);
    });

    test("removed means gone", async () => {
      await objects.put("a/b", Buffer.from("x"));
      await objects.delete("a/b");
      expect(await objects.get("a/b")).toBeUndefined();
      expect(await keys("")).toEqual([]);
    });

    test("a list gives the keys below a prefix, sorted, whether it ends at a slash or not", async () => {
      for (const key of ["r/10/a", "r/1/b", "r/1/a", "r/2/a", "s/1", "r/1x"])
        await objects.put(key, Buffer.from(key));
      expect(await keys("")).toEqual(["r/1/a", "r/1/b", "r/10/a", "r/1x", "r/2/a", "s/1"]);
      expect(await keys("r/1/")).toEqual(["r/1/a", "r/1/b"]);
      expect(await keys("r/1")).toEqual(["r/1/a", "r/1/b", "r/10/a", "r/1x"]);
      expect(await keys("r/1/a")).toEqual(["r/1/a"]);
      expect(await keys("none/")).toEqual([]);
    });

    test.each([
      "",
      "/",
      "a/",
      "/a",
      "a//b",
      "..",
      "../a",
      "a/../b",
      ".",
      "a/.",
      "a b",
      "a\\b",
      "ä",
      "a\0b",
      "x".repeat(513),
    ])("%j is no key, for any call", async (key) => {
      await expect(objects.put(key, Buffer.from("x"))).rejects.toThrow("not an object key");
      await expect(objects.get(key)).rejects.toThrow("not an object key");
      await expect(objects.open(key)).rejects.toThrow("not an object key");
      await expect(objects.delete(key)).rejects.toThrow("not an object key");
    });

    async function* pieces(body: Uint8Array): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < body.byteLength; at += 65_536) yield body.subarray(at, at + 65_536);
    }

    async function read(key: string, range?: { start: number; end: number }): Promise<Buffer | undefined> {
      const stream = await objects.open(key, range);
      return stream === undefined ? undefined : Buffer.concat(await stream.toArray());
    }

    async function keys(prefix: string): Promise<string[]> {
      const found: string[] = [];
      for await (const key of objects.list(prefix)) found.push(key);
      return found;
    }
  });
}
