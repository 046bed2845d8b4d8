// What is kept of watches: where each goes on from, the entries of its open chunk, and closed chunks until they are shipped.

import type { HeaderEntry, PastExit } from "@flowplane/detection";
import type { SpoolDatabase } from "./database.ts";
import { isRunTold } from "./events.ts";

/** Earlier attempts that a later one is told of. */
export const PAST_EXITS_MAX = 32;

export type StoredWatch = {
  header: HeaderEntry;
  snapshot: Uint8Array | null;
  /** Number of the last entry that the snapshot stands for. */
  snapshotEntry: number;
  begun: boolean;
  lastChunk: number;
  /** SHA-256 of the last chunk, uncompressed. */
  lastHash: string | null;
  ended: boolean;
};

export type StoredEntry = { entry: number; text: string };

export type ChunkRow = { id: number; run_id: string; chunk: number; body: Uint8Array };

type WatchRow = {
  header: string;
  snapshot: Uint8Array | null;
  snapshot_entry: number;
  begun: number;
  last_chunk: number;
  last_hash: string | null;
  ended: number;
};

/** SQL: bytes that the evidence of a row of `runs` takes, closed chunks and entries that are in none yet. */
export const EVIDENCE_BYTES = `(SELECT coalesce(sum(length(body)), 0) FROM evidence_chunks WHERE evidence_chunks.run_id = runs.id)
  + (SELECT coalesce(sum(length(text)), 0) FROM evidence_entries WHERE evidence_entries.run_id = runs.id)`;

export function insertWatch(db: SpoolDatabase, runId: string, header: HeaderEntry): void {
  db.run(
    "INSERT OR IGNORE INTO watches (run_id, lineage, header) VALUES (?, ?, ?)",
    runId,
    header.lineage,
    JSON.stringify(header),
  );
}

export function findWatch(db: SpoolDatabase, runId: string): StoredWatch | null {
  const row = db.get<WatchRow>("SELECT * FROM watches WHERE run_id = ?", runId);
  if (!row) return null;
  return {
    // Written by this program from a value of this type.
    header: JSON.parse(row.header) as HeaderEntry,
    snapshot: row.snapshot,
    snapshotEntry: row.snapshot_entry,
    begun: row.begun === 1,
    lastChunk: row.last_chunk,
    lastHash: row.last_hash,
    ended: row.ended === 1,
  };
}

export function markBegun(db: SpoolDatabase, runId: string): void {
  db.run("UPDATE watches SET begun = 1 WHERE run_id = ?", runId);
}

export function markWatchEnded(db: SpoolDatabase, runId: string): void {
  db.run("UPDATE watches SET ended = 1, snapshot = NULL WHERE run_id = ?", runId);
}

export function saveSnapshot(db: SpoolDatabase, runId: string, snapshot: Uint8Array, entry: number): void {
  db.run("UPDATE watches SET snapshot = ?, snapshot_entry = ? WHERE run_id = ?", snapshot, entry, runId);
}

export function savePastExit(db: SpoolDatabase, runId: string, exit: Omit<PastExit, "acted">): void {
  db.run("UPDATE watches SET past_exit = ? WHERE run_id = ?", JSON.stringify(exit), runId);
}

/** How earlier attempts of a lineage ended, oldest first, and whether an intervention answered it. */
export function findPastExits(db: SpoolDatabase, lineage: string, before: string): PastExit[] {
  const rows = db.all<{ past_exit: string; acted: number }>(
    `SELECT past_exit, EXISTS (
         SELECT 1 FROM incidents WHERE incidents.run_id = watches.run_id AND source = 'exits'
           AND json_extract(verdict, '$.outcome') = 'done' AND json_extract(verdict, '$.action.do') <> 'notify'
       ) AS acted
     FROM watches WHERE lineage = ? AND run_id <> ? AND past_exit IS NOT NULL ORDER BY rowid DESC LIMIT ?`,
    lineage,
    before,
    PAST_EXITS_MAX,
  );
  return rows
    .toReversed()
    .map((row) => ({ ...(JSON.parse(row.past_exit) as Omit<PastExit, "acted">), acted: row.acted === 1 }));
}

/** Written again by whoever is not sure that the first time was committed. */
export function saveEntries(db: SpoolDatabase, runId: string, entries: readonly StoredEntry[]): void {
  for (const { entry, text } of entries)
    db.run(
      "INSERT OR REPLACE INTO evidence_entries (run_id, entry, text) VALUES (?, ?, ?)",
      runId,
      entry,
      text,
    );
}

export function readEntries(db: SpoolDatabase, runId: string): StoredEntry[] {
  return db.all<StoredEntry>(
    "SELECT entry, text FROM evidence_entries WHERE run_id = ? ORDER BY entry",
    runId,
  );
}

/** Puts the entries that `body` holds out of the open chunk, into a closed one. `closedAt` is by the host's clock. */
export function saveChunk(
  db: SpoolDatabase,
  runId: string,
  chunk: number,
  body: Uint8Array,
  hash: string,
  lastEntry: number,
  closedAt: number,
): void {
  db.run(
    "INSERT OR REPLACE INTO evidence_chunks (run_id, chunk, body, closed_at) VALUES (?, ?, ?, ?)",
    runId,
    chunk,
    body,
    closedAt,
  );
  db.run("UPDATE watches SET last_chunk = ?, last_hash = ? WHERE run_id = ?", chunk, hash, runId);
  db.run("DELETE FROM evidence_entries WHERE run_id = ? AND entry <= ?", runId, lastEntry);
}

/** The next chunk to be shipped, past `afterId`. */
export function nextChunk(db: SpoolDatabase, afterId: number): ChunkRow | null {
  const sql = `SELECT * FROM evidence_chunks WHERE id > ? AND ${isRunTold("evidence_chunks")} ORDER BY id LIMIT 1`;
  return db.get<ChunkRow>(sql, afterId) ?? null;
}

/** Chunks of a run that are still here, in order, compressed. */
export function readChunks(db: SpoolDatabase, runId: string): ChunkRow[] {
  return db.all<ChunkRow>("SELECT * FROM evidence_chunks WHERE run_id = ? ORDER BY chunk", runId);
}

/** It is stored at the other end, which recognises it if this is lost to a power cut. */
export function forgetChunk(db: SpoolDatabase, id: number): void {
  db.lazily(() => db.run("DELETE FROM evidence_chunks WHERE id = ?", id));
}

/** Watches of runs this host has forgotten. */
export function forgetOldWatches(db: SpoolDatabase): void {
  db.lazily(() => {
    for (const table of ["watches", "evidence_entries", "evidence_chunks", "incidents"])
      db.run(`DELETE FROM ${table} WHERE run_id NOT IN (SELECT id FROM runs)`);
  });
}
