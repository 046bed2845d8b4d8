// What /proc tells about processes. A process is named by pid and start time, so that a reused pid is never taken for it.

import { readdirSync, readFileSync } from "node:fs";

/** `startTicks` is field 22 of /proc/PID/stat: clock ticks since boot. */
export type ProcessIdentity = { pid: number; startTicks: number };

export type ProcessInfo = ProcessIdentity & { ppid: number; pgrp: number; session: number; state: string };

/** Changes with every boot of the host: pids and ticks mean nothing across it. */
export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
}

/** `null` when there is no such process (any more). A zombie is still one: state `Z`. */
export function readProcess(pid: number): ProcessInfo | null {
  const stat = readProcFile(`/proc/${pid}/stat`);
  return stat === null ? null : parseStat(stat.toString("latin1"));
}

/** Whether this very process still runs. A zombie does not: it holds a pid and nothing else. */
export function isAlive(identity: ProcessIdentity): boolean {
  const info = readProcess(identity.pid);
  return info !== null && info.startTicks === identity.startTicks && !isDead(info);
}

export function isDead(info: ProcessInfo): boolean {
  return info.state === "Z" || info.state === "X";
}

/** The text of /proc/PID/stat -> the fields used here. The name in brackets may itself hold spaces and brackets. */
export function parseStat(stat: string): ProcessInfo | null {
  const open = stat.indexOf("(");
  const close = stat.lastIndexOf(")");
  if (open < 0 || close < open) return null;
  const rest = stat.slice(close + 2).split(" ");
  const [state, ppid, pgrp, session] = rest;
  const info = {
    pid: Number.parseInt(stat, 10),
    state: state ?? "",
    ppid: Number(ppid),
    pgrp: Number(pgrp),
    session: Number(session),
    startTicks: Number(rest[19]),
  };
  return Number.isSafeInteger(info.pid) && Number.isSafeInteger(info.startTicks) ? info : null;
}

/** All processes of the host, zombies left out. Yields to the event loop after each slice of them. */
export async function listProcesses(): Promise<ProcessInfo[]> {
  const found: ProcessInfo[] = [];
  let sinceYield = 0;
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const info = readProcess(pid);
    if (info && !isDead(info)) found.push(info);
    sinceYield += 1;
    if (sinceYield >= PROCESSES_PER_SLICE) {
      sinceYield = 0;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  return found;
}

/** Whether the process was started with `NAME=value` in its environment. False when that is not ours to know. */
export function hasEnvironment(pid: number, assignment: string): boolean {
  const environ = readProcFile(`/proc/${pid}/environ`);
  if (environ === null) return false;
  const wanted = `${assignment}\0`;
  return environ.includes(`\0${wanted}`) || environ.subarray(0, wanted.length).toString("latin1") === wanted;
}

/** The value of a variable a process was started with; null when it has none, or that is not ours to know. */
export function readEnvironment(pid: number, name: string): string | null {
  const environ = readProcFile(`/proc/${pid}/environ`);
  const prefix = `${name}=`;
  const found = environ
    ?.toString("latin1")
    .split("\0")
    .find((one) => one.startsWith(prefix));
  return found?.slice(prefix.length) ?? null;
}

/** The arguments a process was started with; empty when unknown. */
export function readCommandLine(pid: number): string[] {
  return readProcFile(`/proc/${pid}/cmdline`)?.toString("utf8").split("\0").slice(0, -1) ?? [];
}

/** Some 100 µs of reading per slice on an ordinary host. */
const PROCESSES_PER_SLICE = 100;

/** Gone, someone else's, or vanished while being read: all of them mean "not ours to know". */
const NOT_READABLE = new Set(["ENOENT", "ESRCH", "EACCES", "EPERM"]);

function readProcFile(path: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    if (NOT_READABLE.has((error as NodeJS.ErrnoException).code ?? "")) return null;
    throw error;
  }
}
