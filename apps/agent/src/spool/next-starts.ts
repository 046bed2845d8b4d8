import { runSpecSchema } from "@flowplane/link";
import type { RunCreated, RunSpec } from "@flowplane/link";
import type { SpoolDatabase } from "./database.ts";

/** An attempt to come. Times are the steady clock's. */
export type NextStart = {
  runId: string;
  lineage: string;
  /** The run whose end it follows. */
  previous: string;
  origin: RunCreated["origin"];
  spec: RunSpec;
  retriesUsed: number;
  actor: string;
  reason: string;
  delayMs: number;
  dueAt: number;
};

type NextStartRow = {
  run_id: string;
  lineage: string;
  previous: string;
  origin: string;
  spec: string;
  retries_used: number;
  actor: string;
  reason: string;
  delay_ms: number;
  due_at: number;
};

export function insertNextStart(db: SpoolDatabase, next: NextStart): void {
  db.run(
    `INSERT INTO next_starts (run_id, lineage, previous, origin, spec, retries_used, actor, reason, delay_ms, due_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    next.runId,
    next.lineage,
    next.previous,
    next.origin,
    JSON.stringify(next.spec),
    next.retriesUsed,
    next.actor,
    next.reason,
    next.delayMs,
    next.dueAt,
  );
}

/** All of them, the next one first; LIVE_RUNS_MAX lineages at most have one each. */
export function listNextStarts(db: SpoolDatabase): NextStart[] {
  return db.all<NextStartRow>("SELECT * FROM next_starts ORDER BY due_at, run_id").map((row) => ({
    runId: row.run_id,
    lineage: row.lineage,
    previous: row.previous,
    origin: row.origin as NextStart["origin"], // Written by insertNextStart.
    spec: runSpecSchema.parse(JSON.parse(row.spec)),
    retriesUsed: row.retries_used,
    actor: row.actor,
    reason: row.reason,
    delayMs: row.delay_ms,
    dueAt: row.due_at,
  }));
}

export function deleteNextStart(db: SpoolDatabase, runId: string): void {
  db.run("DELETE FROM next_starts WHERE run_id = ?", runId);
}

/** After a reboot the steady clock begins anew: nobody waits longer than was meant in the first place. */
export function boundNextStarts(db: SpoolDatabase, now: number): void {
  db.run("UPDATE next_starts SET due_at = min(due_at, ? + delay_ms)", now);
}
