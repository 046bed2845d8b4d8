// Gives the disk space of shipped output back while the run still writes: holes are punched into the shipped part, so that
// sizes and offsets stay as they are. Where that cannot be done (no `fallocate`, or a file system without holes), shipped
// output stays on disk until its run is over; the quota counts what is unshipped either way.

import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { RunFiles } from "../supervisor/files.ts";

/** Punching costs a process, so it is done in steps of this size. */
const STEP_BYTES = 4 * 1024 * 1024;

const execute = promisify(execFile);

export class Freeing {
  readonly #punched = new Map<string, number>();
  readonly #onProblem: (problem: string) => void;
  #isPossible = true;

  constructor(onProblem: (problem: string) => void) {
    this.#onProblem = onProblem;
  }

  /** Frees both files up to the given offsets. Never rejects. */
  async free(files: RunFiles, stdoutTo: number, stderrTo: number): Promise<void> {
    await this.#punch(files.path("stdout"), stdoutTo);
    await this.#punch(files.path("stderr"), stderrTo);
  }

  /** The files are gone. */
  forget(files: RunFiles): void {
    this.#punched.delete(files.path("stdout"));
    this.#punched.delete(files.path("stderr"));
  }

  async #punch(path: string, upTo: number): Promise<void> {
    const from = this.#punched.get(path) ?? 0;
    if (!this.#isPossible || upTo - from < STEP_BYTES) return;
    this.#punched.set(path, upTo);
    try {
      await execute("fallocate", [
        "--punch-hole",
        "--offset",
        String(from),
        "--length",
        String(upTo - from),
        path,
      ]);
    } catch (error) {
      // The run may have ended and its files be gone meanwhile, which is no reason to give up for the others.
      if (
        String(error).includes("No such file or directory") &&
        (error as NodeJS.ErrnoException).code !== "ENOENT"
      )
        return;
      this.#isPossible = false;
      this.#onProblem(
        "shipped output stays on disk until its run ends: this host cannot punch holes into files",
      );
    }
  }
}
