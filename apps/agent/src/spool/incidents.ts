// Incidents of this host's runs: what was found, what the policy made of it, and what of that is still to be done.

import type { PastIncident, Verdict } from "@flowplane/detection";
import type { SpoolDatabase } from "./database.ts";

/** Earlier incidents that a run's policy is told of. */
export const HISTORY_MAX = 100;

export type StoredIncident = {
  id: string;
  runId: string;
  number: number;
  source: string;
  sentence: string;
  verdict: Verdict;
};

type IncidentRow = {
  id: string;
  run_id: string;
  number: number;
  source: string;
  sentence: string;
  verdict: string;
};

const COLUMNS = "id, run_id, number, source, sentence, verdict";

export function insertIncident(db: SpoolDatabase, lineage: string, incident: StoredIncident): void {
  db.run(
    `INSERT INTO incidents (id, run_id, lineage, number, source, sentence, verdict, todo)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    incident.id,
    incident.runId,
    lineage,
    incident.number,
    incident.source,
    incident.sentence,
    JSON.stringify(incident.verdict),
    isToDo(incident.verdict) ? 1 : 0,
  );
}

/** A second look came to another verdict. */
export function saveVerdict(db: SpoolDatabase, id: string, verdict: Verdict): void {
  db.run(
    "UPDATE incidents SET verdict = ?, todo = ? WHERE id = ?",
    JSON.stringify(verdict),
    isToDo(verdict) ? 1 : 0,
    id,
  );
}

export function markDone(db: SpoolDatabase, id: string): void {
  db.run("UPDATE incidents SET todo = 0 WHERE id = ?", id);
}

export function markClosed(db: SpoolDatabase, id: string): void {
  db.run("UPDATE incidents SET closed = 1 WHERE id = ?", id);
}

export function findIncident(db: SpoolDatabase, runId: string, number: number): StoredIncident | null {
  const row = db.get<IncidentRow>(
    `SELECT ${COLUMNS} FROM incidents WHERE run_id = ? AND number = ?`,
    runId,
    number,
  );
  return row ? toIncident(row) : null;
}

export function findToDo(db: SpoolDatabase): StoredIncident[] {
  return db.all<IncidentRow>(`SELECT ${COLUMNS} FROM incidents WHERE todo = 1 ORDER BY id`).map(toIncident);
}

export function findOpen(db: SpoolDatabase, runId: string): StoredIncident[] {
  return db
    .all<IncidentRow>(
      `SELECT ${COLUMNS} FROM incidents WHERE run_id = ? AND closed = 0 ORDER BY number`,
      runId,
    )
    .map(toIncident);
}

/** How many the run ever had; the oldest of them may be forgotten. */
export function countIncidents(db: SpoolDatabase, runId: string): number {
  return (
    db.get<{ n: number | null }>("SELECT max(number) AS n FROM incidents WHERE run_id = ?", runId)?.n ?? 0
  );
}

/** What was found and done before in this row of attempts, oldest first; with `without`, not in that run. */
export function findHistory(db: SpoolDatabase, lineage: string, without: string | null): PastIncident[] {
  return db
    .all<IncidentRow>(
      `SELECT ${COLUMNS} FROM incidents WHERE lineage = ? AND run_id IS NOT ? ORDER BY id DESC LIMIT ?`,
      lineage,
      without,
      HISTORY_MAX,
    )
    .toReversed()
    .map(toIncident)
    .map(({ runId, verdict: { category, key, action, outcome, at } }) => ({
      run_id: runId,
      category,
      key,
      action: action.do,
      outcome,
      at,
    }));
}

function isToDo({ outcome, action }: Verdict): boolean {
  return outcome === "done" && action.do !== "notify";
}

function toIncident(row: IncidentRow): StoredIncident {
  const { id, run_id: runId, number, source, sentence, verdict } = row;
  // Written by this module from a value of this type.
  return { id, runId, number, source, sentence, verdict: JSON.parse(verdict) as Verdict };
}
