// The packages of the workspace, Node 26 among them, exactly as the lockfile says.
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { pnpmVersion, productNode, root, tools } from "./places.mjs";
import { ensurePnpm } from "./pnpm.mjs";
import { Problem } from "./problem.mjs";
import { showProgress } from "./progress.mjs";
import { runQuietly, toolEnvironment } from "./run-quietly.mjs";
import { hashOf, readStamp, removeStamp, writeStamp } from "./stamp.mjs";

/** Inside node_modules, so that who deletes that folder gets a new one. */
const stampFile = path.join(root, "node_modules/.flowplane-installed");

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
        // CI: pnpm asks no questions when it has to replace a node_modules that another tool made.
        env: { ...toolEnvironment(), ...cacheVariables(), CI: "true" },
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

/** pnpm's store and npm's cache stay out of a home folder that can't be written to. */
function storeOptions() {
  return isHomeWritable() ? [] : [`--store-dir=${path.join(tools, "store")}`];
}

function cacheVariables() {
  if (isHomeWritable()) return {};
  return {
    npm_config_cache: path.join(tools, "npm-cache"),
    XDG_CACHE_HOME: path.join(tools, "cache"),
    XDG_STATE_HOME: path.join(tools, "state"),
  };
}

function isHomeWritable() {
  try {
    accessSync(os.homedir(), constants.W_OK | constants.X_OK);
    return true;
  } catch {
    // Missing, somebody else's or read-only: all the same to us.
    return false;
  }
}
