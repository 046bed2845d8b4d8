import { expect, test } from "vitest";
import { BULK_AT_ONCE, runBulk } from "./bulk.ts";

test("few at a time, to the end, with what failed", async () => {
  let active = 0;
  let most = 0;
  const seen: number[] = [];
  const end = await runBulk(
    Array.from({ length: 20 }, (_, index) => index),
    async (item) => {
      active += 1;
      most = Math.max(most, active);
      await Promise.resolve();
      active -= 1;
      if (item % 7 === 3) throw new Error(`no ${item}`);
    },
    { signal: new AbortController().signal, onProgress: ({ done }) => seen.push(done) },
  );
  expect(most).toBe(BULK_AT_ONCE);
  expect(end.done).toBe(20);
  expect(end.failures.map(({ item }) => item).toSorted((a, b) => a - b)).toEqual([3, 10, 17]);
  expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
});

test("what is not begun when it is stopped is left alone", async () => {
  const stop = new AbortController();
  const touched: number[] = [];
  const end = await runBulk(
    Array.from({ length: 100 }, (_, index) => index),
    async (item) => {
      touched.push(item);
      if (item === 5) stop.abort();
      await Promise.resolve();
    },
    { signal: stop.signal, onProgress: () => undefined },
  );
  expect(touched.length).toBeLessThanOrEqual(5 + BULK_AT_ONCE);
  expect(end.done).toBe(touched.length);
});
