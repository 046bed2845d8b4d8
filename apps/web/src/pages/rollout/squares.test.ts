import { expect, test } from "vitest";
import { layoutWaves, PITCH_MAX, PITCH_MIN, placesByLetter, squareAt } from "./squares.ts";

const ROOM = { width: 1_100, height: 160, gap: 16 };

test("few agents get large squares, and waves fill the width", () => {
  const { pitch, waves } = layoutWaves([1, 5, 14, 20], ROOM);
  expect(pitch).toBe(PITCH_MAX);
  expect(waves.reduce((sum, { width }) => sum + width, 0)).toBeGreaterThan(1_100 - 3 * 16 - 4);
  expect(waves[0]?.width).toBeLessThan(waves[3]?.width ?? 0);
});

test("25,000 agents have room for each of their squares", () => {
  const sizes = [1, 2_500, 10_000, 12_499];
  const { pitch, waves } = layoutWaves(sizes, ROOM);
  expect(pitch).toBeGreaterThanOrEqual(PITCH_MIN);
  for (const [index, { columns, rows, width }] of waves.entries()) {
    expect(columns * rows).toBeGreaterThanOrEqual(sizes[index] ?? 0);
    expect(columns * pitch).toBeLessThanOrEqual(width);
  }
});

test("waves share a narrow screen, and an empty wave has its place", () => {
  const { waves } = layoutWaves([1, 0, 300], { width: 300, height: 100, gap: 8 });
  expect(waves.every(({ width }) => width > 0)).toBe(true);
  expect(waves.reduce((sum, { width }) => sum + width, 0)).toBeLessThanOrEqual(300 - 16);
});

test("a point is in one square or beside them", () => {
  const grid = { pitch: 10, columns: 3, count: 5 };
  expect(squareAt(0, 0, grid)).toBe(0);
  expect(squareAt(25, 5, grid)).toBe(2);
  expect(squareAt(15, 15, grid)).toBe(4);
  expect(squareAt(25, 15, grid)).toBeUndefined();
  expect(squareAt(31, 0, grid)).toBeUndefined();
  expect(squareAt(5, -1, grid)).toBeUndefined();
});

test("places of each letter", () => {
  expect([...placesByLetter("ppwfp")]).toEqual([
    ["p", [0, 1, 4]],
    ["w", [2]],
    ["f", [3]],
  ]);
});
