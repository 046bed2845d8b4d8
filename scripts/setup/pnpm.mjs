// pnpm, fetched once by npm into .tools in the version that the set-up pins.
import { chmodSync, existsSync, mkdtempSync, readdirSync, renameSync, rmSync, mkdirSync } from "node:fs";
import path from "node:path";

import { pnpmVersion, tools } from "./places.mjs";
import { showProgress } from "./progress.mjs";
import { runQuietly } from "./run-quietly.mjs";

/** pnpm's entry for Node: unlike its other commands it works although install scripts were not run. */
const pnpmEntry = "node_modules/pnpm/bin/pnpm.mjs";

/** Without a network npm would try for over a minute. */
const impatient = ["--fetch-retries=2", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=3000"];

/**
 * Makes sure the pinned pnpm is there.
 * @returns {Promise<string>} the script to run with Node
 */
export async function ensurePnpm() {
  const home = path.join(tools, `pnpm-${pnpmVersion}`);
  const entry = path.join(home, pnpmEntry);
  if (existsSync(entry)) return entry;
  const progress = showProgress(`Fetching pnpm ${pnpmVersion}`);
  mkdirSync(tools, { recursive: true });
  removeLeftovers();
  // Renamed when complete: what stands under the final name always works.
  const draft = mkdtempSync(path.join(tools, "draft-"));
  // Whoever may read the repository may use it.
  chmodSync(draft, 0o755);
  try {
    const { program, args } = npmCommand();
    const install = [
      "install",
      "--prefix",
      draft,
      "--no-save",
      "--no-package-lock",
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
    ];
    await runQuietly(
      program,
      [...args, ...install, "--loglevel=error", ...impatient, `pnpm@${pnpmVersion}`],
      {
        doing: "Fetching pnpm with npm",
        cwd: draft,
        writes: tools,
      },
    );
    // npm takes a failed optional package, such as pnpm's executable, for a success.
    await runQuietly(process.execPath, [path.join(draft, pnpmEntry), "--version"], {
      doing: "Running the fetched pnpm",
      cwd: draft,
      writes: tools,
    });
    renameSync(draft, home);
  } finally {
    rmSync(draft, { recursive: true, force: true });
    progress.done();
  }
  return entry;
}

/** The npm that started us where it did, else the one on PATH. */
function npmCommand() {
  const npmScript = process.env.npm_execpath;
  if (npmScript !== undefined && path.basename(npmScript) === "npm-cli.js")
    return { program: process.execPath, args: [npmScript] };
  return { program: "npm", args: [] };
}

/** Drafts of starts that were killed, and pnpm versions no longer pinned. */
function removeLeftovers() {
  for (const name of readdirSync(tools)) {
    if (/^(draft|pnpm)-/.test(name)) rmSync(path.join(tools, name), { recursive: true, force: true });
  }
}
