import fc from "fast-check";
import { expect, test } from "vitest";
import { linesOf } from "../fixtures.ts";
import { TAIL_BYTES_MAX } from "./limits.ts";
import { TailBuffer } from "./tail-buffer.ts";

function check(batches: readonly (readonly [number, number])[], held: readonly number[]): void {
  const tail = new TailBuffer();
  for (const [from, to] of batches) tail.add(linesOf(from, to));
  const seqs = tail.first === undefined ? [] : tail.from(tail.first, 1_000).map((line) => line.seq);
  expect(seqs).toEqual(held);
}

test("it holds the newest lines that follow one another", () => {
  check([], []);
  check(
    [
      [1, 3],
      [4, 6],
    ],
    [1, 2, 3, 4, 5, 6],
  );
  check(
    [
      [1, 4],
      [3, 6],
    ],
    [1, 2, 3, 4, 5, 6],
  );
  check(
    [
      [1, 4],
      [2, 3],
    ],
    [1, 2, 3, 4],
  );
  check(
    [
      [1, 2],
      [5, 6],
    ],
    [5, 6],
  );
  check(
    [
      [5, 8],
      [2, 4],
      [5, 6],
    ],
    [2, 3, 4, 5, 6],
  );
});

test("a hole inside a message begins it anew", () => {
  const tail = new TailBuffer();
  tail.add([...linesOf(1, 2), ...linesOf(4, 5)]);
  expect([tail.first, tail.last]).toEqual([4, 5]);
});

test("only what is held is given, from the middle too", () => {
  const tail = new TailBuffer();
  tail.add(linesOf(10, 20));
  expect(tail.from(9, 5)).toEqual([]);
  expect(tail.from(21, 5)).toEqual([]);
  expect(tail.from(18, 5).map((line) => line.seq)).toEqual([18, 19, 20]);
  expect(tail.from(12, 2).map((line) => line.seq)).toEqual([12, 13]);
});

test("it is bounded by bytes, and keeps the newest", () => {
  const tail = new TailBuffer();
  const text = "x".repeat(50_000);
  for (let seq = 1; seq <= 400; seq += 1) tail.add(linesOf(seq, seq, () => text));
  const held = tail.from(tail.first ?? 0, 1_000);
  expect(tail.last).toBe(400);
  expect(held.length * 50_000).toBeLessThanOrEqual(TAIL_BYTES_MAX);
  expect(held.length * 50_000).toBeGreaterThan(TAIL_BYTES_MAX / 3);
});

test("whatever comes, what is held follows one another and was sent", () => {
  const batch = fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 15 }));
  fc.assert(
    fc.property(fc.array(batch, { maxLength: 30 }), (batches) => {
      const tail = new TailBuffer();
      for (const [from, length] of batches) {
        tail.add(linesOf(from, from + length));
        const held = tail.from(tail.first ?? 0, 1_000);
        expect(held.map((line) => line.seq)).toEqual(held.map((_, index) => (tail.first ?? 0) + index));
        expect(held.every((line) => line.bytes.toString() === `line ${line.seq}`)).toBe(true);
        // The newest line of the message is never thrown away.
        expect(tail.from(from + length, 1)).toHaveLength(1);
      }
    }),
  );
});
