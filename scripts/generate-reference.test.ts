import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { generateReference, REFERENCE_FILE } from "./generate-reference.ts";

test("docs/reference/cli.md is what the command says (node scripts/generate-reference.ts)", () => {
  expect(readFileSync(REFERENCE_FILE, "utf8")).toBe(generateReference());
});
