import { runSpecSchema } from "@flowplane/link";
import type { RunSpec } from "@flowplane/link";
import { noUsage } from "../sampling/usage.ts";
import type { Usage } from "../sampling/usage.ts";
import type { Containment } from "../supervisor/containment.ts";
import type { Hold } from "../supervisor/holds.ts";
import type { ProcessIdentity } from "../supervisor/proc.ts";
import type { RunState } from "../supervisor/run.ts";
import type { SpoolDatabase } from "./database.ts";

/** A run whose log is shipped and whose end is known is remembered this long, so that it is never started again. */
export const RUN_MEMORY_MS = 30 * 24 * 3_600_000;

export type RunProcess = { wrapper: ProcessIdentity; job: ProcessIdentity };

/**
 * How far a run's output is read (`To`), and how far it is in segments on disk (`Freed`). `redaction` is what its redaction
 * goes on with from there, and what was counted up to there, as JSON.
 */
export type LogPosition = {
  stdoutTo: number;
  stderrTo: number;
  stdoutFreed: number;
  stderrFreed: number;
  lastSeq: number;
  lastBatch: number;
  lastSegment: number;
  closedBatch: number;
  redaction: string;
};

export type StoredRun = {
  id: string;
  spec: RunSpec;
  state: RunState;
  mark: string;
  bootId: string;
  process: RunProcess | null;
  signalsSent: string[];
  /** Id of the first of this row of attempts. */
  lineage: string;
  /** Retries since the last attempt that ran long enough to start the count afresh. */
  retriesUsed: number;
  /** Nothing follows its end, whatever its policy of retries says. */
  isForGood: boolean;
  /** What is to be started after its end. */
  restart: Restart | null;
  /** When its process was first seen, by the steady clock. */
  beganAt: number | null;
  /** Who keeps it paused; nobody: it is not. */
  holds: Hold[];
  usage: Usage;
  /** What the kernel holds it in and which limits it keeps; null before its launch. */
  containment: Containment | null;
  log: LogPosition;
};

/** A run that is to follow, asked for while the one before still ran. */
export type Restart = {
  runId: string;
  argsAdd: string[];
  envSet: Record<string, string>;
  delayMs: number;
  reason: string;
  actor: string;
};

type RunRow = {
  id: string;
  spec: string;
  state: string;
  mark: string;
  boot_id: string;
  process: string | null;
  signals_sent: string;
  lineage: string;
  retries_used: number;
  is_for_good: number;
  restart: string | null;
  began_at: number | null;
  holds: string;
  usage: string;
  containment: string | null;
  stdout_to: number;
  stderr_to: number;
  stdout_freed: number;
  stderr_freed: number;
  last_seq: number;
  last_batch: number;
  last_segment: number;
  closed_batch: number;
  redaction: string;
};

