import type { ChildProcess } from "node:child_process";
import type { WatchedLimit } from "../sampling/limits.ts";
import type { RunStart } from "@flowplane/link";
import type { LogTotals } from "../logs/tail.ts";
import type { StoredRun } from "../spool/runs.ts";
import type { RunFiles } from "./files.ts";
import type { RunMembership } from "./members.ts";
import type { RunLimits } from "./run.ts";

/** A run that is not over, as the supervisor holds it: what is stored, and what only this process knows. */
export type ActiveRun = StoredRun & {
  files: RunFiles;
  /** Members of the run by pid, with their start times, as last seen. */
  known: Map<number, number>;
  /** The wrapper, when this very process started it. */
  child: ChildProcess | null;
  /** A look at the run's processes is under way. */
  isCounting: boolean;
  /** The rest of its log is being read. */
  isDraining: boolean;
  /** When the wrapper was first found dead with no exit status on disk. */
  wrapperGoneAt: number | null;
  lastLivenessAt: number;
  /** Limits that are kept by looking, since the kernel does not keep them here. */
  watchedLimits: readonly WatchedLimit[];
  /** What its log comes to, once it is whole. */
  logTotals: LogTotals | null;
  /** What it used when it was last measured by this process; `at` is wall time, ms. */
  measured: { at: number; memoryBytes: number; processes: number } | null;
};

export function activate(stored: StoredRun, files: RunFiles): ActiveRun {
  return {
    ...stored,
    files,
    known: new Map(),
    child: null,
    isCounting: false,
    isDraining: false,
    wrapperGoneAt: null,
    lastLivenessAt: 0,
    watchedLimits: watchedLimitsOf(stored),
    logTotals: null,
    measured: null,
  };
}

/** What nobody else keeps of its limits. */
export function watchedLimitsOf({
  spec,
  containment,
}: Pick<StoredRun, "spec" | "containment">): WatchedLimit[] {
  const { memory_bytes: memory, pids } = spec.limits ?? {};
  const isLeft = (name: string) => containment?.enforced.includes(name) !== true;
  const watched: WatchedLimit[] = [];
  if (memory !== undefined && isLeft("memory_bytes")) watched.push("memory");
  if (pids !== undefined && isLeft("pids")) watched.push("pids");
  return watched;
}

export function membershipOf(run: ActiveRun): RunMembership {
  return { mark: run.mark, job: run.process?.job ?? null, wrapper: run.process?.wrapper ?? null };
}

export function limitsOf(spec: RunStart["spec"]): RunLimits {
  return { graceMs: spec.grace_ms, maxRuntimeMs: spec.max_runtime_ms ?? null };
}
