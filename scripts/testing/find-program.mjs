// Finds a program the machine may have.
import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";

/**
 * The first of these names that is on PATH or in one of the usual folders.
 * @param {string[]} names
 * @param {string[]} folders
 * @returns {string | undefined} absolute path
 */
export function findProgram(names, folders) {
  const places = [
    ...(process.env.PATH ?? "").split(path.delimiter).filter((place) => path.isAbsolute(place)),
    ...folders,
  ];
  return names.flatMap((name) => places.map((place) => path.join(place, name))).find(isExecutable);
}

/** @param {string} file */
export function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    // Not there or not for us: the same answer.
    return false;
  }
}
