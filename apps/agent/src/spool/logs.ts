import type { SpoolDatabase } from "./database.ts";
import { isRunTold } from "./events.ts";

/**
 * A stretch of a run's output that was read at one moment and is not in a segment yet. Batches of a run follow each other
 * without gaps. `flushed` says of which streams (1 stdout, 2 stderr) an unfinished line was taken early.
 */
export type Batch = {
  batch: number;
  at_ms: number;
  stdout_from: number;
  stdout_to: number;
  stderr_from: number;
  stderr_to: number;
  first_seq: number;
  lines: number;
  flushed: number;
};

/** A segment whose file is on this host: to be uploaded, or kept where there is nobody to upload to. */
export type SegmentRow = {
  id: number;
  run_id: string;
  segment_seq: number;
  first_seq: number;
  last_seq: number;
  /** Of the encoded lines, before compression. */
  bytes: number;
  encoding_sha256: string;
  /** Of the file. */
  stored_bytes: number;
  sha256: string;
  /** Time of its last line, ms; 0 where it is not known. */
  last_at: number;
};

/** Where a segment ends: what has to be known to go on behind it. */
export type SegmentEnd = {
  lastBatch: number;
  stdoutTo: number;
  stderrTo: number;
  /** What redaction goes on with, and what was counted so far, as JSON. */
  redaction: string;
};

const BATCH_COLUMNS =
  "batch, at_ms, stdout_from, stdout_to, stderr_from, stderr_to, first_seq, lines, flushed";

/** Adds a batch and moves the run's read position; in the caller's transaction. */
export function appendBatch(db: SpoolDatabase, runId: string, batch: Batch): void {
  db.run(
    `INSERT INTO batches (run_id, ${BATCH_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    runId,
    batch.batch,
    batch.at_ms,
    batch.stdout_from,
    batch.stdout_to,
    batch.stderr_from,
    batch.stderr_to,
    batch.first_seq,
    batch.lines,
    batch.flushed,
  );
  db.run(
    "UPDATE runs SET stdout_to = ?, stderr_to = ?, last_seq = ?, last_batch = ? WHERE id = ?",
    batch.stdout_to,
    batch.stderr_to,
    batch.first_seq + batch.lines - 1,
    batch.batch,
    runId,
  );
}

/** A segment's file is on disk: from now on it is what holds these lines. Durable; the batches it is made of go. */
export function storeSegment(db: SpoolDatabase, segment: Omit<SegmentRow, "id">, end: SegmentEnd): void {
  db.durably(() => {
    db.run(
      `INSERT INTO segments (run_id, segment_seq, first_seq, last_seq, bytes, encoding_sha256, stored_bytes, sha256, last_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      segment.run_id,
      segment.segment_seq,
      segment.first_seq,
      segment.last_seq,
      segment.bytes,
      segment.encoding_sha256,
      segment.stored_bytes,
      segment.sha256,
      segment.last_at,
    );
    moveSealed(db, segment.run_id, end);
    db.run("UPDATE runs SET last_segment = ? WHERE id = ?", segment.segment_seq, segment.run_id);
  });
}

/** As `storeSegment` for batches that hold no line: all of their bytes belonged to a secret marked before. */
export function storeNothing(db: SpoolDatabase, runId: string, end: SegmentEnd): void {
  db.lazily(() => moveSealed(db, runId, end));
}

function moveSealed(db: SpoolDatabase, runId: string, end: SegmentEnd): void {
  db.run("DELETE FROM batches WHERE run_id = ? AND batch <= ?", runId, end.lastBatch);
  db.run(
    "UPDATE runs SET closed_batch = ?, stdout_freed = ?, stderr_freed = ?, redaction = ? WHERE id = ?",
    end.lastBatch,
    end.stdoutTo,
    end.stderrTo,
    end.redaction,
    runId,
  );
}

/** The batches that are in no segment yet, in order. */
export function readBatches(db: SpoolDatabase, runId: string): Batch[] {
  return db.all<Batch>(`SELECT ${BATCH_COLUMNS} FROM batches WHERE run_id = ? ORDER BY batch`, runId);
}

/** Segments waiting for upload, oldest first, past `afterId`. */
export function findSegments(db: SpoolDatabase, afterId: number, limit: number): SegmentRow[] {
  return db.all<SegmentRow>(
    `SELECT * FROM segments WHERE id > ? AND ${isRunTold("segments")} ORDER BY id LIMIT ?`,
    afterId,
    limit,
  );
}

/** The run's segments on this host that hold line `fromSeq` or later ones, in order. */
export function findRunSegments(
  db: SpoolDatabase,
  runId: string,
  fromSeq: number,
  limit: number,
): SegmentRow[] {
  return db.all<SegmentRow>(
    "SELECT * FROM segments WHERE run_id = ? AND last_seq >= ? ORDER BY segment_seq LIMIT ?",
    runId,
    fromSeq,
    limit,
  );
}

/** Bytes of the run's segments on this host. */
export function sumSegmentBytes(db: SpoolDatabase, runId: string): number {
  const sql = "SELECT sum(stored_bytes) AS n FROM segments WHERE run_id = ?";
  return db.get<{ n: number | null }>(sql, runId)?.n ?? 0;
}

/**
 * A segment is stored at the other end; its file may go once this has returned. Losing this to a power cut costs one upload
 * that the other end recognises.
 */
export function forgetSegment(db: SpoolDatabase, segment: Pick<SegmentRow, "id">): void {
  db.lazily(() => db.run("DELETE FROM segments WHERE id = ?", segment.id));
}

/**
 * Forgets the batches from `batch` on, so that their bytes are read again: for those that speak of more than the files
 * hold, or that are no longer cut into as many lines.
 */
export function forgetBatchesFrom(db: SpoolDatabase, runId: string, batch: Batch): void {
  db.durably(() => {
    db.run("DELETE FROM batches WHERE run_id = ? AND batch >= ?", runId, batch.batch);
    db.run(
      "UPDATE runs SET stdout_to = ?, stderr_to = ?, last_seq = ?, last_batch = ? WHERE id = ?",
      batch.stdout_from,
      batch.stderr_from,
      batch.first_seq - 1,
      batch.batch - 1,
      runId,
    );
  });
}

/** Forgets the batches that speak of more bytes than the files hold. False when nothing was missing. */
export function trimLog(db: SpoolDatabase, runId: string, stdoutBytes: number, stderrBytes: number): boolean {
  const cut = readBatches(db, runId).find(
    (batch) =>
      (batch.stdout_to > stdoutBytes && batch.stdout_to > batch.stdout_from) ||
      (batch.stderr_to > stderrBytes && batch.stderr_to > batch.stderr_from),
  );
  if (!cut) return false;
  forgetBatchesFrom(db, runId, cut);
  return true;
}
