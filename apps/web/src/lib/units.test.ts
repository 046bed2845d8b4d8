import { expect, test } from "vitest";
import { bytes, counted } from "./units.ts";

test.each([
  [0, "0 B"],
  [812, "812 B"],
  [14_240, "13.9 KiB"],
  [1_048_500, "1 MiB"],
  [64 * 1_048_576, "64 MiB"],
  [1.5 * 1_048_576, "1.5 MiB"],
  [123_456_789, "118 MiB"],
  [2_147_483_648, "2 GiB"],
  [4.2e15, "3820 TiB"],
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
