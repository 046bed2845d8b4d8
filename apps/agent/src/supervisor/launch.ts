// Starting a job: judging the request, then spawning its wrapper. Nothing here goes through a shell's parser: the
// command and its arguments stay separate strings from the intent to execve.

import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { delimiter, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunSpec } from "@flowplane/link";

const WRAPPER = fileURLToPath(new URL("wrapper.sh", import.meta.url));
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** The kernel's limit for one argument or variable (MAX_ARG_STRLEN), its final NUL included. */
const ARGUMENT_BYTES_MAX = 128 * 1024;
/** Exit codes as shells use them: a command that is not there, and one that is there and cannot be started. */
const NOT_FOUND = 127;
const NOT_STARTED = 126;

export type Refusal = { exitCode: number; reason: string };
export type LaunchPlan = { command: string; args: string[]; env: Record<string, string>; cwd: string };
export type Tools = { sh: string; setsid: string; mv: string };

/** The programs the wrapper needs, by absolute path. Throws one sentence when the host lacks one. */
export function findTools(path = process.env["PATH"] ?? ""): Tools {
  const find = (name: string) => {
    const found = searchPath(name, `${path}${delimiter}${DEFAULT_PATH}`, "/");
    if (typeof found === "string") return found;
    throw new Error(
      `this host has no "${name}" program, which supervising runs needs; install util-linux and coreutils`,
    );
  };
  return { sh: find("sh"), setsid: find("setsid"), mv: find("mv") };
}

/** What to start, or why it cannot be and the exit code that says so. Reads the file system, starts nothing. */
export function planLaunch(spec: RunSpec): LaunchPlan | Refusal {
  const env = { ...minimalEnvironment(), ...spec.env };
  const badWord = [spec.command, ...spec.args, ...Object.entries(env).flat(), spec.cwd ?? ""].find((word) =>
    word.includes("\0"),
  );
  if (badWord !== undefined)
    return {
      exitCode: NOT_STARTED,
      reason: "the command, an argument, a variable or the working directory holds a NUL byte",
    };
  if (spec.command === "") return { exitCode: NOT_FOUND, reason: "the command is empty" };
  const badName = Object.keys(env).find((name) => name === "" || name.includes("="));
  if (badName !== undefined)
    return {
      exitCode: NOT_STARTED,
      reason: `${JSON.stringify(badName)} is no name for an environment variable`,
    };
  const words = [
    spec.command,
    ...spec.args,
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
  ];
  if (words.some((word) => Buffer.byteLength(word) >= ARGUMENT_BYTES_MAX)) {
    return {
      exitCode: NOT_STARTED,
      reason: `an argument or variable is longer than the ${ARGUMENT_BYTES_MAX} bytes the kernel allows`,
    };
  }

  const cwd = spec.cwd ?? env["HOME"] ?? "/";
  const cwdProblem = isAbsolute(cwd) ? judgeDirectory(cwd) : "is not an absolute path";
  if (cwdProblem !== null)
    return { exitCode: NOT_STARTED, reason: `the working directory ${cwd} ${cwdProblem}` };
  const command = searchPath(spec.command, env["PATH"] ?? DEFAULT_PATH, cwd);
  // The search was only to know: argv[0] stays what was asked for, and execvp finds the same file.
  return typeof command === "string" ? { command: spec.command, args: spec.args, env, cwd } : command;
}

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
    const argv = [WRAPPER, dir, mark, tools.setsid, tools.mv, plan.command, ...plan.args];
    const child = spawn(tools.sh, argv, { cwd: plan.cwd, env: plan.env, detached: true, stdio: "ignore" });
    child.once("spawn", () => {
      // The job outlives the agent; the agent's event loop must not wait for it.
      child.unref();
      started(child);
    });
    child.once("error", refuse);
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

/** What every job gets and nothing else of the agent's own environment. */
function minimalEnvironment(): Record<string, string> {
  const env: Record<string, string> = {
    PATH: process.env["PATH"] ?? DEFAULT_PATH,
    HOME: homedir(),
    LANG: process.env["LANG"] ?? "C.UTF-8",
    USER: userName(),
  };
  const zone = process.env["TZ"];
  return zone === undefined ? env : { ...env, TZ: zone };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    // A container may run under a uid that has no entry in its passwd file.
    if ((error as NodeJS.ErrnoException).code === "ERR_SYSTEM_ERROR") return String(process.getuid?.() ?? "");
    throw error;
  }
}

function judgeDirectory(path: string): string | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) return "does not exist";
  if (!stats.isDirectory()) return "is not a directory";
  return isAllowed(path) ? null : "may not be entered";
}

/** As execvp(3) looks a command up, but with a reason when it finds none. */
function searchPath(command: string, path: string, cwd: string): string | Refusal {
  if (command.includes("/")) return judgeFile(resolve(cwd, command), command);
  let best: Refusal = { exitCode: NOT_FOUND, reason: `the command ${command} is not on the PATH ${path}` };
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
    return {
      exitCode: NOT_STARTED,
      reason: `the command ${shownAs} cannot be reached: ${(error as Error).message}`,
    };
  }
  if (isFile === null) return { exitCode: NOT_FOUND, reason: `the command ${shownAs} does not exist` };
  if (!isFile) return { exitCode: NOT_STARTED, reason: `the command ${shownAs} is not a file` };
  return isAllowed(file)
    ? file
    : { exitCode: NOT_STARTED, reason: `the command ${shownAs} is not executable` };
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
