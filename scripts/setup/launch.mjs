// Hands over to the `flowplane` command and stands between it and whoever started us.
import path from "node:path";

import { ensureSetUp } from "./ensure.mjs";
import { productNode, root } from "./places.mjs";
import { exitWithProblem } from "./problem.mjs";
import { runInForeground } from "./foreground.mjs";

/**
 * Sets up and runs the command; ends the process with the command's exit code.
 * @param {string[]} args
 */
export async function main(args) {
  try {
    await ensureSetUp();
    process.exitCode = await runInForeground(productNode, [
      path.join(root, "apps/cli/bin/flowplane.mjs"),
      ...args,
    ]);
  } catch (error) {
    exitWithProblem(error);
  }
}
