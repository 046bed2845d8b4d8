import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { withLock } from "./lock.mjs";

let folder: string;
let lock: string;
const nobodyWaits = () => {
  throw new Error("waited for nobody");
};

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flowplane-lock-"));
  lock = join(folder, "tools", "lock");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("one at a time, and everybody gets a turn", async () => {
  let inside = 0;
  let most = 0;
  const turns = Array.from({ length: 4 }, (_, index) =>
    withLock(
      lock,
      () => {},
      async () => {
        inside += 1;
        most = Math.max(most, inside);
        await setImmediate();
        inside -= 1;
        return index;
      },
    ),
  );
  expect(await Promise.all(turns)).toEqual([0, 1, 2, 3]);
  expect(most).toBe(1);
  expect(existsSync(lock)).toBe(false);
});

test("who waits is told for whom", async () => {
  const waitedFor: number[] = [];
  const release = Promise.withResolvers<void>();
  const first = withLock(lock, nobodyWaits, () => release.promise);
  const second = withLock(
    lock,
    (pid: number) => {
      waitedFor.push(pid);
      release.resolve();
    },
    async () => "done",
  );
  await first;
  expect(await second).toBe("done");
  expect(waitedFor).toEqual([process.pid]);
});

test.each([
  ["a process that is gone", () => "2147483646 1"],
  ["another process that has got the pid since", () => `${process.pid} 1`],
])("the lock of %s is taken over", async (_, owner) => {
  await withLock(lock, nobodyWaits, async () => {});
  writeFileSync(lock, owner());
  expect(await withLock(lock, nobodyWaits, async () => "mine")).toBe("mine");
});

test("work that fails gives the lock back", async () => {
  const failing = withLock(lock, nobodyWaits, () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect(existsSync(lock)).toBe(false);
});
