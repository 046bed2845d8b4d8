import type { Span } from "@flowplane/detection";
import type { EndState, RunSpec } from "@flowplane/link";

/** What all processes of a run use at one moment. Counters are since its start; null: this host does not tell. */
export type ResourceSample = {
  /** CPU time of processes that have ended included, as far as anybody saw them. */
  cpuMs: number;
  memoryBytes: number;
  /** Where its memory ends: its own limit, or what the host has; null when neither is known. */
  memoryLimitBytes: number | null;
  readBytes: number | null;
  writeBytes: number | null;
  processes: number;
  processesLimit: number | null;
  threads: number;
  /** How many processes are in which state, `R` or `D` for example, as /proc/PID/stat names them. */
  states: Readonly<Record<string, number>>;
  /** Both streams, shipped or not. */
  logBytes: number;
  /** Of the log on disk, and how much of it may be there before the run is paused. */
  heldBytes: number;
  heldBytesMax: number;
};

export type ObservedRun = { id: string; spec: RunSpec; lineage: string; attempt: number };

/**
 * What a run's watcher is told, in order, on the agent's one thread. `atMs` is the agent's steady clock: milliseconds since the
 * epoch that no change of the host's clock moves. What it throws is logged, and neither ends nor delays the run.
 */
export interface RunObserver {
  /** Launched, or adopted after a restart of the agent. */
  began(run: ObservedRun, atMs: number): void;
  /** One redacted line where it lies, without its line feed: valid during the call only. */
  line(
    runId: string,
    seq: number,
    atMs: number,
    stream: "stdout" | "stderr",
    line: Readonly<Span>,
    partial: boolean,
  ): void;
  /** The batch up to this line is in the spool; called inside the same transaction. */
  committed(runId: string, seq: number): void;
  /** The last line its stored state stands for: of those that are committed, the ones after it are to be told again, first. */
  resumesAfter(runId: string): number;
  /** A segment of the log was closed; called inside the transaction that says so. `sha256` is of its uncompressed encoding. */
  segmentClosed(
    runId: string,
    closed: { segment: number; firstSeq: number; lastSeq: number; sha256: string },
  ): void;
  /** Every few seconds. */
  sampled(runId: string, atMs: number, sample: ResourceSample): void;
  heartbeat(runId: string, atMs: number, progress: number | null): void;
  /** A sign of progress that is neither a line nor a heartbeat: `what` names it for people. */
  progressed(runId: string, atMs: number, what: string): void;
  frozen(runId: string, atMs: number, isFrozen: boolean): void;
  /** Its main process ended; others may still be there. */
  exited(
    runId: string,
    exit: { code: number | null; signal: string | null; oomKilled: boolean },
    atMs: number,
  ): void;
  /** Its end is being stored, in the open transaction; the last chunk of evidence there will ever be, 0: none. */
  ending(
    runId: string,
    outcome: { state: EndState; exitCode: number | null; signal: string | null },
    atMs: number,
  ): number;
  ended(runId: string, state: EndState): void;
}

/** Watches nothing. */
export const noObserver: RunObserver = {
  began: () => undefined,
  line: () => undefined,
  committed: () => undefined,
  resumesAfter: () => Number.MAX_SAFE_INTEGER,
  segmentClosed: () => undefined,
  sampled: () => undefined,
  heartbeat: () => undefined,
  progressed: () => undefined,
  frozen: () => undefined,
  exited: () => undefined,
  ending: () => 0,
  ended: () => undefined,
};
