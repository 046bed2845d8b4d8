import fc from "fast-check";
import { expect, test } from "vitest";
import { joinCommand, splitCommand } from "./argv.ts";

test.each([
  ["", []],
  ["  sleep   3 ", ["sleep", "3"]],
  [`sh -c 'echo "a b"; exit 3'`, ["sh", "-c", `echo "a b"; exit 3`]],
  [`a "b \\" \\\\ \\n" c`, ["a", `b " \\ \\n`, "c"]],
  [`a\\ b ''`, ["a b", ""]],
  [`x'y'"z"`, ["xyz"]],
])("%s", (text, words) => {
  expect(splitCommand(text)).toEqual(words);
});

test.each([`echo 'a`, `echo "a`, "echo \\"])("%s is refused with a sentence", (text) => {
  expect(splitCommand(text)).toHaveProperty("problem");
});

test("joining and splitting gives the same arguments", () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (words) => {
      expect(splitCommand(joinCommand(words))).toEqual(words);
    }),
  );
});
