// Limits that the kernel does not keep on this host are kept by looking. Pure.

import type { RunLimitsSpec } from "@flowplane/link";

/** Limits that looking can keep. */
export type WatchedLimit = "memory" | "pids";

/** What is used beyond a limit is given this long to end by itself; memory may run out meanwhile. */
const MEMORY_GRACE_MS = 2000;

/** Why the run has to end and how soon; null when it keeps its limits. */
export function judgeLimits(
  limits: RunLimitsSpec,
  watched: readonly WatchedLimit[],
  used: { memoryBytes: number; tasks: number },
): { reason: string; graceMs: number } | null {
  const { memory_bytes: memoryMax, pids: pidsMax } = limits;
  if (watched.includes("pids") && pidsMax !== undefined && used.tasks > pidsMax) {
    // What forks without end uses any grace to fork.
    return { reason: `it had ${used.tasks} tasks at once, and may have ${pidsMax}`, graceMs: 0 };
  }
  if (watched.includes("memory") && memoryMax !== undefined && used.memoryBytes > memoryMax) {
    const reason = `it used ${megabytes(used.memoryBytes)} of memory, and may use ${megabytes(memoryMax)}`;
    return { reason, graceMs: MEMORY_GRACE_MS };
  }
  return null;
}

/** "1536 MB". */
export function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MB`;
}
