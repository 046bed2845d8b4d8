// A stamp says from which inputs something was made; when their hash differs it is made again.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Folders that hold what tools made, never inputs. */
const madeFolders = new Set(["node_modules", "dist", ".tools"]);

/**
 * Hashes names and contents.
 * @param {string[]} parts texts that count as inputs too, such as versions
 * @param {string[]} files
 * @returns {string}
 */
export function hashOf(parts, files) {
  const hash = createHash("sha256").update(JSON.stringify(parts));
  for (const file of files.toSorted()) hash.update(`\n${file}\n`).update(readFileSync(file));
  return hash.digest("hex");
}

/**
 * Every file below a folder, what tools made left out.
 * @param {string} folder
 * @returns {string[]}
 */
export function filesBelow(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const whole = path.join(folder, entry.name);
    if (entry.isDirectory()) return madeFolders.has(entry.name) ? [] : filesBelow(whole);
    return entry.isFile() ? [whole] : [];
  });
}

/**
 * @param {string} file
 * @returns {string} empty when there is none
 */
export function readStamp(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return "";
    throw error;
  }
}

/** @param {string} file */
export function removeStamp(file) {
  rmSync(file, { force: true });
}

/**
 * Whole or not at all.
 * @param {string} file
 * @param {string} hash
 */
export function writeStamp(file, hash) {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, hash);
  renameSync(`${file}.new`, file);
}
