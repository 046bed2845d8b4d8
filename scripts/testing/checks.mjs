// The checks on the code that are not Vitest's: types, lint, format. Each counts as one test.
import { existsSync } from "node:fs";
import path from "node:path";

import { root } from "../setup/places.mjs";
import { Problem } from "../setup/problem.mjs";
import { runQuietly } from "../setup/run-quietly.mjs";

const checks = [
  { title: "types", program: "tsc", args: ["-p", "tsconfig.json"], needs: "tsconfig.json" },
  {
    title: "types of the dashboard",
    program: "tsc",
    args: ["-p", "apps/web"],
    needs: "apps/web/tsconfig.json",
  },
  { title: "lint", program: "oxlint", args: ["--type-aware", "--quiet"], needs: ".oxlintrc.json" },
  { title: "format", program: "oxfmt", args: ["--check"], needs: ".oxfmtrc.json" },
];

/**
 * Runs them one after the other and prints a line for each, with its output when it fails.
 * @returns {Promise<{ passed: number, failed: number }>}
 */
export async function runChecks() {
  const counts = { passed: 0, failed: 0 };
  for (const { title, program, args } of checks.filter(({ needs }) => existsSync(path.join(root, needs)))) {
    try {
      await runQuietly(path.join(root, "node_modules/.bin", program), args, {
        doing: `The check "${title}"`,
      });
      counts.passed += 1;
      console.log(` ✓ ${title}`);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      counts.failed += 1;
      console.log(error.detail);
      console.log(` × ${title}: ${error.message}`);
    }
  }
  return counts;
}
