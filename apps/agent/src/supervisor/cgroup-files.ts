// One run's cgroup (version 2): what its files say and do. Every call expects that the folder may be gone.

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
