import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Ends one process at once. False when it was gone already. */
export function killNow(pid: number): boolean {
  try {
    process.kill(pid, "SIGKILL");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

/** Every process that has one of these words among its arguments or in its environment, this one left out. */
export function processesWith(words: readonly string[]): { pid: number; command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      const command = readIfThere(`/proc/${pid}/cmdline`);
      const text = `${command}\0${readIfThere(`/proc/${pid}/environ`)}`;
      if (!words.some((word) => text.includes(word))) return [];
      return [{ pid: Number(pid), command: command.replaceAll("\0", " ").slice(0, 500) }];
    });
}

/** The wrappers of runs under way: by run id, from what they wrote down, as long as it is still them. */
export function wrappersIn(agentFolder: string): { runId: string; pid: number }[] {
  const runs = join(agentFolder, "runs");
  let ids: string[];
  try {
    ids = readdirSync(runs);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return ids.flatMap((runId) => {
    const pid = Number.parseInt(readIfThere(join(runs, runId, "pid")), 10);
    if (!(pid > 1) || !readIfThere(`/proc/${pid}/cmdline`).includes(join(runs, runId))) return [];
    return [{ runId, pid }];
  });
}

/** The embedded PostgreSQL of a control plane; undefined while it is not up. */
export function postmasterOf(dataDir: string): number | undefined {
  const pid = Number.parseInt(readIfThere(join(dataDir, "postgres", "postmaster.pid")), 10);
  return pid > 1 && readIfThere(`/proc/${pid}/comm`).trim() === "postgres" ? pid : undefined;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Ended meanwhile, or not ours to look at.
    return "";
  }
}