export function insertRun(
  db: SpoolDatabase,
  run: Pick<StoredRun, "id" | "spec" | "state" | "mark" | "bootId"> &
    Partial<Pick<StoredRun, "retriesUsed" | "isForGood">>,
  now: number,
): void {
  db.run(
    `INSERT INTO runs (id, spec, state, mark, boot_id, created_at, lineage, retries_used, is_for_good)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    run.id,
    JSON.stringify(run.spec),
    JSON.stringify(run.state),
    run.mark,
    run.bootId,
    now,
    run.spec.lineage ?? run.id,
    run.retriesUsed ?? 0,
    run.isForGood === true ? 1 : 0,
  );
}

export function isKnownRun(db: SpoolDatabase, id: string): boolean {
  return db.get("SELECT 1 FROM runs WHERE id = ?", id) !== undefined;
}

/** `endedAt` is the host's time, null while it has not ended. */
export function saveRunState(db: SpoolDatabase, id: string, state: RunState, endedAt: number | null): void {
  db.run("UPDATE runs SET state = ?, ended_at = ? WHERE id = ?", JSON.stringify(state), endedAt, id);
}

export function saveRunProcess(db: SpoolDatabase, id: string, process: RunProcess): void {
  db.run("UPDATE runs SET process = ? WHERE id = ?", JSON.stringify(process), id);
}

export function saveSignalsSent(db: SpoolDatabase, id: string, signals: readonly string[]): void {
  db.run("UPDATE runs SET signals_sent = ? WHERE id = ?", JSON.stringify(signals), id);
}

export function saveHolds(db: SpoolDatabase, id: string, holds: readonly Hold[]): void {
  db.run("UPDATE runs SET holds = ? WHERE id = ?", JSON.stringify(holds), id);
}

export function saveUsage(db: SpoolDatabase, id: string, usage: Usage): void {
  db.run("UPDATE runs SET usage = ? WHERE id = ?", JSON.stringify(usage), id);
}

export function saveContainment(db: SpoolDatabase, id: string, containment: Containment): void {
  db.run("UPDATE runs SET containment = ? WHERE id = ?", JSON.stringify(containment), id);
}

/** The run is over: what of its variables is secret has no use here any more. Their names stay. */
export function forgetSecrets(
  db: SpoolDatabase,
  id: string,
  { secret_env: names = [], ...spec }: RunSpec,
): void {
  if (names.length === 0) return;
  const env = Object.fromEntries(
    Object.entries(spec.env).map(([name, value]) => [name, names.includes(name) ? "" : value]),
  );
  db.run("UPDATE runs SET spec = ? WHERE id = ?", JSON.stringify({ ...spec, env, secret_env: names }), id);
}

export function saveBegan(db: SpoolDatabase, id: string, beganAt: number): void {
  db.run("UPDATE runs SET began_at = ? WHERE id = ?", beganAt, id);
}

export function saveRestart(db: SpoolDatabase, id: string, restart: Restart | null): void {
  db.run("UPDATE runs SET restart = ? WHERE id = ?", restart === null ? null : JSON.stringify(restart), id);
}

export function markForGood(db: SpoolDatabase, id: string): void {
  db.run("UPDATE runs SET is_for_good = 1, restart = NULL WHERE id = ?", id);
}

/** Attempts of a lineage made since then, the first one not counted. */
export function countAttemptsSince(db: SpoolDatabase, lineage: string, since: number): number {
  const sql = "SELECT count(*) AS n FROM runs WHERE lineage = ? AND id <> lineage AND created_at >= ?";
  return db.get<{ n: number }>(sql, lineage, since)?.n ?? 0;
}

export function findLineage(db: SpoolDatabase, id: string): string | null {
  return db.get<{ lineage: string }>("SELECT lineage FROM runs WHERE id = ?", id)?.lineage ?? null;
}

/** What a run's log takes on disk: its segments, and the output that is in none. */
export const HELD_BYTES = `((SELECT coalesce(sum(stored_bytes), 0) FROM segments WHERE segments.run_id = runs.id)
  + (stdout_to - stdout_freed + stderr_to - stderr_freed) * (ended_at IS NULL))`;

/** Bytes that the logs of all runs take on disk, as far as they are read. */
export const HELD_BYTES_OF_ALL = `SELECT coalesce((SELECT sum(stored_bytes) FROM segments), 0)
  + coalesce((SELECT sum(stdout_to - stdout_freed + stderr_to - stderr_freed) FROM runs WHERE ended_at IS NULL), 0) AS n`;

export function sumHeldBytes(db: SpoolDatabase): number {
  return db.get<{ n: number }>(HELD_BYTES_OF_ALL)?.n ?? 0;
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
    lineage: row.lineage,
    retriesUsed: row.retries_used,
    isForGood: row.is_for_good === 1,
    restart: row.restart === null ? null : (JSON.parse(row.restart) as Restart),
    beganAt: row.began_at,
    holds: JSON.parse(row.holds) as Hold[],
    usage: { ...noUsage, ...(JSON.parse(row.usage) as Partial<Usage>) },
    containment: row.containment === null ? null : (JSON.parse(row.containment) as Containment),
    log: {
      stdoutTo: row.stdout_to,
      stderrTo: row.stderr_to,
      stdoutFreed: row.stdout_freed,
      stderrFreed: row.stderr_freed,
      lastSeq: row.last_seq,
      lastBatch: row.last_batch,
      lastSegment: row.last_segment,
      closedBatch: row.closed_batch,
      redaction: row.redaction,
    },
  };
}
