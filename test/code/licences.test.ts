import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./source-tree.ts";

/** Licences under which a package may go out with ours (Apache-2.0) when its notice is kept. */
const ALLOWED = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "OFL-1.1",
  "Unlicense",
]);

/** Build and test tools of another licence: used, never shipped. */
const TOOLS = /^(@axe-core\/playwright|axe-core|lightningcss(-.+)?)$/;

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

test("every package we install may be used and passed on", () => {
  const installed = installedPackages();
  expect(installed.length).toBeGreaterThan(200);
  const offenders = installed
    .filter(({ name, license }) => !isAllowed(license ?? "none") && !TOOLS.test(name))
    .map(({ name, version, license }) => `${name}@${version}: ${license ?? "none"}`);
  expect(offenders).toEqual([]);
});

test.each([
  ["MIT", true],
  ["(MIT OR GPL-3.0)", true],
  ["(Apache-2.0 AND BSD-3-Clause)", true],
  ["(MIT AND GPL-3.0)", false],
  ["GPL-3.0", false],
  ["none", false],
])("%s: %s", (licence, allowed) => {
  expect(isAllowed(licence)).toBe(allowed);
});

/** An SPDX expression of one level: every part of an AND, one part of an OR. */
function isAllowed(licence: string): boolean {
  const parts = licence.replaceAll(/[()]/g, "");
  if (parts.includes(" OR ")) return parts.split(" OR ").some((part) => ALLOWED.has(part.trim()));
  return parts.split(" AND ").every((part) => ALLOWED.has(part.trim()));
}

function installedPackages(): Manifest[] {
  const store = join(ROOT, "node_modules", ".pnpm");
  return readdirSync(store)
    .map((entry) => join(store, entry, "node_modules"))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => namesIn(folder).map((name) => join(folder, name, "package.json")))
    .filter((file) => existsSync(file))
    .map((file) => JSON.parse(readFileSync(file, "utf8")) as Manifest);
}

function namesIn(folder: string): string[] {
  return readdirSync(folder).flatMap((name) =>
    name.startsWith("@") ? readdirSync(join(folder, name)).map((rest) => `${name}/${rest}`) : [name],
  );
}
