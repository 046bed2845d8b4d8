import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder, 0700, and what is missing above it; does nothing when it is there. Node's own recursive `mkdir` never
 * returns on file systems that answer "no such file" to making a folder in one that exists, as /proc does. Throws the
 * system's error, with the path it is about.
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let each = path; statSync(each, { throwIfNoEntry: false }) === undefined; each = dirname(each))
    missing.push(each);
  for (const each of missing.toReversed()) mkdirUnlessThere(each);
}

/** Another process may have made it in the meantime. */
function mkdirUnlessThere(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}
