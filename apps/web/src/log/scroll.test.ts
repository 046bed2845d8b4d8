import { expect, test } from "vitest";
import { HEIGHT_PX_MAX, posAfterScroll, ROW_PX, scrollScale, topOf } from "./scroll.ts";

const VIEW = 600;

test("a short log scrolls pixel by pixel", () => {
  const scale = scrollScale(1_000, VIEW);
  expect(scale).toEqual({ height: 1_000 * ROW_PX + VIEW, scale: 1 });
  expect(posAfterScroll(10, 200, 230, VIEW, scale)).toBe(11.5);
  expect(topOf(11.5, scale)).toBe(230);
});

test("an empty log has no scale to divide by", () => {
  expect(scrollScale(0, VIEW)).toEqual({ height: VIEW, scale: 1 });
});

test("a log of ten million lines keeps every line within reach", () => {
  const scale = scrollScale(10_000_000, VIEW);
  expect(scale.height).toBe(HEIGHT_PX_MAX + VIEW);
  expect(posAfterScroll(5_000, topOf(5_000, scale), topOf(5_000, scale) + 100, VIEW, scale)).toBeCloseTo(
    5_005,
  );
  expect(posAfterScroll(5_000, topOf(5_000, scale), HEIGHT_PX_MAX, VIEW, scale)).toBe(10_000_000);
});
