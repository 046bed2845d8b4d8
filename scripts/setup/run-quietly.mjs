// Runs one tool of the set-up without its output, and keeps the end of it for when it fails.
import { spawn } from "node:child_process";

import { knownProblem, Problem } from "./problem.mjs";
import { root } from "./places.mjs";
import { toolEnvironment } from "./tool-environment.mjs";

/** What is kept of a tool's output; the end is where the error stands. */
const outputBytesMax = 64 * 1024;
const tailLines = 25;

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {object} options
 * @param {string} options.doing for the sentence when it fails, such as "Installing the packages"
 * @param {string} [options.cwd]
 * @param {string} [options.writes] the folder it writes, for the sentence when it can't
 * @param {NodeJS.ProcessEnv} [options.env]
 * @param {(text: string) => void} [options.onOutput]
 * @param {RegExp} [options.giveUpAt] output after which it can only fail, so that it is ended there
 * @returns {Promise<string>} the end of its output
 * @throws {Problem} when it can't be started or fails
 */
export async function runQuietly(
  program,
  args,
  { doing, cwd = root, writes = root, env = toolEnvironment(), onOutput, giveUpAt },
) {
  let output = "";
  const keep = (/** @type {Buffer} */ chunk) => {
    const text = chunk.toString();
    output = (output + text).slice(-outputBytesMax);
    onOutput?.(text);
    if (giveUpAt?.test(text) === true) endGroup(child);
  };
  // A group of its own, so that an interruption ends the tool's children too.
  const child = spawn(program, args, { cwd, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const forgetSignals = endWithUs(child);
  try {
    const { code, signal } = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
    if (code === 0) return output;
    const sentence = knownProblem(output, writes);
    if (sentence !== undefined) throw new Problem(sentence);
    const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
    throw new Problem(`${doing} failed (${how}); the lines above are the end of its output.`, {
      detail: lastLines(output),
    });
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem(`${doing} failed: ${program} can't be run (${/** @type {Error} */ (error).message}).`, {
      cause: error,
    });
  } finally {
    forgetSignals();
  }
}

/**
 * While the child lives, a signal that ends us ends its group first: nothing keeps writing behind
 * the back of the next start.
 * @param {import("node:child_process").ChildProcess} child
 */
function endWithUs(child) {
  const handlers = /** @type {const} */ (["SIGINT", "SIGTERM", "SIGHUP"]).map((signal) => {
    const handler = () => {
      process.stderr.write("\nInterrupted: the next start goes on from here.\n");
      child.once("close", () => process.exit(signal === "SIGINT" ? 130 : 143));
      endGroup(child);
    };
    process.once(signal, handler);
    return /** @type {const} */ ([signal, handler]);
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

/**
 * Nothing set-up runs has to be ended gently: what it makes becomes visible only when complete.
 * @param {import("node:child_process").ChildProcess} child
 */
function endGroup(child) {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null)
    process.kill(-child.pid, "SIGKILL");
}

/** @param {string} output */
function lastLines(output) {
  return output.trimEnd().split("\n").slice(-tailLines).join("\n");
}
