// One set-up at a time. The lock is a file with its owner's identity; an owner that no longer lives
// loses it, so an interrupted set-up never blocks the next one.
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const pollMs = 200;
/** Breaking a dead owner's lock takes microseconds; a breaker this old has died at it. */
const breakerAgeMsMax = 10_000;

/**
 * Runs `work` while holding the lock file; waits for whoever holds it.
 * @template T
 * @param {string} file
 * @param {(ownerPid: number) => void} onWait called once when somebody else holds it
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, onWait, work) {
  mkdirSync(path.dirname(file), { recursive: true });
  let told = false;
  while (!createExclusively(file, processIdentity(process.pid) ?? `${process.pid}`)) {
    const owner = readIfThere(file);
    if (owner === undefined) continue;
    if (!isAlive(owner)) {
      breakLock(file, owner);
    } else {
      if (!told) onWait(Number.parseInt(owner, 10));
      told = true;
    }
    await sleep(pollMs);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

/**
 * Takes a dead owner's lock away. A second lock makes sure that of two who saw the same dead owner,
 * the slower does not take away the lock the faster has just got.
 * @param {string} file
 * @param {string} deadOwner
 */
function breakLock(file, deadOwner) {
  const breaker = `${file}.break`;
  if (!createExclusively(breaker, `${process.pid}`)) {
    const since = statSync(breaker, { throwIfNoEntry: false })?.mtimeMs;
    if (since !== undefined && Date.now() - since > breakerAgeMsMax) rmSync(breaker, { force: true });
    return;
  }
  if (readIfThere(file) === deadOwner) rmSync(file, { force: true });
  rmSync(breaker, { force: true });
}

/** @param {string} owner */
function isAlive(owner) {
  const pid = Number.parseInt(owner, 10);
  try {
    process.kill(pid, 0);
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
  // A reused pid has another start time, where the system tells one.
  const identity = processIdentity(pid);
  return identity === undefined || identity === owner;
}

/**
 * Pid and start time, the pair that is never reused; undefined where there is no /proc.
 * @param {number} pid
 */
function processIdentity(pid) {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // The command name stands in parentheses and may hold anything; fields are counted behind it.
  const startTicks = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  return startTicks === undefined ? undefined : `${pid} ${startTicks}`;
}

/**
 * Creates a file with its content in one step, so that nobody reads a lock without an owner.
 * @param {string} file
 * @param {string} text
 */
function createExclusively(file, text) {
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, text);
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @param {string} file */
function readIfThere(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (error);
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}
