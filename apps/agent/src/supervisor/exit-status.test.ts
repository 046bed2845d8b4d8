import { expect, test } from "vitest";
import { parseExitFile } from "./exit-status.ts";

function check(text: string, sent: string[], expected: ReturnType<typeof parseExitFile>) {
  expect(parseExitFile(text, new Set(sent))).toEqual(expected);
}

test("a report of the shell proves a signal; silence proves an exit", () => {
  check("0 0\n", [], { code: 0, signal: null });
  check("137 0\n", [], { code: 137, signal: null });
  check("137 0\n", ["SIGKILL"], { code: 137, signal: null });
  check("137 1\n", [], { code: 137, signal: "SIGKILL" });
  check("255 1\n", [], { code: 255, signal: null });
});

test("signals that shells pass over are named only when we sent them", () => {
  check("130 0\n", [], { code: 130, signal: null });
  check("130 0\n", ["SIGINT"], { code: 130, signal: "SIGINT" });
});

test("what is no exit file is none", () => {
  for (const text of ["", "0", "0 0", "256 0\n", "-1 0\n", "x 0\n", "1 2\n", "1 0\n1 0\n"])
    check(text, [], null);
});
