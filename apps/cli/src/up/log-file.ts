import { openSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { makeFolder } from "../folders.ts";

/** A log larger than this is put aside, in place of the one put aside before, when its program starts. */
export const LOG_BYTES_MAX = 20 * 1024 * 1024;

/** Opens a log to append to, 0600, and returns its file descriptor. */
export function openLogFile(path: string): number {
  makeFolder(dirname(path));
  const { size = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (size > LOG_BYTES_MAX) renameSync(path, `${path}.1`);
  return openSync(path, "a", 0o600);
}
