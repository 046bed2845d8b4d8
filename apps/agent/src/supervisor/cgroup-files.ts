// One run's cgroup (version 2): what its files say and do. Every call expects that the folder may be gone.

import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readSmall } from "../sampling/stats.ts";

/** Used by everything that ever was in it; null where the kernel does not count. */
export type CgroupUse = {
  cpuMs: number | null;
  memoryBytes: number | null;
  memoryPeakBytes: number | null;
};

/** What a run has used, as its cgroup counts it; null without one. */
export function readCgroupUse(cgroup: string | null): CgroupUse | null {
  if (cgroup === null) return null;
  const stat = readSmall(join(cgroup, "cpu.stat"));
  if (stat === null) return null;
  const cpuUs = fieldOf(stat, "usage_usec");
  return {
    cpuMs: cpuUs === null ? null : Math.round(cpuUs / 1000),
    memoryBytes: numberIn(join(cgroup, "memory.current")),
    memoryPeakBytes: numberIn(join(cgroup, "memory.peak")),
  };
}

/** How many of its processes the kernel killed because it was out of memory. */
export function readOomKills(cgroup: string | null): number {
  if (cgroup === null) return 0;
  return fieldOf(readSmall(join(cgroup, "memory.events")) ?? "", "oom_kill") ?? 0;
}

/** Pids in it; of very many the first ones. */
export function readCgroupPids(cgroup: string | null): number[] {
  if (cgroup === null) return [];
  const lines = (readSmall(join(cgroup, "cgroup.procs")) ?? "").split("\n");
  // What follows the last line end may be half a number.
  return lines.slice(0, -1).map(Number);
}

/** SIGKILL to everything in it, forks under way included. False when that is not possible here. */
export function killCgroup(cgroup: string): boolean {
  return write(join(cgroup, "cgroup.kill"), "1");
}

/** Stops everything in it, or lets it go on. False when that is not possible here. */
export function freezeCgroup(cgroup: string, isFrozen: boolean): boolean {
  return write(join(cgroup, "cgroup.freeze"), isFrozen ? "1" : "0");
}

/** Kernels without swap accounting have no such file, and nothing to limit. */
const OPTIONAL_FILES: ReadonlySet<string> = new Set(["memory.swap.max"]);

/** Makes it with these limits (file name and text); throws a sentence when the kernel refuses one. */
export function makeCgroup(cgroup: string, limits: readonly (readonly [string, string])[]): void {
  mkdirSync(cgroup, { recursive: true });
  for (const [name, text] of limits) {
    try {
      writeFileSync(join(cgroup, name), text, { flag: "r+" });
    } catch (error) {
      if (OPTIONAL_FILES.has(name)) continue;
      removeCgroup(cgroup);
      const { message } = error as Error; // writeFileSync throws nothing else.
      throw new Error(`the kernel refuses its limit ${name} = ${text}: ${message}`, { cause: error });
    }
  }
}

/** Removes it once it is empty; false while it is not. */
export function removeCgroup(cgroup: string): boolean {
  try {
    rmdirSync(cgroup);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function write(path: string, text: string): boolean {
  try {
    writeFileSync(path, text);
    return true;
  } catch {
    return false;
  }
}

function numberIn(path: string): number | null {
  const text = readSmall(path);
  const number = text === null ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : null;
}

/** The number after a word at a line's start. */
function fieldOf(text: string, word: string): number | null {
  const line = text.split("\n").find((one) => one.startsWith(`${word} `));
  return line === undefined ? null : Number(line.slice(word.length + 1));
}
