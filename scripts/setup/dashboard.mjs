// The dashboard: static files, built by Vite when its sources have changed.
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";

import { productNode, root, tools } from "./places.mjs";
import { showProgress } from "./progress.mjs";
import { runQuietly } from "./run-quietly.mjs";
import { filesBelow, hashOf, readStamp, removeStamp, writeStamp } from "./stamp.mjs";

const web = path.join(root, "apps/web");
const built = path.join(web, "dist");
const stampFile = path.join(tools, "dashboard.stamp");

/**
 * Hash of the sources, the contract they import, and the packages.
 * @param {string} packages what {@link packagesHash} gave
 */
export function dashboardHash(packages) {
  return hashOf(
    [packages],
    [...filesBelow(web), ...filesBelow(path.join(root, "packages/contract"))].filter(
      (file) => !/\.test\.tsx?$/.test(file),
    ),
  );
}

/** @param {string} hash */
export function isDashboardCurrent(hash) {
  if (!existsSync(path.join(web, "vite.config.ts"))) return true;
  return readStamp(stampFile) === hash && existsSync(path.join(built, "index.html"));
}

/**
 * Builds the dashboard beside the one in use and then puts it in its place, so that a server that
 * runs, or a build that is interrupted, never has half of it.
 * @param {string} hash
 */
export async function buildDashboard(hash) {
  const progress = showProgress("Building the dashboard");
  mkdirSync(tools, { recursive: true });
  for (const name of readdirSync(tools)) {
    if (name.startsWith("dashboard-")) rmSync(path.join(tools, name), { recursive: true, force: true });
  }
  const draft = path.join(tools, `dashboard-${process.pid}`);
  const old = path.join(tools, `dashboard-old-${process.pid}`);
  removeStamp(stampFile);
  try {
    const vite = path.join(web, "node_modules/vite/bin/vite.js");
    await runQuietly(productNode, [vite, "build", "--outDir", draft, "--emptyOutDir", "--logLevel", "warn"], {
      doing: "Building the dashboard",
      cwd: web,
      writes: tools,
    });
    if (existsSync(built)) renameSync(built, old);
    renameSync(draft, built);
    writeStamp(stampFile, hash);
  } finally {
    rmSync(draft, { recursive: true, force: true });
    rmSync(old, { recursive: true, force: true });
    progress.done();
  }
}
