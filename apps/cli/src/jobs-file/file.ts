import { readFile, realpath, stat } from "node:fs/promises";
import { hostname } from "node:os";
import type { Client } from "@flowplane/contract";
import { EXIT } from "../exit-codes.ts";
import { CliError } from "../failure.ts";
import { applyJobs, type Applied } from "./apply.ts";
import { JOBS_FILE_BYTES_MAX, readJobsFile, type FileJob } from "./read.ts";

/** A file of jobs that has been read and is fine as far as it can tell by itself. */
export interface JobsFile {
  readonly path: string;
  readonly jobs: readonly FileJob[];
  /** How the control plane names it as the keeper of its jobs: one file on one machine. */
  readonly managedBy: string;
}

export async function loadJobsFile(path: string): Promise<JobsFile> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new CliError(`${path} cannot be read.`, {
      exitCode: EXIT.usage,
      advice: "Name a file of jobs; docs/guides/schedule-jobs.md shows one.",
      cause,
    });
  });
  if (!info.isFile()) throw new CliError(`${path} is no file.`, { exitCode: EXIT.usage });
  if (info.size > JOBS_FILE_BYTES_MAX)
    throw new CliError(`${path} has ${info.size} bytes; at most ${JOBS_FILE_BYTES_MAX} are read.`, {
      exitCode: EXIT.usage,
    });
  const jobs = readJobsFile(path, await readFile(path, "utf8"));
  return { path, jobs, managedBy: `${hostname()}:${await realpath(path)}`.slice(-500) };
}

export function applyJobsFile(
  client: Client,
  file: JobsFile,
  told: (applied: Applied) => void,
): Promise<Applied[]> {
  return applyJobs(client, file.jobs, file.managedBy, told);
}
