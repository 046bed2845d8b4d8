// The browser of the end-to-end tests: the machine's own Chromium, or on Debian one from its packages.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { Problem } from "../setup/problem.mjs";
import { showProgress } from "../setup/progress.mjs";
import { runQuietly } from "../setup/run-quietly.mjs";
import { toolEnvironment } from "../setup/tool-environment.mjs";
import { findProgram, isExecutable } from "./find-program.mjs";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const folders = ["/usr/bin", "/usr/local/bin", "/usr/lib/chromium", "/opt/google/chrome", "/snap/bin"];
const macApplications = [
  "Google Chrome.app/Contents/MacOS/Google Chrome",
  "Chromium.app/Contents/MacOS/Chromium",
];

/**
 * Finds Chromium, installing it where that needs nobody's password.
 * @param {boolean} mayInstall
 * @returns {Promise<{ found: string } | { missing: string }>} its path, or a sentence saying how to get it
 */
export async function ensureChromium(mayInstall) {
  const found = findChromium();
  if (found !== undefined) return { found };
  if (!mayInstall || !isDebianRoot())
    return {
      missing:
        "no Chromium: install it (Debian: apt-get install chromium) or set FLOWPLANE_CHROMIUM to its path",
    };
  try {
    await aptInstallChromium();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { missing: `no Chromium, and apt-get can't install it: ${error.message}` };
  }
  const installed = findChromium();
  return installed === undefined
    ? { missing: "no Chromium, although apt-get has installed it" }
    : { found: installed };
}

function findChromium() {
  const chosen = process.env.FLOWPLANE_CHROMIUM;
  if (chosen !== undefined && chosen !== "") return chosen;
  const inApplications = macApplications.map((name) => path.join("/Applications", name));
  return findProgram(names, folders) ?? [...inApplications, ...playwrightBrowsers()].find(isExecutable);
}

/** What another project's `playwright install` has left in the user's cache. */
function playwrightBrowsers() {
  const caches = [
    path.join(os.homedir(), ".cache/ms-playwright"),
    path.join(os.homedir(), "Library/Caches/ms-playwright"),
  ];
  return caches
    .filter((cache) => existsSync(cache))
    .flatMap((cache) =>
      readdirSync(cache)
        .filter((name) => name.startsWith("chromium-"))
        .map((name) => path.join(cache, name)),
    )
    .flatMap((browser) => [
      path.join(browser, "chrome-linux/chrome"),
      path.join(browser, "chrome-linux64/chrome"),
      path.join(browser, "chrome-mac/Chromium.app/Contents/MacOS/Chromium"),
    ]);
}

/** Ubuntu's package of that name only points to a snap, which can't be installed in a container. */
function isDebianRoot() {
  if (process.getuid?.() !== 0 || !existsSync("/etc/os-release")) return false;
  return (
    /^ID=debian$/m.test(readFileSync("/etc/os-release", "utf8")) &&
    findProgram(["apt-get"], ["/usr/bin"]) !== undefined
  );
}

async function aptInstallChromium() {
  const progress = showProgress("Installing Chromium for the browser tests");
  const options = {
    doing: "Installing Chromium",
    writes: "/var/lib/apt",
    env: { ...toolEnvironment(), DEBIAN_FRONTEND: "noninteractive" },
  };
  try {
    await runQuietly("apt-get", ["update", "-q"], options);
    await runQuietly("apt-get", ["install", "-q", "-y", "--no-install-recommends", "chromium"], options);
  } finally {
    progress.done();
  }
}
