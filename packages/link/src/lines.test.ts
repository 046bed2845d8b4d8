import * as fc from "fast-check";
import { expect, test } from "vitest";
import { LINE_BYTES_MAX, SEGMENT_BYTES_MAX } from "./limits.ts";
import { decodeLines, encodeLines, frameLines, joinLines } from "./lines.ts";
import type { LogLine } from "./lines.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const plain = (line: LogLine) => ({ ...line, bytes: [...line.bytes] });

function checkFrame(output: string, expected: [string, boolean][]) {
  const lines = frameLines(bytes(output), "stdout", 5, 1);
  expect(lines.map((line) => [new TextDecoder().decode(line.bytes), line.partial])).toEqual(expected);
}

test("output is cut after each newline; what has none is partial", () => {
  checkFrame("", []);
  checkFrame("a\n", [["a", false]]);
  checkFrame("a\nb", [
    ["a", false],
    ["b", true],
  ]);
  checkFrame("\n\n", [
    ["", false],
    ["", false],
  ]);
  checkFrame("a\r\nb\n", [
    ["a\r", false],
    ["b", false],
  ]);
});

test("a giant line is cut at the limit, and a line of exactly the limit is whole", () => {
  const sizes = (length: number) =>
    frameLines(bytes("x".repeat(length) + "\n"), "stdout", 0, 1).map((line) => line.bytes.length);
  expect(sizes(LINE_BYTES_MAX)).toEqual([LINE_BYTES_MAX]);
  expect(sizes(LINE_BYTES_MAX + 1)).toEqual([LINE_BYTES_MAX, 1]);
  expect(sizes(3 * LINE_BYTES_MAX)).toEqual([LINE_BYTES_MAX, LINE_BYTES_MAX, LINE_BYTES_MAX]);
});

test("any bytes, cut anywhere, framed and joined are the same bytes, numbered without gaps", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }).map(withNewlines)), (chunks) => {
      const lines: LogLine[] = [];
      for (const chunk of chunks) lines.push(...frameLines(chunk, "stdout", 0, lines.length + 1));
      expect(lines.map((line) => line.seq)).toEqual(lines.map((_, i) => i + 1));
      expect([...joinLines(lines)]).toEqual(chunks.flatMap((chunk) => [...chunk]));
    }),
  );
});

const lineArbitrary = fc.record({
  gap: fc.oneof(fc.constant(0), fc.nat(2 ** 33)),
  atMs: fc.integer({ min: 0, max: 2 ** 45 }),
  stream: fc.constantFrom("stdout" as const, "stderr" as const),
  bytes: fc.uint8Array({ maxLength: 200 }),
  partial: fc.boolean(),
});

test("encoding and decoding lines gives them back", () => {
  fc.assert(
    fc.property(fc.array(lineArbitrary, { maxLength: 20 }), (drafts) => {
      let seq = 0;
      const lines = drafts.map(({ gap, ...draft }) => ({ ...draft, seq: (seq += gap + 1) }));
      const decoded = decodeLines(encodeLines(lines));
      expect(decoded.ok && decoded.value.map(plain)).toEqual(lines.map(plain));
    }),
  );
});

test("lines out of order are the caller's bug", () => {
  const line: LogLine = { seq: 2, atMs: 0, stream: "stdout", bytes: bytes("x"), partial: false };
  expect(() => encodeLines([line, line])).toThrow(RangeError);
});

test("decoding never throws, whatever the bytes", () => {
  const header = encodeLines([]).subarray(0, 4);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (garbage, withHeader) => {
      const decoded = decodeLines(withHeader ? Buffer.concat([header, garbage]) : garbage);
      if (decoded.ok) expect(withHeader).toBe(true);
      else expect(decoded.issue).toMatch(/./);
    }),
    { numRuns: 2000 },
  );
});

test("every cut of a good encoding is either a prefix of its lines or an issue", () => {
  const lines = frameLines(bytes("alpha\nbeta\n\ngamma"), "stderr", 1_700_000_000_000, 7);
  const encoded = encodeLines(lines);
  for (let end = 0; end < encoded.length; end += 1) {
    const decoded = decodeLines(encoded.subarray(0, end));
    if (decoded.ok) expect(decoded.value.map(plain)).toEqual(lines.slice(0, decoded.value.length).map(plain));
  }
});

test("too long, too large and out of range are named", () => {
  const encode = (...body: number[]) => Uint8Array.from([0x46, 0x50, 0x4c, 1, ...body]);
  const issue = (encoded: Uint8Array) => {
    const decoded = decodeLines(encoded);
    return decoded.ok ? "ok" : decoded.issue;
  };
  expect(issue(new Uint8Array(SEGMENT_BYTES_MAX + 1))).toContain("at most");
  expect(issue(encode(1, 0, 9))).toContain("unknown flags");
  expect(issue(encode(1, 0, 0, 0, 0x81, 0x80, 0x04))).toContain("a line of 65537 bytes");
  expect(issue(encode(1, 0, 0, 0, 5, 1))).toContain("past the end");
  expect(issue(encode(1, 0, 0, 1, 0))).toContain("out of range");
  expect(issue(encode(0, 0, 0, 0, 0))).toContain("out of range");
  expect(issue(encode(...Array<number>(9).fill(0xff)))).toContain("broken header");
});

/** Makes newlines common enough for the framing to have something to do. */
function withNewlines(input: Uint8Array): Uint8Array {
  return input.map((byte) => (byte % 5 === 0 ? 10 : byte));
}
