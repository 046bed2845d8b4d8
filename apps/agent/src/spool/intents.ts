import type { Intent } from "@flowplane/link";
import type { SpoolDatabase } from "./database.ts";

/** An intent's id is remembered this long after it was done; a control plane that never got the ack may send it until then. */
export const INTENT_MEMORY_MS = 30 * 24 * 3_600_000;

type IntentRow = { id: string; type: string; payload: string; created_at: string };

export function isKnownIntent(db: SpoolDatabase, id: string): boolean {
  return db.get("SELECT 1 FROM intents WHERE id = ?", id) !== undefined;
}

/** Stores new intents; durable when it returns, so that they may be acknowledged. */
export function storeIntents(db: SpoolDatabase, intents: readonly Intent[], now: number): void {
  db.durably(() => {
    for (const { id, type, payload, created_at } of intents) {
      db.run(
        "INSERT INTO intents (id, type, payload, created_at, received_at) VALUES (?, ?, ?, ?, ?)",
        id,
        type,
        JSON.stringify(payload),
        created_at,
        now,
      );
    }
  });
}

/** What is still to be carried out, oldest first. */
export function findIntentsToDo(db: SpoolDatabase, limit: number): Intent[] {
  const rows = db.all<IntentRow>(
    "SELECT id, type, payload, created_at FROM intents WHERE done_at IS NULL ORDER BY received_at, rowid LIMIT ?",
    limit,
  );
  return rows.map((row) => ({ ...row, payload: JSON.parse(row.payload) as Intent["payload"] }));
}

/** The stored order to start a run that is still to be carried out. */
export function findStartToDo(db: SpoolDatabase, runId: string): Intent | null {
  const row = db.get<IntentRow>(
    `SELECT id, type, payload, created_at FROM intents
     WHERE done_at IS NULL AND type = 'run.start' AND payload ->> 'run_id' = ?`,
    runId,
  );
  return row ? { ...row, payload: JSON.parse(row.payload) as Intent["payload"] } : null;
}

/** To be called in the transaction that holds the intent's effects. Its payload is no longer needed. */
export function markIntentDone(db: SpoolDatabase, id: string, now: number): void {
  db.run("UPDATE intents SET done_at = ?, payload = '{}' WHERE id = ?", now, id);
}

export function forgetOldIntents(db: SpoolDatabase, now: number): void {
  db.run("DELETE FROM intents WHERE done_at < ?", now - INTENT_MEMORY_MS);
}
