// What this host forgets of runs that are over, oldest first, so that its memory has an end: alone it is the only one who
// remembers, beside a control plane a short while is enough.

import { RunFiles } from "../supervisor/files.ts";
import type { SpoolDatabase } from "./database.ts";
import { EVIDENCE_BYTES } from "./evidence.ts";
import { HELD_BYTES } from "./runs.ts";

/** Alone: ended runs that are remembered at most, for how long at most, and what their logs and evidence may take. */
export const HISTORY_RUNS_MAX = 1_000;
export const HISTORY_MS = 30 * 24 * 3_600_000;
export const HISTORY_BYTES_MAX = 1024 * 1024 * 1024;
/** With a control plane that has all of it: what happened to a run can be read here for so long. */
export const JOINED_HISTORY_RUNS_MAX = 200;
export const JOINED_HISTORY_MS = 3_600_000;
/** Forgotten in one round; the next one goes on. */
const RUNS_PER_ROUND = 50;

const KEPT_BYTES = `(${HELD_BYTES} + ${EVIDENCE_BYTES})`;

type EndedRun = { id: string; bytes: number };

/** One round. `bytesMax` is how much may be kept on disk now, which is less when live runs or others need the room. */
export function forgetHistory(
  db: SpoolDatabase,
  dataDir: string,
  { isJoined, now, bytesMax }: { isJoined: boolean; now: number; bytesMax: number },
): void {
  db.run("DELETE FROM requests WHERE created_at < ?", now - HISTORY_MS);
  if (isJoined) forgetTimelines(db, now);
  else for (const id of findForgettable(db, now, bytesMax)) forgetRun(db, dataDir, id);
}

/** Ended runs beyond one of the bounds, oldest first. */
function findForgettable(db: SpoolDatabase, now: number, bytesMax: number): string[] {
  const ended = "FROM runs WHERE ended_at IS NOT NULL";
  const { runs, bytes } = db.get<{ runs: number; bytes: number | null }>(
    `SELECT count(*) AS runs, sum(${KEPT_BYTES}) AS bytes ${ended}`,
  ) ?? { runs: 0, bytes: 0 };
  let [runsOver, bytesOver] = [runs - HISTORY_RUNS_MAX, (bytes ?? 0) - bytesMax];
  const forgettable: string[] = [];
  const oldest = db.all<EndedRun & { ended_at: number }>(
    `SELECT id, ended_at, ${KEPT_BYTES} AS bytes ${ended} ORDER BY ended_at LIMIT ?`,
    RUNS_PER_ROUND,
  );
  for (const run of oldest) {
    if (runsOver <= 0 && bytesOver <= 0 && run.ended_at >= now - HISTORY_MS) break;
    forgettable.push(run.id);
    runsOver -= 1;
    bytesOver -= run.bytes;
  }
  return forgettable;
}

/** Files first: a crash in between leaves a row, which is found again, and never files that nobody knows. */
function forgetRun(db: SpoolDatabase, dataDir: string, id: string): void {
  new RunFiles(dataDir, id).remove();
  db.durably(() => {
    for (const table of ["events", "segments", "batches"])
      db.run(`DELETE FROM ${table} WHERE run_id = ?`, id);
    db.run("DELETE FROM runs WHERE id = ?", id);
  });
}

/** The rows of runs stay, so that none is ever started again; their logs go when they are shipped. */
function forgetTimelines(db: SpoolDatabase, now: number): void {
  const old = db.all<{ id: string }>(
    `SELECT id FROM runs WHERE ended_at IS NOT NULL AND files_gone = 1
       AND (ended_at < ? OR ended_at < (SELECT ended_at FROM runs WHERE ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1 OFFSET ?))
       AND EXISTS (SELECT 1 FROM events WHERE run_id = runs.id)
       AND NOT EXISTS (SELECT 1 FROM events WHERE run_id = runs.id AND seq > (SELECT acked_up_to FROM outbox))
     ORDER BY ended_at LIMIT ?`,
    now - JOINED_HISTORY_MS,
    JOINED_HISTORY_RUNS_MAX,
    RUNS_PER_ROUND,
  );
  if (old.length === 0) return;
  db.lazily(() => {
    for (const { id } of old) db.run("DELETE FROM events WHERE run_id = ?", id);
  });
}
