// Finding a command as execvp(3) would, but with a reason when there is none.

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join, resolve } from "node:path";
import { NOT_FOUND, NOT_STARTED, refuseForNow } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";

/** Why this cannot be a working directory; null when it can. */
export function judgeDirectory(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return "does not exist";
  if (!stats.isDirectory()) return "is not a directory";
  return isAllowed(path) ? null : "may not be entered";
}

/** The file that a command is. `cwd` is where relative paths lead from. */
export function findExecutable(command: string, path: string, cwd: string): string | Refusal {
  if (command.includes("/")) return judgeFile(resolve(cwd, command), command);
  let best = refuseForNow(NOT_FOUND, `the command ${command} is not on the PATH ${path}`);
  for (const folder of path.split(delimiter)) {
    const file = join(resolve(cwd, folder || "."), command);
    if (!existsSync(file)) continue;
    const judged = judgeFile(file, file);
    if (typeof judged === "string") return judged;
    best = judged;
  }
  return best;
}

function judgeFile(file: string, shownAs: string): string | Refusal {
  let isFile: boolean | null;
  try {
    isFile = statSync(file, { throwIfNoEntry: false })?.isFile() ?? null;
  } catch (error) {
    const { message } = error as Error; // statSync throws nothing else.
    return refuseForNow(NOT_STARTED, `the command ${shownAs} cannot be reached: ${message}`);
  }
  if (isFile === null) return refuseForNow(NOT_FOUND, `the command ${shownAs} does not exist`);
  if (!isFile) return refuseForNow(NOT_STARTED, `the command ${shownAs} is not a file`);
  return isAllowed(file) ? file : refuseForNow(NOT_STARTED, `the command ${shownAs} is not executable`);
}

function isAllowed(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (["EACCES", "EPERM", "EROFS"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}
