import { expect, test } from "vitest";
import { parseUnsent } from "./unsent.ts";

test("what was kept comes back, and what is none of ours does not", () => {
  const unsent = {
    revision: 3,
    draft: { base: 7, body: "a: [", overlays: [{ name: "berlin", selector: "", body: "\n" }] },
  };
  expect(parseUnsent(JSON.stringify(unsent))).toEqual(unsent);
  const { revision, draft } = unsent;
  for (const other of [
    null,
    "",
    "7\na: 1\n",
    "null",
    "[]",
    JSON.stringify({ revision }),
    JSON.stringify({ draft }),
    JSON.stringify({ revision, draft: { ...draft, body: 1 } }),
    JSON.stringify({ revision, draft: { ...draft, overlays: [{ name: "berlin" }] } }),
  ])
    expect(parseUnsent(other), String(other)).toBeUndefined();
});
