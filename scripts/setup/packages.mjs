// The packages of the workspace, Node 26 among them, exactly as the lockfile says.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import path from "node:path";

import { pnpmVersion, productNode, root } from "./places.mjs";
import { ensurePnpm } from "./pnpm.mjs";
import { Problem } from "./problem.mjs";
import { showProgress } from "./progress.mjs";
import { runQuietly } from "./run-quietly.mjs";
import { storeOptions, toolEnvironment } from "./tool-environment.mjs";
import { hashOf, readStamp, removeStamp, writeStamp } from "./stamp.mjs";

/** Inside node_modules, so that who deletes that folder gets a new one. */
const stampFile = path.join(root, "node_modules/.flowplane-installed");

const pnpmVariables = {
  // No questions when it has to replace a node_modules that another tool made.
  CI: "true",
  pnpm_config_fetch_retries: "3",
  pnpm_config_fetch_retry_mintimeout: "500",
  pnpm_config_fetch_retry_maxtimeout: "4000",
};

/** Hash of everything that decides what `pnpm install` does. */
export function packagesHash() {
  const files = ["pnpm-lock.yaml", "pnpm-workspace.yaml"].map((name) => path.join(root, name));
  return hashOf([pnpmVersion, process.platform, process.arch], [...files, ...manifests()]);
}

/** @param {string} hash */
export function arePackagesCurrent(hash) {
  return readStamp(stampFile) === hash && existsSync(productNode);
}

/**
 * Installs the packages.
 * @param {string} hash
 */
export async function installPackages(hash) {
  const pnpm = await ensurePnpm();
  const progress = showProgress("Installing packages");
  // Gone before the first change and back after the last: an interrupted install is seen as one.
  removeStamp(stampFile);
  try {
    await runQuietly(
      process.execPath,
      [pnpm, "install", "--frozen-lockfile", "--reporter=append-only", ...storeOptions()],
      {
        doing: "Installing the packages with pnpm",
        env: { ...toolEnvironment(), ...pnpmVariables },
        // pnpm goes on for minutes with the other packages when one has used up its tries.
        giveUpAt: /\b0 retries left/,
        onOutput: (text) => {
          const counts = [...text.matchAll(/resolved (\d+).*?added (\d+)/g)].at(-1);
          if (counts !== undefined) progress.detail(`${counts[2]} of ${counts[1]}`);
        },
      },
    );
    checkProductNode();
    writeStamp(stampFile, hash);
  } finally {
    progress.done();
  }
}

/** A Node that was built for newer system libraries installs well and then does not start. */
function checkProductNode() {
  try {
    execFileSync(productNode, ["--version"], { stdio: "pipe", env: toolEnvironment() });
  } catch (error) {
    const { stderr = "", message } = /** @type {Error & { stderr?: Buffer | string }} */ (error);
    throw new Problem(
      "The installed Node does not run on this system: install the library named above with the system's package manager and start again.",
      {
        detail: String(stderr).trim() || message,
        cause: error,
      },
    );
  }
}

/** The package.json of the root and of every workspace package, which are at most two folders deep. */
function manifests() {
  const first = foldersIn(root);
  return [root, ...first, ...first.flatMap(foldersIn)]
    .map((folder) => path.join(folder, "package.json"))
    .filter((file) => existsSync(file));
}

/** @param {string} folder */
function foldersIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith(".") && entry.name !== "node_modules")
    .map((entry) => path.join(folder, entry.name));
}
