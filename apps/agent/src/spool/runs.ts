import { runSpecSchema } from "@flowplane/link";
import type { RunSpec } from "@flowplane/link";
import type { ProcessIdentity } from "../supervisor/proc.ts";
import type { RunState } from "../supervisor/run.ts";
import type { SpoolDatabase } from "./database.ts";

/** A run whose log is shipped and whose end is known is remembered this long, so that it is never started again. */
export const RUN_MEMORY_MS = 30 * 24 * 3_600_000;

export type RunProcess = { wrapper: ProcessIdentity; job: ProcessIdentity };

/** How far a run's output is read (`To`), and how far it is shipped and its disk space given back (`Freed`). */
export type LogPosition = {
  stdoutTo: number;
  stderrTo: number;
  stdoutFreed: number;
  stderrFreed: number;
  lastSeq: number;
  lastBatch: number;
  lastSegment: number;
  closedBatch: number;
};

export type StoredRun = {
  id: string;
  spec: RunSpec;
  state: RunState;
  mark: string;
  bootId: string;
  process: RunProcess | null;
  signalsSent: string[];
  frozen: boolean;
  log: LogPosition;
};

type RunRow = {
  id: string;
  spec: string;
  state: string;
  mark: string;
  boot_id: string;
  process: string | null;
  signals_sent: string;
  frozen: number;
  stdout_to: number;
  stderr_to: number;
  stdout_freed: number;
  stderr_freed: number;
  last_seq: number;
  last_batch: number;
  last_segment: number;
  closed_batch: number;
};

export function insertRun(
  db: SpoolDatabase,
  run: Pick<StoredRun, "id" | "spec" | "state" | "mark" | "bootId">,
  now: number,
): void {
  db.run(
    "INSERT INTO runs (id, spec, state, mark, boot_id, created_at) VALUES (?, ?, ?, ?, ?, ?)",
    run.id,
    JSON.stringify(run.spec),
    JSON.stringify(run.state),
    run.mark,
    run.bootId,
    now,
  );
}

export function isKnownRun(db: SpoolDatabase, id: string): boolean {
  return db.get("SELECT 1 FROM runs WHERE id = ?", id) !== undefined;
}

export function saveRunState(db: SpoolDatabase, id: string, state: RunState): void {
  const endedAt = state.kind === "ended" ? state.outcome.endedAt : null;
  db.run("UPDATE runs SET state = ?, ended_at = ? WHERE id = ?", JSON.stringify(state), endedAt, id);
}

export function saveRunProcess(db: SpoolDatabase, id: string, process: RunProcess): void {
  db.run("UPDATE runs SET process = ? WHERE id = ?", JSON.stringify(process), id);
}

export function saveSignalsSent(db: SpoolDatabase, id: string, signals: readonly string[]): void {
  db.run("UPDATE runs SET signals_sent = ? WHERE id = ?", JSON.stringify(signals), id);
}

export function saveFrozen(db: SpoolDatabase, id: string, frozen: boolean): void {
  db.run("UPDATE runs SET frozen = ? WHERE id = ?", frozen ? 1 : 0, id);
}

/** Bytes of output of all runs that are read and not yet shipped. */
export function sumUnshippedBytes(db: SpoolDatabase): number {
  const sql =
    "SELECT sum(stdout_to - stdout_freed + stderr_to - stderr_freed) AS n FROM runs WHERE files_gone = 0";
  return db.get<{ n: number | null }>(sql)?.n ?? 0;
}

/** Runs that are not over, in the order they came. */
export function findLiveRuns(db: SpoolDatabase): StoredRun[] {
  return db.all<RunRow>("SELECT * FROM runs WHERE ended_at IS NULL ORDER BY rowid").map(toRun);
}

export function findRun(db: SpoolDatabase, id: string): StoredRun | null {
  const row = db.get<RunRow>("SELECT * FROM runs WHERE id = ?", id);
  return row ? toRun(row) : null;
}

/** Ended runs whose whole log is at the other end: their files are of no more use. */
export function findRunsToClean(db: SpoolDatabase): string[] {
  const sql = `SELECT id FROM runs WHERE ended_at IS NOT NULL AND files_gone = 0
    AND NOT EXISTS (SELECT 1 FROM segments WHERE segments.run_id = runs.id) LIMIT 100`;
  return db.all<{ id: string }>(sql).map((row) => row.id);
}

export function markFilesGone(db: SpoolDatabase, id: string): void {
  db.lazily(() => db.run("UPDATE runs SET files_gone = 1 WHERE id = ?", id));
}

export function forgetOldRuns(db: SpoolDatabase, now: number): void {
  db.run("DELETE FROM runs WHERE files_gone = 1 AND ended_at < ?", now - RUN_MEMORY_MS);
}

function toRun(row: RunRow): StoredRun {
  return {
    id: row.id,
    spec: runSpecSchema.parse(JSON.parse(row.spec)),
    // Both were written by this module from values of these types.
    state: JSON.parse(row.state) as RunState,
    process: row.process === null ? null : (JSON.parse(row.process) as RunProcess),
    mark: row.mark,
    bootId: row.boot_id,
    signalsSent: JSON.parse(row.signals_sent) as string[],
    frozen: row.frozen === 1,
    log: {
      stdoutTo: row.stdout_to,
      stderrTo: row.stderr_to,
      stdoutFreed: row.stdout_freed,
      stderrFreed: row.stderr_freed,
      lastSeq: row.last_seq,
      lastBatch: row.last_batch,
      lastSegment: row.last_segment,
      closedBatch: row.closed_batch,
    },
  };
}
