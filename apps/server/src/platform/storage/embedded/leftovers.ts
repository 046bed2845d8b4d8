// What a killed server leaves: a postmaster.pid, and rarely a PostgreSQL that still runs. It is stopped, not adopted:
// it is nobody's child, so its end could not be awaited, nobody reads what it prints, and it may have been started
// with the settings or the binaries of another version.

import { readdir, readFile, readlink, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ConfigError } from "../../../config.ts";
import type { PostgresLog } from "./log.ts";
import { run } from "./run.ts";

/** Each signal gets this long: fast shutdown, immediate shutdown, and the one nobody survives. */
const PATIENCE = [
  { signal: "SIGINT", waitMs: 5_000 },
  { signal: "SIGQUIT", waitMs: 2_000 },
  { signal: "SIGKILL", waitMs: 2_000 },
] as const;
const POLL_MS = 20;

/** Ends every PostgreSQL that still runs on the cluster, and takes away a pid file that only looks alive. */
export async function stopLeftovers(cluster: string, log: PostgresLog): Promise<void> {
  const pid = await readPid(cluster);
  if (pid === undefined) return;
  for (const { signal, waitMs } of PATIENCE) {
    const left = await postgresOn(cluster, pid);
    if (left.length === 0) break;
    log.warn({ pids: left, signal }, "stopping the PostgreSQL that an earlier server left running");
    // The postmaster ends its children itself. Without one they are ending already and the last signal helps.
    const receivers = left.includes(pid) ? [pid] : left;
    for (const receiver of receivers) kill(receiver, signal);
    await waitUntilGone(cluster, pid, waitMs);
  }
  if ((await postgresOn(cluster, pid)).length > 0) {
    throw new ConfigError(
      `A PostgreSQL that runs on ${cluster} can't be stopped: end process ${pid} and start again.`,
    );
  }
  // PostgreSQL itself judges a dead process's file; one that another process has inherited would stop it for good.
  if (isAlive(pid)) await rm(join(cluster, "postmaster.pid"), { force: true });
}

async function readPid(cluster: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(join(cluster, "postmaster.pid"), "utf8"), 10);
    return pid > 1 ? pid : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The processes that are PostgreSQL on this cluster. All of them have it as their working directory. */
async function postgresOn(cluster: string, pid: number): Promise<number[]> {
  if (process.platform !== "linux") return (await isPostmasterByCommand(cluster, pid)) ? [pid] : [];
  const folder = await realpath(cluster);
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const matches = await Promise.all(pids.map((candidate) => isPostgresIn(folder, candidate)));
  return pids.filter((_, index) => matches[index]);
}

async function isPostgresIn(folder: string, pid: number): Promise<boolean> {
  try {
    if ((await readlink(`/proc/${pid}/cwd`)) !== folder) return false;
    return (await readFile(`/proc/${pid}/comm`, "utf8")).trim() === "postgres";
  } catch {
    // Ended meanwhile, or another user's.
    return false;
  }
}

async function isPostmasterByCommand(cluster: string, pid: number): Promise<boolean> {
  const { code, output } = await run(["ps", "-o", "command=", "-p", String(pid)]);
  return code === 0 && output.includes("postgres") && output.includes(cluster);
}

async function waitUntilGone(cluster: string, pid: number, waitMs: number): Promise<void> {
  const deadline = performance.now() + waitMs;
  while (performance.now() < deadline && (await postgresOn(cluster, pid)).length > 0) await sleep(POLL_MS);
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    // Gone already is what we want.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
