import { runStopSchema } from "@flowplane/link";
import type { RunStop } from "@flowplane/link";
import type { SpoolDatabase } from "./database.ts";

/** An order to stop is remembered this long for a start that may still come. */
const EARLY_STOP_MEMORY_MS = 24 * 3_600_000;

export function rememberEarlyStop(db: SpoolDatabase, stop: RunStop, now: number): void {
  db.run("DELETE FROM early_stops WHERE received_at < ?", now - EARLY_STOP_MEMORY_MS);
  db.run(
    "INSERT OR REPLACE INTO early_stops (run_id, stop, received_at) VALUES (?, ?, ?)",
    stop.run_id,
    JSON.stringify(stop),
    now,
  );
}

/** The order that came before this run's start, which is forgotten with that. */
export function takeEarlyStop(db: SpoolDatabase, runId: string): RunStop | null {
  const row = db.get<{ stop: string }>("SELECT stop FROM early_stops WHERE run_id = ?", runId);
  if (!row) return null;
  db.run("DELETE FROM early_stops WHERE run_id = ?", runId);
  return runStopSchema.parse(JSON.parse(row.stop));
}
