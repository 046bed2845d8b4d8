// Everything both commands need before they can begin. When nothing is missing it takes some
// milliseconds, writes nothing and uses no network.
import path from "node:path";

import { buildPart, isPartCurrent, parts } from "./built-parts.mjs";
import { withLock } from "./lock.mjs";
import { arePackagesCurrent, installPackages, packagesHash } from "./packages.mjs";
import { root, tools } from "./places.mjs";
import { knownProblem, Problem } from "./problem.mjs";

/**
 * Brings packages and what is built from sources up to date.
 * @throws {Problem}
 */
export async function ensureSetUp() {
  if (isSetUp()) return;
  try {
    await withLock(path.join(tools, "lock"), tellWhoseTurn, setUp);
  } catch (error) {
    if (error instanceof Problem || !(error instanceof Error)) throw error;
    const { code = "" } = /** @type {NodeJS.ErrnoException} */ (error);
    const sentence = knownProblem(`${code} ${error.message}`, root);
    throw sentence === undefined ? error : new Problem(sentence, { cause: error });
  }
}

function isSetUp() {
  const packages = packagesHash();
  return arePackagesCurrent(packages) && parts.every((part) => isPartCurrent(part, packages));
}

async function setUp() {
  // Asked again inside the lock: who held it before us has probably done the work.
  const packages = packagesHash();
  if (!arePackagesCurrent(packages)) await installPackages(packages);
  for (const part of parts) if (!isPartCurrent(part, packages)) await buildPart(part, packages);
}

/** @param {number} pid */
function tellWhoseTurn(pid) {
  console.error(`Waiting for the set-up that process ${pid} has begun …`);
}
