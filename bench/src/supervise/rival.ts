import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { promisify } from "node:util";

/** Runs a program of the set-up to its end. */
export const runProgram = promisify(execFile);

const POLL_MS = 1;
const FIRST_LINE_LIMIT_MS = 30_000;

/** When a log file has its first byte, as somebody who follows it would see. */
export async function firstByteOf(file: string): Promise<number> {
  const deadline = performance.now() + FIRST_LINE_LIMIT_MS;
  while ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    if (performance.now() > deadline) throw new Error(`nothing in ${file} after ${FIRST_LINE_LIMIT_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return performance.now();
}
