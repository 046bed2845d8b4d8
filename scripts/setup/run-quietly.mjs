// Runs one tool of the set-up without its output, and keeps the end of it for when it fails.
import { spawn } from "node:child_process";

import { knownProblem, Problem } from "./problem.mjs";
import { root } from "./places.mjs";

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
 * @returns {Promise<string>} the end of its output
 * @throws {Problem} when it can't be started or fails
 */
export async function runQuietly(
  program,
  args,
  { doing, cwd = root, writes = root, env = toolEnvironment(), onOutput },
) {
  let output = "";
  const keep = (/** @type {Buffer} */ chunk) => {
    const text = chunk.toString();
    output = (output + text).slice(-outputBytesMax);
    onOutput?.(text);
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
 * Our environment without what npm adds for the script it runs (a nested npm or pnpm would take it
 * for its own configuration), what would leave dev dependencies out, and a debugger's port.
 * @returns {NodeJS.ProcessEnv}
 */
export function toolEnvironment() {
  const env = { ...process.env };
  for (const name of Object.keys(env)) {
    if (
      /^npm_(package_|lifecycle_|command$|config_(local_prefix|prefix|global|omit|production|ignore_scripts)$)/i.test(
        name,
      )
    ) {
      delete env[name];
    }
  }
  delete env.INIT_CWD;
  delete env.NODE_ENV;
  if (env.NODE_OPTIONS !== undefined) {
    env.NODE_OPTIONS = env.NODE_OPTIONS.split(/\s+/)
      .filter((option) => !option.startsWith("--inspect"))
      .join(" ");
  }
  return env;
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
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    };
    process.once(signal, handler);
    return /** @type {const} */ ([signal, handler]);
  });
  return () => {
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

/** @param {string} output */
function lastLines(output) {
  return output.trimEnd().split("\n").slice(-tailLines).join("\n");
}
