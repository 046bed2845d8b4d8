// The files of one run: DATA/runs/RUN_ID/{claimed,pid,refused,times,exit,stdout,stderr,said,segments/N.zst}.

import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { RunProcess } from "../spool/runs.ts";
import { parseExitFile } from "./exit-status.ts";
import type { ExitStatus } from "./exit-status.ts";

export class RunFiles {
  readonly dir: string;

  constructor(dataDir: string, runId: string) {
    this.dir = join(dataDir, "runs", runId);
  }

  path(name: "stdout" | "stderr"): string {
    return join(this.dir, name);
  }

  /** Where the run's closed segments are. */
  get segmentsDir(): string {
    return join(this.dir, "segments");
  }

  segment(segmentSeq: number): string {
    return join(this.segmentsDir, `${segmentSeq}.zst`);
  }

  /** Bytes in an output file, 0 when there is none. */
  size(name: "stdout" | "stderr"): number {
    return statSync(this.path(name), { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Makes the folders and the two empty output files; only the owner may read them. */
  create(): void {
    mkdirSync(this.segmentsDir, { recursive: true, mode: 0o700 });
    for (const name of ["stdout", "stderr"] as const) closeSync(openSync(this.path(name), "a", 0o600));
  }

  /** Whether a wrapper has ever begun: from then on the run must not be started again. */
  isClaimed(): boolean {
    return existsSync(join(this.dir, "claimed"));
  }

  /** Who runs it, as the wrapper wrote it; null when it has not yet. */
  readProcess(): RunProcess | null {
    const match = /^(\d+) (\d+) (\d+) (\d+)\n$/.exec(this.#read("pid") ?? "");
    if (!match) return null;
    const [wrapperPid, wrapperStart, jobPid, jobStart] = match.slice(1).map(Number);
    if (!wrapperPid || !jobPid) return null;
    return {
      wrapper: { pid: wrapperPid, startTicks: wrapperStart ?? 0 },
      job: { pid: jobPid, startTicks: jobStart ?? 0 },
    };
  }

  /** How the job ended; null when it has not. */
  readExit(signalsSent: ReadonlySet<string>): ExitStatus | null {
    const text = this.#read("exit");
    return text === null ? null : parseExitFile(text, signalsSent);
  }

  /** The cgroup that the run could not enter; null when it did not fail at that. */
  readRefused(): string | null {
    return this.#read("refused")?.trimEnd() ?? null;
  }

  /** CPU of the job and of all it waited for, in ms, as its wrapper wrote it; 0 when it has not. */
  readCpuMs(): number {
    const times = (this.#read("times") ?? "").split("\n")[1] ?? "";
    const parts = [...times.matchAll(/(\d+)m(\d+)[.,](\d+)s/g)];
    return Math.round(
      parts.reduce(
        (sum, [, minutes, seconds, fraction]) =>
          sum + Number(minutes) * 60_000 + Number(`${seconds}.${fraction}`) * 1000,
        0,
      ),
    );
  }

  /** Removes the output as it was written; what is in segments stays. */
  removeOutput(): void {
    for (const name of ["stdout", "stderr"] as const) rmSync(this.path(name), { force: true });
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #read(name: string): string | null {
    try {
      return readFileSync(join(this.dir, name), "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  }
}
