// Runs a program as if it were us: our streams, our signals once each, its exit code.
import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";

import { Problem } from "./problem.mjs";

/**
 * One Ctrl-C reaches us twice: from the terminal, and from the npm that started us. A repetition
 * this soon is the same one; a later one means "now" and is passed on again.
 */
const sameSignalMs = 700;

/** How often we look whether the npm that started us still lives. */
const parentPollMs = 1000;

/**
 * Runs a program to its end.
 *
 * The program gets a session of its own, so that Ctrl-C reaches it through us and only once, and a
 * channel to us, whose closing tells it that we are gone without having said so (`kill -9`).
 * @param {string} program
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<number>} exit code, 128 + number of the signal when one ended it
 */
export async function runInForeground(program, args, env = process.env) {
  const child = spawn(program, args, {
    env,
    stdio: ["inherit", "inherit", "inherit", "ipc"],
    detached: true,
  });
  let lastAt = 0;
  const pass = (/** @type {NodeJS.Signals} */ signal) => {
    if (Date.now() - lastAt < sameSignalMs) return;
    lastAt = Date.now();
    child.kill(signal);
  };
  process.on("SIGINT", pass);
  process.on("SIGTERM", pass);
  process.on("SIGHUP", () => pass("SIGTERM"));
  const npm = findNpm();
  const watch =
    npm &&
    setInterval(() => {
      if (npm.isThere()) return;
      clearInterval(watch);
      // An npm that was asked to stop passes that on and goes, without waiting for us.
      if (lastAt === 0) pass("SIGTERM");
    }, parentPollMs);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", (error) =>
        reject(new Problem(`${program} can't be run: ${error.message}.`, { cause: error })),
      );
      child.once("exit", (code, signal) =>
        resolve(code ?? 128 + (signal === null ? 0 : os.constants.signals[signal])),
      );
    });
  } finally {
    clearInterval(watch);
  }
}

/**
 * The npm that started us, when it was one. Its end is ours; a shell that has started us by hand may well end
 * before us, as after `nohup … &`. npm starts a script through a shell, which some systems' shells replace.
 * @returns {{ isThere: () => boolean } | undefined}
 */
function findNpm() {
  if (process.env.npm_lifecycle_event === undefined) return undefined;
  const parent = process.ppid;
  const isShell = /^(ba|da|z|k)?sh$/.test(nameOf(parent));
  const grandparent = isShell ? parentOf(parent) : undefined;
  return {
    isThere: () => process.ppid === parent && (grandparent === undefined || parentOf(parent) === grandparent),
  };
}

/** @param {number} pid */
function nameOf(pid) {
  return path.basename(ps("comm=", pid));
}

/** @param {number} pid */
function parentOf(pid) {
  return Number(ps("ppid=", pid));
}

/**
 * Linux tells it in a file; elsewhere `ps` does.
 * @param {"comm=" | "ppid="} what
 * @param {number} pid
 */
function ps(what, pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const end = stat.lastIndexOf(")");
    return what === "comm="
      ? stat.slice(stat.indexOf("(") + 1, end)
      : (stat.slice(end + 2).split(" ")[1] ?? "");
  } catch {
    // No /proc here, or the process is gone, which `ps` answers with nothing.
    return spawnSync("ps", ["-o", what, "-p", String(pid)], { encoding: "utf8" }).stdout?.trim() ?? "";
  }
}
