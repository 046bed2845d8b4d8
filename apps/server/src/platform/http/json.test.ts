import fc from "fast-check";
import { expect, test } from "vitest";
import { AppError } from "../errors.ts";
import { JSON_DEPTH_MAX, parseStrictJson } from "./json.ts";

test("reads what JSON.parse reads", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const text = JSON.stringify(value);
      if (/\\u0000|\\ud[89a-f]|__proto__/i.test(text)) return;
      expect(parseStrictJson(Buffer.from(text))).toEqual(JSON.parse(text));
      expect(parseStrictJson(Buffer.from(JSON.stringify(value, null, 2)))).toEqual(JSON.parse(text));
    }),
  );
});

test("nothing is undefined", () => expect(parseStrictJson(Buffer.alloc(0))).toBeUndefined());

test("takes the same name in different objects, and a value that looks like a name", () => {
  expect(parseStrictJson(Buffer.from('{"a":{"a":["a","a",{"a":1}]},"b":"a"}'))).toEqual({
    a: { a: ["a", "a", { a: 1 }] },
    b: "a",
  });
});

test.each([
  ["a name twice", '{"a":1,"b":2,"a":3}', 'The body has the field "a" twice.'],
  ["a name twice, once escaped", '{"ab":1,"\\u0061b":3}', 'The body has the field "ab" twice.'],
  ["a name twice, deep inside", '[{"x":{"y" :1, "y"\n:2}}]', 'The body has the field "y" twice.'],
  ["__proto__", '{"__proto__":{}}', "The body has a field named __proto__, which is not taken."],
  [
    "__proto__, escaped",
    '{"\\u005f_proto__":{}}',
    "The body has a field named __proto__, which is not taken.",
  ],
  ["NUL", '{"a":"\\u0000"}', "The body holds a NUL character, which no field takes."],
  ["half a pair", '["\\ud800"]', "The body holds half a surrogate pair, which is no character."],
  ["deep arrays", "[".repeat(JSON_DEPTH_MAX + 1), `The body is nested deeper than ${JSON_DEPTH_MAX} levels.`],
  ["a million brackets", "[".repeat(1_000_000), `The body is nested deeper than ${JSON_DEPTH_MAX} levels.`],
])("refuses %s", (_, text, message) => check(Buffer.from(text), message));

test.each(["{", '{"a"', '{"a":}', "[1,]", "nul", '"open', '"\\x"', "{}}", "\u{feff}x"])(
  "refuses %j",
  (text) => check(Buffer.from(text), /^The body is not JSON: /),
);

test("refuses invalid UTF-8", () =>
  check(Buffer.from([0x22, 0xc3, 0x28, 0x22]), "The body is not valid UTF-8."));

function check(body: Uint8Array, message: string | RegExp): void {
  const failure = failureOf(() => parseStrictJson(body));
  expect(failure).toBeInstanceOf(AppError);
  expect(failure.code).toBe("invalid_input");
  expect(failure.message).toMatch(message);
}

function failureOf(call: () => unknown): AppError {
  try {
    call();
  } catch (error) {
    return error as AppError;
  }
  throw new Error("nothing was thrown");
}
