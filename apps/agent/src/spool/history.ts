// What this host remembers of its runs, to be read by its own people: rows, and the events that tell what happened. Events
// stay after the control plane has them, until their run is forgotten here.

import { runSpecSchema } from "@flowplane/link";
import type { RunSpec } from "@flowplane/link";
import type { SpoolDatabase } from "./database.ts";

export type RememberedRun = {
  /** Grows with each run. */
  order: number;
  id: string;
  spec: RunSpec;
  frozen: boolean;
  createdAt: number;
  endedAt: number | null;
  lastSeq: number;
  logBytes: number;
  expired: Expired;
};

/** What a run under way began with and is gone from this host, which was alone: no control plane has it either. */
export type Expired = {
  /** The last line and segment; 0 for none. */
  seq: number;
  segment: number;
  /** That line's time, ms. */
  until: number | null;
  /** The last chunk of evidence, and when it was closed. */
  chunk: number;
  chunkUntil: number | null;
  /** Incidents that its timeline no longer tells of. */
  incidents: number;
};

export type RememberedEvent = {
  seq: number;
  type: string;
  runId: string;
  at: number;
  payload: Record<string, unknown>;
};

type RunRow = {
  order: number;
  id: string;
  spec: string;
  frozen: number;
  created_at: number;
  ended_at: number | null;
  last_seq: number;
  log_bytes: number;
} & ExpiredRow;
type ExpiredRow = {
  expired_seq: number;
  expired_segment: number;
  expired_until: number | null;
  expired_chunk: number;
  expired_chunk_until: number | null;
  expired_incidents: number;
};
type EventRow = { seq: number; type: string; run_id: string; at: number; payload: string };

const EXPIRED_COLUMNS =
  "expired_seq, expired_segment, expired_until, expired_chunk, expired_chunk_until, expired_incidents";
const RUN_COLUMNS = `rowid AS "order", id, spec, holds <> '[]' AS frozen, created_at, ended_at, last_seq, stdout_to + stderr_to AS log_bytes, ${EXPIRED_COLUMNS}`;
/** Of other runs only that is left which keeps them from being started again. */
const IS_REMEMBERED = "EXISTS (SELECT 1 FROM events WHERE events.run_id = runs.id)";

/** Runs older than the one of that order, newest first. */
export function listRemembered(
  db: SpoolDatabase,
  { before, active, limit }: { before: number | null; active: boolean | null; limit: number },
): RememberedRun[] {
  const activity = active === null ? "" : `AND ended_at IS ${active ? "" : "NOT"} NULL`;
  const sql = `SELECT ${RUN_COLUMNS} FROM runs WHERE rowid < ? ${activity} AND ${IS_REMEMBERED} ORDER BY rowid DESC LIMIT ?`;
  return db.all<RunRow>(sql, before ?? Number.MAX_SAFE_INTEGER, limit).map(toRun);
}

export function findRemembered(db: SpoolDatabase, id: string): RememberedRun | null {
  const row = db.get<RunRow>(`SELECT ${RUN_COLUMNS} FROM runs WHERE id = ? AND ${IS_REMEMBERED}`, id);
  return row ? toRun(row) : null;
}

/** What is gone of a run; nothing where nobody knows it. */
export function findExpired(db: SpoolDatabase, id: string): Expired | null {
  const row = db.get<ExpiredRow>(`SELECT ${EXPIRED_COLUMNS} FROM runs WHERE id = ?`, id);
  return row ? toExpired(row) : null;
}

/** Events of a run in order, after that number. */
export function readRunEvents(
  db: SpoolDatabase,
  runId: string,
  afterSeq: number,
  limit: number,
): RememberedEvent[] {
  const sql =
    "SELECT seq, type, run_id, at, payload FROM events WHERE run_id = ? AND seq > ? ORDER BY seq LIMIT ?";
  return db.all<EventRow>(sql, runId, afterSeq, limit).map(toEvent);
}

/** Events of one type, newest first: of one run, or of all. */
export function readEventsOfTypes(
  db: SpoolDatabase,
  types: readonly string[],
  { runId, before, limit }: { runId?: string; before?: number; limit: number },
): RememberedEvent[] {
  const sql = `SELECT seq, type, run_id, at, payload FROM events
    WHERE type IN (SELECT value FROM json_each(?)) AND seq < ? ${runId === undefined ? "AND run_id IS NOT NULL" : "AND run_id = ?"}
    ORDER BY seq DESC LIMIT ?`;
  const values = [JSON.stringify(types), before ?? Number.MAX_SAFE_INTEGER];
  return db.all<EventRow>(sql, ...values, ...(runId === undefined ? [] : [runId]), limit).map(toEvent);
}

/** The run a repeated request has made already, or null. `hash` tells the same request from another under the same key. */
export function findRequest(db: SpoolDatabase, key: string): { run_id: string; hash: string } | null {
  return (
    db.get<{ run_id: string; hash: string }>("SELECT run_id, hash FROM requests WHERE key = ?", key) ?? null
  );
}

export function rememberRequest(
  db: SpoolDatabase,
  request: { key: string; hash: string; runId: string },
  now: number,
): void {
  db.run(
    "INSERT INTO requests (key, hash, run_id, created_at) VALUES (?, ?, ?, ?)",
    request.key,
    request.hash,
    request.runId,
    now,
  );
}

function toRun(row: RunRow): RememberedRun {
  return {
    order: row.order,
    id: row.id,
    spec: runSpecSchema.parse(JSON.parse(row.spec)),
    frozen: row.frozen === 1,
    createdAt: row.created_at,
    endedAt: row.ended_at,
    lastSeq: row.last_seq,
    logBytes: row.log_bytes,
    expired: toExpired(row),
  };
}

function toExpired(row: ExpiredRow): Expired {
  return {
    seq: row.expired_seq,
    segment: row.expired_segment,
    until: row.expired_until,
    chunk: row.expired_chunk,
    chunkUntil: row.expired_chunk_until,
    incidents: row.expired_incidents,
  };
}

function toEvent({ run_id: runId, payload, ...row }: EventRow): RememberedEvent {
  return { ...row, runId, payload: JSON.parse(payload) as Record<string, unknown> };
}
