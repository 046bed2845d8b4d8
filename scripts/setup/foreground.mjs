// Runs a program as if it were us: our streams, our signals once each, its exit code.
import { spawn } from "node:child_process";
import os from "node:os";

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
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    pass("SIGTERM");
  }, parentPollMs);
  // Started by hand, our parent is a shell that may well end before us, as after `nohup … &`.
  if (process.env.npm_lifecycle_event === undefined) clearInterval(watch);
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
