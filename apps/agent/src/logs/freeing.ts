// Gives the disk space of output that is in segments back while the run still writes: holes are punched into the files, so
// that sizes and offsets stay as they are. Where that cannot be done (no `fallocate`, or a file system without holes), the
// output stays on disk until its run is over.

import { execFile } from "node:child_process";
import { setTimeout as wait } from "node:timers/promises";
import { promisify } from "node:util";

/** Punching costs a process, so it is done in steps of at least this size… */
const STEP_BYTES = 4 * 1024 * 1024;
/** …and no more often than this: in a flood the steps grow instead of the number of processes. */
const PAUSE_MS = 250;

const execute = promisify(execFile);

export class Freeing {
  readonly #punched = new Map<string, number>();
  readonly #wanted = new Map<string, number>();
  readonly #onProblem: (problem: string) => void;
  #isPossible = true;
  #isPunching = false;

  constructor(onProblem: (problem: string) => void) {
    this.#onProblem = onProblem;
  }

  /** The file's bytes up to there are no longer needed. */
  free(path: string, upTo: number): void {
    if (!this.#isPossible || upTo - (this.#punched.get(path) ?? 0) < STEP_BYTES) return;
    this.#wanted.set(path, upTo);
    void this.#punchAll();
  }

  /** The file is gone. */
  forget(path: string): void {
    this.#punched.delete(path);
    this.#wanted.delete(path);
  }

  async #punchAll(): Promise<void> {
    if (this.#isPunching) return;
    this.#isPunching = true;
    for (let [next] = this.#wanted; next; [next] = this.#wanted) {
      const [path, upTo] = next;
      this.#wanted.delete(path);
      await this.#punch(path, this.#punched.get(path) ?? 0, upTo);
      await wait(PAUSE_MS, undefined, { ref: false });
    }
    this.#isPunching = false;
  }

  async #punch(path: string, from: number, upTo: number): Promise<void> {
    this.#punched.set(path, upTo);
    try {
      const where = ["--offset", String(from), "--length", String(upTo - from)];
      await execute("fallocate", ["--punch-hole", ...where, path]);
    } catch (error) {
      // The run may have ended and its files be gone meanwhile, which is no reason to give up for the others.
      const isProgramMissing = (error as NodeJS.ErrnoException).code === "ENOENT";
      if (!isProgramMissing && String(error).includes("No such file or directory")) return;
      if (["EAGAIN", "EMFILE", "ENOMEM"].includes((error as NodeJS.ErrnoException).code ?? "")) {
        this.#punched.set(path, from);
        return;
      }
      this.#isPossible = false;
      this.#onProblem("output stays on disk until its run ends: this host cannot punch holes into files");
    }
  }
}
