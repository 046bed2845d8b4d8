import { expect, test } from "vitest";
import { isMatched, rangeOf } from "./ranges.ts";

const ETAG = '"abc"';
const whole = { kind: "whole" };
const none = { kind: "unsatisfiable" };
const part = (start: number, end: number) => ({ kind: "part", start, end });

test.each([
  [undefined, whole],
  ["bytes=0-", part(0, 99)],
  ["bytes=0-0", part(0, 0)],
  ["bytes=10-19", part(10, 19)],
  ["bytes = 10 - 19", part(10, 19)],
  ["bytes=90-1000", part(90, 99)],
  ["bytes=-10", part(90, 99)],
  ["bytes=-1000", part(0, 99)],
  ["bytes=99-", part(99, 99)],
  ["bytes=100-", none],
  ["bytes=100-200", none],
  ["bytes=-0", none],
  // Malformed, of another unit, or several: ignored.
  ["bytes=-", whole],
  ["bytes=20-10", whole],
  ["bytes=0-1,5-6", whole],
  ["items=0-1", whole],
  ["bytes=a-b", whole],
])("of 100 bytes %j is %j", (range, expected) => {
  expect(rangeOf({ range }, 100, ETAG)).toEqual(expected);
});

test("an If-Range of another file asks for the whole of this one", () => {
  expect(rangeOf({ range: "bytes=1-2", "if-range": ETAG }, 100, ETAG)).toEqual(part(1, 2));
  expect(rangeOf({ range: "bytes=1-2", "if-range": '"other"' }, 100, ETAG)).toEqual(whole);
  // A range needs a strong validator.
  expect(rangeOf({ range: "bytes=1-2", "if-range": `W/${ETAG}` }, 100, ETAG)).toEqual(whole);
});

test.each([
  [undefined, false],
  ["*", true],
  [ETAG, true],
  [`W/${ETAG}`, true],
  [`"x", ${ETAG}`, true],
  ['"x"', false],
])("an If-None-Match of %j matches: %j", (header, expected) =>
  expect(isMatched(header, ETAG)).toBe(expected),
);
