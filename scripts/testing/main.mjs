// The whole of `npm test`. With paths it runs those test files alone, for work on one part.
import path from "node:path";

import { ensureSetUp } from "../setup/ensure.mjs";
import { exitWithProblem } from "../setup/problem.mjs";
import { runChecks } from "./checks.mjs";
import { ensureChromium } from "./chromium.mjs";
import { findProgram } from "./find-program.mjs";
import { runVitest } from "./vitest.mjs";

/** On a user's machine a missing program skips the tests that need it; here it fails the run. */
const isCi = process.env.CI === "true";

/**
 * Sets up, tests, and prints `N passed, N failed` as the last line.
 * @param {string[]} paths
 */
export async function main(paths) {
  try {
    await ensureSetUp();
    const everything = paths.length === 0;
    const programs = await findPrograms(everything || paths.some((part) => part.includes("e2e")));
    for (const sentence of programs.missing)
      console.log(isCi ? ` × ${sentence}` : `Skipping what needs it: ${sentence}`);
    const checks = everything ? await runChecks() : { passed: 0, failed: 0 };
    const tests = await runVitest(paths, programs.env);
    const passed = checks.passed + tests.passed;
    const failed = checks.failed + tests.failed + (isCi && everything ? programs.missing.length : 0);
    if (tests.skipped > 0) console.log(`${tests.skipped} skipped`);
    console.log(`${passed} passed, ${failed} failed`);
    process.exitCode = failed === 0 ? 0 : 1;
  } catch (error) {
    exitWithProblem(error);
  }
}

/**
 * Finds the programs that tests use and no package brings.
 * @param {boolean} mayInstall
 */
async function findPrograms(mayInstall) {
  /** @type {string[]} */
  const missing = [];
  const env = { ...process.env };
  const chromium = await ensureChromium(mayInstall);
  if ("found" in chromium) env.FLOWPLANE_CHROMIUM = chromium.found;
  else missing.push(chromium.missing);
  const go = findProgram(["go"], ["/usr/local/go/bin", "/usr/lib/go/bin", "/opt/homebrew/bin"]);
  if (go === undefined)
    missing.push(
      "no Go toolchain, which builds the OpenTelemetry Collector of the peer tests: install it from https://go.dev/dl",
    );
  else env.PATH = `${env.PATH ?? ""}${path.delimiter}${path.dirname(go)}`;
  return { env, missing };
}
