import { expect, test } from "vitest";
import { parseLabels, printLabels } from "./labels.ts";

test("what is printed is parsed again", () => {
  const labels = { env: "prod", "site/rack": "b=4", empty: "" };
  expect(parseLabels(printLabels(labels))).toEqual({ labels });
});

test.each([
  "no equals sign",
  "a b=c",
  "x=1\nx=2",
  Array.from({ length: 65 }, (_, at) => `k${at}=v`).join("\n"),
])("%j is refused with a sentence", (text) => {
  expect(parseLabels(text)).toHaveProperty("problem");
});
