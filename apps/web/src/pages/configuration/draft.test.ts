import { expect, test } from "vitest";
import { parseDraft, printDraft } from "./draft.ts";

test("a draft comes back as it was kept, whatever stands in it", () => {
  for (const text of ["", "a: 1\n", "7\nb: 2", "\n\n"])
    expect(parseDraft(printDraft({ base: 12, text }))).toEqual({ base: 12, text });
  expect(parseDraft(null)).toBeUndefined();
  expect(parseDraft("a: 1")).toBeUndefined();
});
