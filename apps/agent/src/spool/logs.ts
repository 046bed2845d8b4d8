import type { SpoolDatabase } from "./database.ts";

/** A stretch of a run's output that was read at one moment. Batches of a run follow each other without gaps. */
export type Batch = {
  batch: number;
  at_ms: number;
  stdout_from: number;
  stdout_to: number;
  stderr_from: number;
  stderr_to: number;
  first_seq: number;
  lines: number;
};

/** A closed segment: consecutive batches, to be uploaded. */
export type SegmentRow = {
  id: number;
  run_id: string;
  segment_seq: number;
  first_batch: number;
  last_batch: number;
};

const BATCH_COLUMNS = "batch, at_ms, stdout_from, stdout_to, stderr_from, stderr_to, first_seq, lines";

/** Adds a batch and moves the run's read position, together. */
export function appendBatch(db: SpoolDatabase, runId: string, batch: Batch): void {
  db.lazily(() => {
    db.run(
      `INSERT INTO batches (run_id, ${BATCH_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      runId,
      batch.batch,
      batch.at_ms,
      batch.stdout_from,
      batch.stdout_to,
      batch.stderr_from,
      batch.stderr_to,
      batch.first_seq,
      batch.lines,
    );
    db.run(
      "UPDATE runs SET stdout_to = ?, stderr_to = ?, last_seq = ?, last_batch = ? WHERE id = ?",
      batch.stdout_to,
      batch.stderr_to,
      batch.first_seq + batch.lines - 1,
      batch.batch,
      runId,
    );
  });
}

/** Closes the next segment over `firstBatch` to `lastBatch`. Durable, and everything before it becomes so, too. */
export function closeSegment(
  db: SpoolDatabase,
  runId: string,
  segmentSeq: number,
  firstBatch: number,
  lastBatch: number,
): void {
  db.durably(() => {
    db.run(
      "INSERT INTO segments (run_id, segment_seq, first_batch, last_batch) VALUES (?, ?, ?, ?)",
      runId,
      segmentSeq,
      firstBatch,
      lastBatch,
    );
    db.run("UPDATE runs SET last_segment = ?, closed_batch = ? WHERE id = ?", segmentSeq, lastBatch, runId);
  });
}

export function readBatches(
  db: SpoolDatabase,
  runId: string,
  firstBatch: number,
  lastBatch: number,
): Batch[] {
  return db.all<Batch>(
    `SELECT ${BATCH_COLUMNS} FROM batches WHERE run_id = ? AND batch BETWEEN ? AND ? ORDER BY batch`,
    runId,
    firstBatch,
    lastBatch,
  );
}

/** The batches from the one that holds line `seq` on, as far as they are still kept. */
export function readBatchesFromSeq(db: SpoolDatabase, runId: string, seq: number, limit: number): Batch[] {
  return db.all<Batch>(
    `SELECT ${BATCH_COLUMNS} FROM batches WHERE run_id = ? AND first_seq + lines > ? ORDER BY batch LIMIT ?`,
    runId,
    seq,
    limit,
  );
}

/** Segments waiting for upload, oldest first, past `afterId`. */
export function findSegments(db: SpoolDatabase, afterId: number, limit: number): SegmentRow[] {
  return db.all<SegmentRow>(
    "SELECT id, run_id, segment_seq, first_batch, last_batch FROM segments WHERE id > ? ORDER BY id LIMIT ?",
    afterId,
    limit,
  );
}

/**
 * A segment is stored at the other end: forgets it and its batches, and moves the run's freed position up to the first
 * batch that is still kept. Losing this to a power cut costs one upload that the other end recognises.
 */
export function forgetSegment(db: SpoolDatabase, segment: SegmentRow): void {
  db.lazily(() => {
    db.run("DELETE FROM segments WHERE id = ?", segment.id);
    db.run(
      "DELETE FROM batches WHERE run_id = ? AND batch BETWEEN ? AND ?",
      segment.run_id,
      segment.first_batch,
      segment.last_batch,
    );
    // Segments may be stored out of order when one is tried again, so the first batch kept decides.
    const kept = db.get<Batch>(
      `SELECT ${BATCH_COLUMNS} FROM batches WHERE run_id = ? ORDER BY batch LIMIT 1`,
      segment.run_id,
    );
    db.run(
      `UPDATE runs SET stdout_freed = coalesce(?, stdout_to), stderr_freed = coalesce(?, stderr_to) WHERE id = ?`,
      kept?.stdout_from ?? null,
      kept?.stderr_from ?? null,
      segment.run_id,
    );
  });
}

/**
 * Forgets the batches, and the segments made of them, that speak of more bytes than the files hold; what is left of a cut
 * segment is read into a new one of the same number. False when nothing was missing.
 */
export function trimLog(db: SpoolDatabase, runId: string, stdoutBytes: number, stderrBytes: number): boolean {
  const cut = db.get<Batch>(
    `SELECT ${BATCH_COLUMNS} FROM batches WHERE run_id = ? AND (stdout_to > ? OR stderr_to > ?) ORDER BY batch LIMIT 1`,
    runId,
    stdoutBytes,
    stderrBytes,
  );
  if (!cut) return false;
  db.durably(() => {
    const segment = db.get<SegmentRow>(
      "SELECT * FROM segments WHERE run_id = ? AND last_batch >= ? ORDER BY segment_seq LIMIT 1",
      runId,
      cut.batch,
    );
    db.run("DELETE FROM batches WHERE run_id = ? AND batch >= ?", runId, cut.batch);
    db.run(
      "UPDATE runs SET stdout_to = ?, stderr_to = ?, last_seq = ?, last_batch = ? WHERE id = ?",
      cut.stdout_from,
      cut.stderr_from,
      cut.first_seq - 1,
      cut.batch - 1,
      runId,
    );
    if (!segment) return;
    db.run("DELETE FROM segments WHERE run_id = ? AND segment_seq >= ?", runId, segment.segment_seq);
    db.run(
      "UPDATE runs SET last_segment = ?, closed_batch = ? WHERE id = ?",
      segment.segment_seq - 1,
      segment.first_batch - 1,
      runId,
    );
  });
  return true;
}
