// Runs Vitest and counts what it found.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { runInForeground } from "../setup/foreground.mjs";
import { productNode, root } from "../setup/places.mjs";

/**
 * Runs the test files whose path contains one of `paths`; all when there is none.
 * @param {string[]} paths
 * @param {NodeJS.ProcessEnv} env
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runVitest(paths, env) {
  const folder = mkdtempSync(path.join(os.tmpdir(), "flowplane-test-"));
  const report = path.join(folder, "report.json");
  let exitCode = 0;
  try {
    const vitest = path.join(root, "node_modules/vitest/vitest.mjs");
    exitCode = await runInForeground(
      productNode,
      [
        vitest,
        "run",
        "--root",
        root,
        "--reporter=default",
        "--reporter=json",
        `--outputFile.json=${report}`,
        ...paths,
      ],
      env,
    );
    const counts = countResults(JSON.parse(readFileSync(report, "utf8")));
    // An error outside every test, such as an unhandled rejection, fails the run all the same.
    if (exitCode !== 0 && counts.failed === 0) counts.failed = 1;
    return counts;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== "ENOENT") throw error;
    // Before its first test Vitest prints why; one that was ended by a signal says nothing.
    console.error(`Vitest ended with exit code ${exitCode} and left no report.`);
    return { passed: 0, failed: 1, skipped: 0 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {{ testResults: { status: string, assertionResults: { status: string }[] }[] }} report
 */
function countResults(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const file of report.testResults) {
    const failedBefore = counts.failed;
    for (const { status } of file.assertionResults) {
      if (status === "passed") counts.passed += 1;
      else if (status === "failed") counts.failed += 1;
      else counts.skipped += 1;
    }
    // A file that can't even be loaded has no test that could fail.
    if (file.status === "failed" && counts.failed === failedBefore) counts.failed += 1;
  }
  return counts;
}
