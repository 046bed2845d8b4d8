import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

/** Where a Chromium may be; the first that exists is used. `CHROMIUM` overrules. */
const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"];

/** Path of a browser for the tests, or undefined when this machine has none. */
export function findBrowser(): string | undefined {
  return [process.env.CHROMIUM, ...PLACES].find(
    (path) => path !== undefined && path !== "" && existsSync(path),
  );
}

/** A headless browser; throws a sentence that says what to install when there is none. */
export function launchBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined)
    throw new Error("No Chromium found. Install it (apt-get install chromium) or set CHROMIUM to its path.");
  return chromium.launch({ executablePath, args: ARGS });
}
