// Runs that never end, on a host that is alone: nobody takes their logs, so the oldest of them goes, from the beginning. Beside a
// control plane nothing of this is done: there a segment goes when it is stored, and a run that is too fast is paused.

import { rmSync } from "node:fs";
import { RunFiles } from "../supervisor/files.ts";
import type { SpoolDatabase } from "./database.ts";
import { HISTORY_MS } from "./forgetting.ts";

/** Segments and chunks that one round lets go of; the next one goes on. */
const ROWS_PER_ROUND = 500;

type Segment = { segment_seq: number; last_seq: number; last_at: number; stored_bytes: number };
type Chunk = { chunk: number; closed_at: number };

/**
 * One round. What is older than history is kept goes, and of what is left in closed segments so much that all runs under way keep
 * `bytesMax`: the run that holds most loses its oldest first. The newest segment of a run always stays. `onGone` is told of each
 * run's bytes.
 */
export function forgetBeginnings(
  db: SpoolDatabase,
  dataDir: string,
  { now, bytesMax }: { now: number; bytesMax: number },
  onGone: (runId: string, storedBytes: number) => void,
): void {
  const before = now - HISTORY_MS;
  const held = heldByLive(db);
  let over = sum(held.values()) - bytesMax;
  let left = ROWS_PER_ROUND;
  const drop = (runId: string, segments: readonly Segment[]) => {
    const bytes = dropSegments(db, dataDir, runId, segments);
    held.set(runId, (held.get(runId) ?? 0) - bytes);
    over -= bytes;
    left -= segments.length;
    if (segments.length > 0) onGone(runId, bytes);
  };
  for (const runId of held.keys()) {
    if (left <= 0) return;
    drop(
      runId,
      inFront(firstSegments(db, runId, left), ({ last_at: at }) => at > 0 && at < before),
    );
    left -= dropChunks(db, runId, before, left);
  }
  const tried = new Set<string>();
  while (over > 0 && left > 0) {
    const [largest] = [...held].filter(([runId]) => !tried.has(runId)).toSorted((a, b) => b[1] - a[1]);
    if (largest === undefined) return;
    const [runId, bytes] = largest;
    // Down to the next largest, so that the quiet ones lose nothing to a loud one.
    const next = Math.max(0, ...[...held].filter(([id]) => id !== runId).map(([, held]) => held));
    let excess = Math.max(1, Math.min(over, bytes - next));
    const old = inFront(firstSegments(db, runId, left), ({ stored_bytes: size }) => {
      if (excess <= 0) return false;
      excess -= size;
      return true;
    });
    if (old.length === 0) tried.add(runId);
    drop(runId, old);
  }
}

/** Bytes in closed segments of each run that is not over. */
function heldByLive(db: SpoolDatabase): Map<string, number> {
  const rows = db.all<{ id: string; bytes: number }>(
    `SELECT id, (SELECT coalesce(sum(stored_bytes), 0) FROM segments WHERE segments.run_id = runs.id) AS bytes
     FROM runs WHERE ended_at IS NULL`,
  );
  return new Map(rows.map(({ id, bytes }) => [id, bytes]));
}

/** A run's segments in order, without its newest. */
function firstSegments(db: SpoolDatabase, runId: string, limit: number): Segment[] {
  return db.all<Segment>(
    `SELECT segment_seq, last_seq, last_at, stored_bytes FROM segments WHERE run_id = ?1
       AND segment_seq < (SELECT max(segment_seq) FROM segments WHERE run_id = ?1)
     ORDER BY segment_seq LIMIT ?2`,
    runId,
    limit,
  );
}

function inFront<Row>(rows: readonly Row[], isOld: (row: Row) => boolean): readonly Row[] {
  const kept = rows.findIndex((row) => !isOld(row));
  return kept < 0 ? rows : rows.slice(0, kept);
}

/** The rows first: a file without one goes with its run, a row without a file would be looked for. Gives the bytes. */
function dropSegments(
  db: SpoolDatabase,
  dataDir: string,
  runId: string,
  segments: readonly Segment[],
): number {
  const last = segments.at(-1);
  if (last === undefined) return 0;
  db.durably(() => {
    db.run("DELETE FROM segments WHERE run_id = ? AND segment_seq <= ?", runId, last.segment_seq);
    db.run(
      "UPDATE runs SET expired_seq = ?, expired_segment = ?, expired_until = ? WHERE id = ?",
      last.last_seq,
      last.segment_seq,
      last.last_at === 0 ? null : last.last_at,
      runId,
    );
  });
  const files = new RunFiles(dataDir, runId);
  for (const { segment_seq: segment } of segments) rmSync(files.segment(segment), { force: true });
  return sum(segments.map(({ stored_bytes: bytes }) => bytes));
}

/** Chunks of evidence that were closed before; how many. */
function dropChunks(db: SpoolDatabase, runId: string, before: number, limit: number): number {
  const chunks = db.all<Chunk>(
    "SELECT chunk, closed_at FROM evidence_chunks WHERE run_id = ? ORDER BY chunk LIMIT ?",
    runId,
    Math.max(0, limit),
  );
  const old = inFront(chunks, ({ closed_at: at }) => at > 0 && at < before);
  const last = old.at(-1);
  if (last === undefined) return 0;
  db.durably(() => {
    db.run("DELETE FROM evidence_chunks WHERE run_id = ? AND chunk <= ?", runId, last.chunk);
    db.run(
      "UPDATE runs SET expired_chunk = ?, expired_chunk_until = ? WHERE id = ?",
      last.chunk,
      last.closed_at,
      runId,
    );
  });
  return old.length;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
