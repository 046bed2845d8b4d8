import * as fc from "fast-check";
import { expect, test } from "vitest";
import { compilePattern } from "./pattern.ts";

const matches = (source: string, text: string): string[] => {
  const pattern = compilePattern("p", source);
  if ("problem" in pattern) throw new Error(pattern.problem);
  const prefix = Buffer.from(pattern.prefix).toString();
  // Everywhere it begins, within itself too.
  const places = [...text.matchAll(new RegExp(`(?=${prefix.replaceAll(/[^\w]/g, "\\$&")})`, "g"))].map(
    ({ index }) => index,
  );
  const longest = new Map<number, number>();
  pattern.findAll(Buffer.from(text), places, (from, to) => longest.set(from, to));
  return [...longest].map(([from, to]) => text.slice(from, to));
};

test("a pattern matches what a regular expression of the same text does, as far as it can", () => {
  expect(matches("acme_[0-9a-f]{4,6}", "x acme_00ff acme_1 acme_1234567")).toEqual([
    "acme_00ff",
    "acme_123456",
  ]);
  expect(matches("key(-[a-z]+)*\\.", "key. key-a-bc. key-1.")).toEqual(["key.", "key-a-bc."]);
  expect(matches("abca[^a]b", "abcabcacb")).toEqual(["abcacb"]);
  expect(matches("abc(x|yy|)z", "abcz abcxz abcyyz abcyz")).toEqual(["abcz", "abcxz", "abcyyz"]);
});

test("matches agree with the regular expressions of JavaScript", () => {
  const atom = fc.constantFrom("a", "b", "[ab]", "[^a]", "\\d", ".", "(a|b1)", "(?:ab)");
  const count = fc.constantFrom("", "", "?", "*", "+", "{2}", "{1,3}", "{2,}");
  const source = fc
    .array(
      fc.tuple(atom, count).map(([a, c]) => a + c),
      { maxLength: 5 },
    )
    .map((p) => `abc${p.join("")}`);
  const text = fc
    .array(fc.constantFrom("a", "b", "c", "1", "abc", "\n"), { maxLength: 30 })
    .map((t) => t.join(""));
  fc.assert(
    fc.property(source, text, (pattern, input) => {
      const mine = matches(pattern, input).length > 0;
      // A match ends with its line.
      expect(mine).toBe(input.split("\n").some((line) => new RegExp(pattern).test(line)));
    }),
    { numRuns: 2000 },
  );
});

test("what cannot be taken is refused in a sentence that says why", () => {
  const problem = (source: string, name = "p") => {
    const pattern = compilePattern(name, source);
    return "problem" in pattern ? pattern.problem : "taken";
  };
  expect(problem("[a-z]+secret")).toContain("at least 3 plain characters");
  expect(problem("abc(a+)+\\1")).toContain("a reference back");
  expect(problem("abc(?=x)")).toContain("a look ahead");
  expect(problem("abc^")).toContain("found anywhere in a line");
  expect(problem("abc(x{1000}){1000}")).toContain("multiply to more than");
  expect(problem("abc(")).toMatch(/./);
  expect(problem("abc[")).toContain('"[" without "]"');
  expect(problem("abc)")).toContain('")" without "("');
  expect(problem("abc{5,2}")).toContain("end lies before");
  expect(problem("abc", "Bad Name")).toContain("no name for a pattern");
  expect(problem("a".repeat(501))).toContain("at most 500");
});

test("a pattern made to take forever takes time linear in the line", () => {
  const pattern = compilePattern("p", "aaa(a*)*(a|aa)+b");
  if ("problem" in pattern) throw new Error(pattern.problem);
  const text = Buffer.alloc(20_000, "a");
  const found: number[] = [];
  pattern.findAll(
    text,
    Array.from({ length: text.length - 3 }, (_, i) => i),
    (from) => found.push(from),
  );
  expect(found).toEqual([]);
});
