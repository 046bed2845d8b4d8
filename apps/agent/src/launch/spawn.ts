// Spawning the wrapper of a planned run.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { LaunchPlan } from "./plan.ts";
import type { Tools } from "./tools.ts";

const WRAPPER = fileURLToPath(new URL("wrapper.sh", import.meta.url));

/**
 * Spawns the wrapper in a session of its own, with no file of ours open. Its `exit` is only a hint that the job is over.
 * Rejects with a sentence when the kernel refuses (too many arguments, no more processes).
 */
export function spawnWrapper(
  tools: Tools,
  plan: LaunchPlan,
  dir: string,
  mark: string,
): Promise<ChildProcess> {
  const { promise, resolve: started, reject } = Promise.withResolvers<ChildProcess>();
  const refuse = (error: unknown) => {
    const { code = "", message } = error as NodeJS.ErrnoException; // Only `spawn` throws or emits here.
    reject(new Error(SPAWN_ERRORS[code] ?? `the process could not be started: ${message}`, { cause: error }));
  };
  try {
    const argv = [WRAPPER, dir, mark, tools.mv, plan.umask, plan.cgroup?.path ?? "", ...plan.argv];
    const child = spawn(tools.sh, argv, {
      cwd: plan.cwd,
      env: plan.env,
      detached: true,
      stdio: [plan.script === null ? "ignore" : "pipe", "ignore", "ignore"],
    });
    child.once("spawn", () => {
      // The job outlives the agent; the agent's event loop must not wait for it.
      child.unref();
      started(child);
    });
    child.once("error", refuse);
    if (plan.script !== null && child.stdin) {
      // A run that ended before it had read its variables says so by its exit code.
      child.stdin.on("error", () => undefined);
      child.stdin.end(plan.script);
    }
  } catch (error) {
    // Some refusals of the kernel (E2BIG) come at once, others (ENOENT) as an event.
    refuse(error);
  }
  return promise;
}

const SPAWN_ERRORS: Record<string, string> = {
  E2BIG: "the arguments and variables together are longer than the kernel allows",
  EAGAIN: "the host allows no more processes",
  ENOMEM: "the host has no memory for another process",
};
