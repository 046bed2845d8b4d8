import { expect, test } from "vitest";
import { withoutEscapes } from "./escapes.ts";

test.each([
  ["\u001b[1;31mER\u001b[0mROR", "ERROR"],
  ["\u001b]8;;https://example.org\u001b\\link\u001b]8;;\u0007 end", "link end"],
  ["\u001b]0;title\u0007text", "text"],
  ["\u001b(Bplain\u001b7", "plain"],
  ["torn \u001b[3", "torn "],
  ["torn \u001b", "torn "],
  ["[31m is text", "[31m is text"],
])("%j reads as %j", (text, shown) => expect(withoutEscapes(text)).toBe(shown));

test("many openings of strings that never end take no time to speak of", () => {
  const started = performance.now();
  expect(withoutEscapes("\u001b]x".repeat(20_000))).toBe("x".repeat(19_999));
  expect(performance.now() - started).toBeLessThan(2_000);
});
