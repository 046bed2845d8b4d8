import fc from "fast-check";
import { expect, test } from "vitest";
import { parseAnsi } from "./ansi.ts";

const ESC = "\u001b";

test.each([
  ["plain", [["plain", {}]]],
  [
    `a${ESC}[31mred${ESC}[0m b`,
    [
      ["a", {}],
      ["red", { fg: 1 }],
      [" b", {}],
    ],
  ],
  [
    `${ESC}[1;4;92mx${ESC}[22my`,
    [
      ["x", { bold: true, underline: true, fg: 10 }],
      ["y", { underline: true, fg: 10 }],
    ],
  ],
  [`${ESC}[38;5;208mo`, [["o", { fg: "rgb(255 135 0)" }]]],
  [`${ESC}[38;5;9mo`, [["o", { fg: 9 }]]],
  [`${ESC}[48;5;244mo`, [["o", { bg: "rgb(128 128 128)" }]]],
  [`${ESC}[38;2;1;2;3;1mo`, [["o", { fg: "rgb(1 2 3)", bold: true }]]],
  [`${ESC}[38:2::1:2:3mo`, [["o", { fg: "rgb(1 2 3)" }]]],
  [`${ESC}[38;2;1;2;999mo`, [["o", {}]]],
  [
    `${ESC}[mx${ESC}[7;39my`,
    [
      ["x", {}],
      ["y", { inverse: true }],
    ],
  ],
  [`${ESC}[2Kdone${ESC}[1A`, [["done", {}]]],
  [`${ESC}]8;;https://x.test${ESC}\\link${ESC}]8;;${ESC}\\`, [["link", {}]]],
  [`${ESC}]0;title\u0007text`, [["text", {}]]],
  [`torn ${ESC}[38;5`, [["torn ", {}]]],
  ["tab\tbell\u0007nul\u0000", [["tab\tbell␇nul␀", {}]]],
])("%j", (line, spans) => {
  expect(parseAnsi(line).map(({ text, style }) => [text, style])).toEqual(spans);
});

test("no escape or control character is ever shown, whatever comes", () => {
  const noise = fc.array(
    fc.oneof(fc.string(), fc.constantFrom(ESC, `${ESC}[`, `${ESC}]`, ";", "m", "38;5;", "\u0007", "\u009b")),
  );
  fc.assert(
    fc.property(noise, (parts) => {
      const shown = parseAnsi(parts.join("")).map(({ text }) => text);
      // oxlint-disable-next-line no-control-regex -- that is what is looked for
      expect(shown.join("")).not.toMatch(/[\u0000-\u0008\u000a-\u001f\u007f]/);
    }),
  );
});
