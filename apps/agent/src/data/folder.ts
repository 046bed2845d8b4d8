// The agent's data folder: who owns it, and writing to it so that a crash leaves the old file or the new one.

import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AgentProblem, describeFileError } from "./problem.ts";

/** Makes the folder, for its owner only, and tries to write into it. Throws an AgentProblem when that cannot be. */
export function prepareFolder(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileAtomically(join(dataDir, "writable"), "");
  } catch (error) {
    const sentence = describeFileError(error, dataDir);
    if (sentence === null) throw error;
    throw new AgentProblem(sentence, { cause: error });
  }
}

/**
 * Makes this process the only agent on the folder until the result is disposed. The lock is SQLite's on a file of its own,
 * so the kernel releases it however the process ends. Throws an AgentProblem when another agent holds it.
 */
export function lockFolder(dataDir: string): Disposable {
  return lockFile(
    dataDir,
    "lock",
    `Another agent is running on ${dataDir}; stop it first, or give this one a data folder of its own.`,
  );
}

/** The same for enrolling, which an agent that runs already may go through as well. */
export function lockEnrolment(dataDir: string): Disposable {
  return lockFile(dataDir, "enrolling", `${dataDir} is being enrolled by another command; wait for its end.`);
}

function lockFile(dataDir: string, name: string, takenSentence: string): Disposable {
  const db = new DatabaseSync(join(dataDir, name));
  try {
    db.exec("PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    const isTaken = (error as { errcode?: number }).errcode === SQLITE_BUSY;
    const sentence = isTaken
      ? takenSentence
      : `${dataDir} cannot be used (${(error as Error).message}); free disk space there, or choose another data folder.`;
    throw new AgentProblem(sentence, { cause: error });
  }
  return { [Symbol.dispose]: () => db.close() };
}

const SQLITE_BUSY = 5;

/** Replaces the file as a whole; on disk before it returns. Readable by the owner only. */
export function writeFileAtomically(path: string, text: string): void {
  const draft = `${path}.new`;
  const fd = openSync(draft, "w", 0o600);
  try {
    writeSync(fd, text);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, path);
  const folder = openSync(dirname(path), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The file's text; null when there is none. */
export function readFileIfAny(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
