import { randomUUID } from "node:crypto";
import type { EventPayload, EventType, LinkEvent } from "@flowplane/link";
import type { SpoolDatabase } from "./database.ts";
import { noteOrigin } from "./tenure.ts";

/** With this many events waiting for a control plane that is away, notes are no longer added; states of runs always are. */
export const NOTES_PAUSED_AT_EVENTS = 100_000;

export type OutboxRow = { spool_id: string; last_seq: number; acked_up_to: number };

export type NewEvent = {
  [T in EventType]: { type: T; runId: string | null; at: number; payload: EventPayload<T> };
}[EventType];

type EventRow = { seq: number; type: string; run_id: string | null; at: number; payload: string };

/** The spool's name and numbers; a new spool gets a name of its own. */
export function readOutbox(db: SpoolDatabase): OutboxRow {
  const row = db.get<OutboxRow>("SELECT spool_id, last_seq, acked_up_to FROM outbox");
  if (row) return row;
  const fresh = { spool_id: randomUUID(), last_seq: 0, acked_up_to: 0 };
  db.durably(() =>
    db.run("INSERT INTO outbox (spool_id, last_seq, acked_up_to) VALUES (?, 0, 0)", fresh.spool_id),
  );
  return fresh;
}

/** Appends one event with the next number; durable with the transaction it is called in. */
export function appendEvent(db: SpoolDatabase, event: NewEvent): void {
  db.durably(() => {
    const { last_seq: lastSeq, acked_up_to: ackedUpTo } = readOutbox(db);
    if (event.type === "run.note" && isFull(db, lastSeq, ackedUpTo)) return;
    db.run(
      "INSERT INTO events (seq, type, run_id, at, payload) VALUES (?, ?, ?, ?, ?)",
      lastSeq + 1,
      event.type,
      event.runId,
      event.at,
      JSON.stringify(event.payload),
    );
    db.run("UPDATE outbox SET last_seq = ?", lastSeq + 1);
  });
}

/** Numbers alone do not say it: on a host without a control plane none is ever acknowledged, and the oldest events are forgotten. */
function isFull(db: SpoolDatabase, lastSeq: number, ackedUpTo: number): boolean {
  if (lastSeq - ackedUpTo < NOTES_PAUSED_AT_EVENTS) return false;
  const waiting = db.get<{ n: number }>("SELECT count(*) AS n FROM events WHERE seq > ?", ackedUpTo);
  return (waiting?.n ?? 0) >= NOTES_PAUSED_AT_EVENTS;
}

/**
 * Adds to the report of a run's stop when the first signal had reached the kernel. The report is stored before the signal and sent after
 * it; when a crash comes between, it goes without that time.
 */
export function noteSignalled(db: SpoolDatabase, runId: string, at: number): void {
  db.run(
    "UPDATE events SET payload = json_set(payload, '$.signalled_at', ?) WHERE run_id = ? AND type = 'run.stopping'",
    new Date(at).toISOString(),
    runId,
  );
}

/** The events numbered `from` to `to`, both included, as they travel. */
export function readEvents(db: SpoolDatabase, from: number, to: number): LinkEvent[] {
  const rows = db.all<EventRow>(
    "SELECT seq, type, run_id, at, payload FROM events WHERE seq BETWEEN ? AND ? ORDER BY seq",
    from,
    to,
  );
  return rows.map(({ seq, type, run_id: runId, at, payload }) => ({
    seq,
    type,
    ...(runId === null ? {} : { run_id: runId }),
    at: new Date(at).toISOString(),
    payload: JSON.parse(payload) as LinkEvent["payload"],
  }));
}

/**
 * Notes that the control plane has stored events up to a number. Those of runs stay for this host's own people, until the
 * run is forgotten; the others go. Losing this to a crash costs one resend, so it need not be durable.
 */
export function forgetEvents(db: SpoolDatabase, upTo: number): void {
  db.lazily(() => {
    db.run("DELETE FROM events WHERE seq <= ? AND run_id IS NULL", upTo);
    db.run("UPDATE outbox SET acked_up_to = ?", upTo);
  });
}

/** Further than any number of an event, so that moved ones meet none that is still to be moved. */
const FAR = 2 ** 50;

/**
 * Gives the spool a new name and numbers what is unacknowledged from 1, without gaps; see `renew_spool` in the outbox machine.
 * What was acknowledged keeps its place before it, at 0 and below. As a copy it is another spool than the one it was, which goes on
 * elsewhere: it proves nothing by the tokens of that one, and what is unacknowledged that one may tell as well.
 */
export function renewSpool(db: SpoolDatabase, isCopy = false): OutboxRow {
  return db.durably(() => {
    const { spool_id: fromSpool, acked_up_to: ackedUpTo } = readOutbox(db);
    db.run("UPDATE events SET seq = seq - ?", FAR);
    db.run("UPDATE events SET seq = seq + ? WHERE seq <= ?", FAR - ackedUpTo, ackedUpTo - FAR);
    const waiting = db.all<{ seq: number }>("SELECT seq FROM events WHERE seq < ? ORDER BY seq", -FAR / 2);
    for (const [index, { seq }] of waiting.entries())
      db.run("UPDATE events SET seq = ? WHERE seq = ?", index + 1, seq);
    const fresh = { spool_id: randomUUID(), last_seq: waiting.length, acked_up_to: 0 };
    db.run("UPDATE outbox SET spool_id = ?, last_seq = ?, acked_up_to = 0", fresh.spool_id, fresh.last_seq);
    noteOrigin(db, fromSpool, isCopy ? waiting.length : null);
    return fresh;
  });
}

/** Whether events were forgotten that no control plane has: the rest can be told only under new numbers. */
export function hasGaps(db: SpoolDatabase): boolean {
  const { acked_up_to: ackedUpTo, last_seq: lastSeq } = readOutbox(db);
  const { n } = db.get<{ n: number }>("SELECT count(*) AS n FROM events WHERE seq > ?", ackedUpTo) ?? {
    n: 0,
  };
  return n !== lastSeq - ackedUpTo;
}

/**
 * A condition on a table of what is uploaded of runs. A run that began here is told to the control plane as an event; until it has
 * that, it takes nothing else of the run.
 */
export function isRunTold(table: "segments" | "evidence_chunks"): string {
  return `NOT EXISTS (SELECT 1 FROM events WHERE events.run_id = ${table}.run_id
    AND events.seq > (SELECT acked_up_to FROM outbox) AND events.type = 'run.created')`;
}
