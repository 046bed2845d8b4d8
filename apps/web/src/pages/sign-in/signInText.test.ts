import { expect, test } from "vitest";
import { backTo } from "./signInText.ts";

test.each([
  [undefined, "/"],
  ["/agents?q=x", "/agents?q=x"],
  ["//evil.test/x", "/"],
  ["/\\evil.test", "/"],
  ["https://evil.test", "/"],
  ["javascript:alert(1)", "/"],
])("after signing in, %s leads to %s", (to, expected) => {
  expect(backTo(to)).toBe(expected);
});
