import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parts } from "../../../scripts/setup/built-parts.mjs";
import { SOURCES } from "./program.ts";

test("a change of any package of ours that the agent uses makes its bundle old", () => {
  const text = readFileSync(join(import.meta.dirname, "..", "package.json"), "utf8");
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> };
  const ours = Object.keys(dependencies).filter((name) => name.startsWith("@flowplane/"));
  const folders = ours.map((name) =>
    join(import.meta.dirname, "..", "..", "..", "packages", name.replace("@flowplane/", "")),
  );
  expect(folders.length).toBeGreaterThan(0);
  expect(SOURCES).toEqual(expect.arrayContaining(folders.map((folder) => join(folder, "src"))));
  const built = parts.find(({ name }) => name === "agent");
  expect(built?.sources).toEqual(expect.arrayContaining(folders));
});
