import { expect, test } from "vitest";
import { bytes, counted } from "./units.ts";

test.each([
  [0, "0 B"],
  [812, "812 B"],
  [14_240, "14.2 KB"],
  [999_900, "1.0 MB"],
  [123_456_789, "123 MB"],
  [3_000_000_000, "3.0 GB"],
  [4.2e15, "4200 TB"],
])("%d bytes read %s", (count, text) => {
  expect(bytes(count)).toBe(text);
});

test("a count agrees with its noun", () => {
  expect([counted(1, "agent"), counted(0, "agent"), counted(2, "policy")]).toEqual([
    "1 agent",
    "0 agents",
    "2 policies",
  ]);
});
