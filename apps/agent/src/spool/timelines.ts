// Timelines of runs that never end: what is long over goes, oldest first, and one entry says how much that was. How the run was
// created and started, what is open, and what was done to it last stay.

import { timelineSentence } from "@flowplane/contract";
import type { SpoolDatabase } from "./database.ts";
import { readOutbox } from "./events.ts";
import { HISTORY_MS } from "./forgetting.ts";
import { HISTORY_MAX } from "./incidents.ts";

/** Entries of one run under way that are over and kept all the same, at most. */
export const TIMELINE_EVENTS_MAX = 1_000;
/** Entries of one run that a round looks at; the next one goes on. */
const READ_MAX = 5_000;

/** An event as far as it decides what may go. */
export type TimelineEvent = {
  seq: number;
  type: string;
  at: number;
  incident: string | null;
  /** It is an intervention by which something was done. */
  acts: boolean;
};

/** Events that go together: an incident from its opening to its close, or one event. */
export type Passage = { events: readonly TimelineEvent[]; last: TimelineEvent };

/**
 * What of a timeline is over, in the order in which it may go: notes, pauses before the last one, closed incidents whole and what was
 * superseded of open ones. The incident that something was done about last stays. Pure.
 */
export function passagesOf(events: readonly TimelineEvent[]): Passage[] {
  const lastPause = events.findLast(({ type }) => type === "run.frozen");
  const actedOn = events.findLast(({ acts }) => acts)?.incident;
  const byIncident = new Map<string, TimelineEvent[]>();
  const passages: Passage[] = [];
  const goesAlone = (event: TimelineEvent) => passages.push({ events: [event], last: event });
  for (const event of events) {
    if (event.type === "run.note" || (event.type === "run.frozen" && event !== lastPause)) goesAlone(event);
    if (event.incident === null || event.incident === actedOn) continue;
    const known = byIncident.get(event.incident);
    if (known === undefined) byIncident.set(event.incident, [event]);
    else known.push(event);
  }
  for (const told of byIncident.values()) {
    const last = told.findLast(({ type }) => type === "incident.closed");
    if (last !== undefined) passages.push({ events: told, last });
    else
      for (const event of told.filter(({ type }) => type === "incident.intervention").slice(0, -1))
        goesAlone(event);
  }
  return passages.toSorted((a, b) => a.last.seq - b.last.seq);
}

/**
 * One round over the runs under way. What is older than history is kept goes, and what is more than TIMELINE_EVENTS_MAX; beside a control
 * plane only what that has.
 */
export function forgetTimelinesOfLive(
  db: SpoolDatabase,
  { isJoined, now }: { isJoined: boolean; now: number },
): void {
  const before = now - HISTORY_MS;
  const upTo = isJoined ? readOutbox(db).acked_up_to : Number.MAX_SAFE_INTEGER;
  if (!isJoined) db.run("DELETE FROM events WHERE run_id IS NULL AND at < ?", before);
  const runs = db.all<{ id: string }>(
    `SELECT runs.id FROM runs JOIN events ON events.run_id = runs.id
     WHERE runs.ended_at IS NULL AND events.seq <= ? AND events.type NOT IN ('run.created', 'run.starting', 'run.running')
     GROUP BY runs.id HAVING count(*) > ? OR min(events.at) < ?`,
    upTo,
    TIMELINE_EVENTS_MAX,
    before,
  );
  for (const { id } of runs) {
    const passages = passagesOf(readTimeline(db, id, upTo));
    let over = passages.reduce((sum, { events }) => sum + events.length, 0) - TIMELINE_EVENTS_MAX;
    const kept = passages.findIndex(({ events, last }) => {
      if (over <= 0 && last.at >= before) return true;
      over -= events.length;
      return false;
    });
    forget(db, id, kept < 0 ? passages : passages.slice(0, kept));
  }
}

function readTimeline(db: SpoolDatabase, runId: string, upTo: number): TimelineEvent[] {
  return db
    .all<Omit<TimelineEvent, "acts"> & { acts: number }>(
      `SELECT seq, type, at, payload ->> '$.incident_id' AS incident,
         type = 'incident.intervention' AND payload ->> '$.outcome' = 'done' AND payload ->> '$.action' <> 'notify' AS acts
       FROM events WHERE run_id = ? AND seq <= ? AND payload ->> '$.payload.expired_events' IS NULL ORDER BY seq LIMIT ?`,
      runId,
      upTo,
      READ_MAX,
    )
    .map((row) => ({ ...row, acts: row.acts === 1 }));
}

/** In their place stands one note, which a control plane that comes later is told as well. */
function forget(db: SpoolDatabase, runId: string, passages: readonly Passage[]): void {
  const last = passages.at(-1)?.last;
  if (last === undefined) return;
  const gone = passages.flatMap(({ events }) => events);
  const incidents = gone.filter(({ type }) => type === "incident.opened").length;
  db.durably(() => {
    const told = db.get<{ seq: number; n: number }>(
      "SELECT seq, payload ->> '$.payload.expired_events' AS n FROM events WHERE run_id = ? AND n IS NOT NULL",
      runId,
    );
    for (const { seq } of [...gone, ...(told ? [told] : [])]) db.run("DELETE FROM events WHERE seq = ?", seq);
    const count = gone.length + (told?.n ?? 0);
    const note = {
      title: timelineSentence(count, new Date(last.at)),
      reason: null,
      payload: { expired_events: count },
    };
    db.run(
      "INSERT INTO events (seq, type, run_id, at, payload) VALUES (?, 'run.note', ?, ?, ?)",
      last.seq,
      runId,
      last.at,
      JSON.stringify(note),
    );
    db.run("UPDATE runs SET expired_incidents = expired_incidents + ? WHERE id = ?", incidents, runId);
    // Of incidents before, policies are told the newest only.
    db.run(
      `DELETE FROM incidents WHERE run_id = ?1 AND closed = 1 AND todo = 0
         AND number <= (SELECT max(number) FROM incidents WHERE run_id = ?1) - ?2`,
      runId,
      HISTORY_MAX,
    );
  });
}
