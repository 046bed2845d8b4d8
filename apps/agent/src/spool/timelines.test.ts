import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder, spec } from "../../test/harness.ts";
import { FACT_TYPES, viewRun } from "../local/run-view.ts";
import { startRun } from "../supervisor/run.ts";
import { SpoolDatabase } from "./database.ts";
import {
  appendEvent,
  forgetEvents,
  hasGaps,
  NOTES_PAUSED_AT_EVENTS,
  readEvents,
  renewSpool,
} from "./events.ts";
import type { NewEvent } from "./events.ts";
import { HISTORY_MS } from "./forgetting.ts";
import { findRemembered, readEventsOfTypes, readRunEvents } from "./history.ts";
import { countIncidents, HISTORY_MAX } from "./incidents.ts";
import { insertRun } from "./runs.ts";
import { forgetTimelinesOfLive, TIMELINE_EVENTS_MAX } from "./timelines.ts";

const NOW = 1_800_000_000_000;
const DAY = 24 * 3_600_000;

test("of a run that never ends old notes, pauses and closed incidents go, and one entry says so; its start and what is open stay", () => {
  using bench = makeBench();
  bench.began(NOW);
  bench.note(NOW + 1);
  bench.pause(NOW + 2, true);
  bench.pause(NOW + 3, false);
  bench.opened("closed", NOW + 4);
  bench.opened("open", NOW + 5);
  bench.verdict("open", NOW + 6, "stop", "withheld");
  bench.verdict("open", NOW + 7, "stop", "withheld");
  bench.closed("closed", NOW + 8);
  bench.opened("late", NOW + 9);
  bench.closed("late", NOW + 2 * DAY);
  bench.round(NOW + HISTORY_MS + DAY);
  expect(bench.told()).toEqual([
    "run.created",
    "run.starting",
    "run.running",
    "run.frozen",
    "incident.opened open",
    "incident.intervention open",
    "5 entries (until 15 January 2027) have expired.",
    "incident.opened late",
    "incident.closed late",
  ]);
  expect(bench.run()).toMatchObject({ state: "RUNNING", incidents: { open: 1, total: 3 } });
  bench.round(NOW + HISTORY_MS + 3 * DAY);
  expect(bench.told().slice(5)).toEqual([
    "incident.intervention open",
    "7 entries (until 17 January 2027) have expired.",
  ]);
  const before = bench.told();
  bench.round(NOW + 5 * HISTORY_MS);
  expect(bench.told()).toEqual(before);
  expect(bench.run()).toMatchObject({ state: "RUNNING", incidents: { open: 1, total: 3 } });
});

test("however fast they come, so many entries that are over are kept, and the run is shown as it is", () => {
  using bench = makeBench();
  bench.began(NOW);
  bench.atOnce(() => {
    for (let i = 0; i < TIMELINE_EVENTS_MAX; i += 1) {
      bench.opened(`i${i}`, NOW + i);
      bench.closed(`i${i}`, NOW + i);
    }
  });
  bench.round(NOW + DAY);
  const told = bench.told();
  expect(told.length).toBe(3 + 1 + TIMELINE_EVENTS_MAX);
  expect(told.slice(3, 5)).toEqual([
    "1,000 entries (until 15 January 2027) have expired.",
    "incident.opened i500",
  ]);
  expect(bench.run()).toMatchObject({ state: "RUNNING", incidents: { open: 0, total: 1_000 } });
  // What policies are told of incidents before stays, and numbers go on.
  expect(bench.db.get<{ n: number }>("SELECT count(*) AS n FROM incidents")?.n).toBe(HISTORY_MAX);
  expect(countIncidents(bench.db, "r")).toBe(1_000);
});

test("the incident that something was done about last stays, for the run's view tells of it", () => {
  using bench = makeBench();
  bench.began(NOW);
  for (const id of ["first", "last", "told"]) {
    bench.opened(id, NOW);
    bench.verdict(id, NOW, id === "told" ? "notify" : "freeze", "done");
    bench.closed(id, NOW);
  }
  bench.round(NOW + 2 * HISTORY_MS);
  expect(bench.told().slice(3)).toEqual([
    "incident.opened last",
    "incident.intervention last",
    "incident.closed last",
    "6 entries (until 15 January 2027) have expired.",
  ]);
  expect(bench.run().intervention).toMatchObject({ incident_id: "last", action: "freeze" });
});

test("a control plane that comes later is told what is left, without gaps, and that entries have expired", () => {
  using bench = makeBench();
  bench.began(NOW);
  bench.note(NOW);
  bench.note(NOW + 1);
  bench.note(NOW + DAY);
  bench.round(NOW + HISTORY_MS + 10);
  expect(hasGaps(bench.db)).toBe(true);
  renewSpool(bench.db);
  expect(hasGaps(bench.db)).toBe(false);
  const sent = readEvents(bench.db, 1, 99);
  expect(sent.map(({ seq, type }) => `${seq} ${type}`)).toEqual([
    "1 run.created",
    "2 run.starting",
    "3 run.running",
    "4 run.note",
    "5 run.note",
  ]);
  expect(sent[3]?.payload).toEqual({
    title: "2 entries (until 15 January 2027) have expired.",
    reason: null,
    payload: { expired_events: 2 },
  });
});

test("beside a control plane only what it has is forgotten, and it is told nothing of that", () => {
  using bench = makeBench();
  bench.began(NOW);
  for (let i = 0; i < 4; i += 1) bench.note(NOW + i);
  forgetEvents(bench.db, 5);
  forgetTimelinesOfLive(bench.db, { isJoined: true, now: NOW + 2 * HISTORY_MS });
  expect(bench.told().slice(3)).toEqual(["2 entries (until 15 January 2027) have expired.", "note", "note"]);
  expect(hasGaps(bench.db)).toBe(false);
  expect(readEvents(bench.db, 6, 99).map(({ payload }) => payload)).toMatchObject([
    { title: "note" },
    { title: "note" },
  ]);
});

test("a host that is alone for ever goes on noting, and forgets what is about itself", () => {
  using bench = makeBench();
  bench.began(NOW);
  const guard = { until: null, reason: "", interventions: 0 };
  appendEvent(bench.db, { type: "guard.changed", runId: null, at: NOW, payload: guard });
  bench.db.run("UPDATE outbox SET last_seq = ?", NOTES_PAUSED_AT_EVENTS + 1);
  bench.note(NOW + 1);
  bench.round(NOW + 1 + HISTORY_MS);
  expect(readEvents(bench.db, 1, 2 * NOTES_PAUSED_AT_EVENTS).map(({ type }) => type)).toEqual([
    "run.created",
    "run.starting",
    "run.running",
    "run.note",
  ]);
});

/** One run, live. */
function makeBench() {
  const folder = makeFolder();
  const db = new SpoolDatabase(join(folder.path, "spool.db"));
  let number = 0;
  const add = (type: NewEvent["type"], at: number, payload: Record<string, unknown> = {}) =>
    // Payloads hold what is looked at here.
    appendEvent(db, { type, runId: "r", at, payload } as unknown as NewEvent);
  return {
    db,
    began(at: number) {
      const state = startRun({ graceMs: 0, maxRuntimeMs: null }, 0);
      insertRun(db, { id: "r", spec: spec("true"), state, mark: "", bootId: "" }, at);
      const created_at = new Date(at).toISOString();
      add("run.created", at, { name: "r", actor: "", origin: "api", attempt: 1, retry_of: null, created_at });
      add("run.starting", at);
      add("run.running", at, { pid: 1, started_at: created_at });
    },
    note: (at: number) => add("run.note", at, { title: "note", reason: null, payload: {} }),
    pause: (at: number, frozen: boolean) => add("run.frozen", at, { frozen, reason: "", actor: "" }),
    opened(id: string, at: number) {
      add("incident.opened", at, { incident_id: id, title: id });
      number += 1;
      db.run(
        "INSERT INTO incidents (id, run_id, lineage, number, source, sentence, verdict) VALUES (?, 'r', 'r', ?, '', '', '{}')",
        id,
        number,
      );
    },
    verdict: (id: string, at: number, action: string, outcome: string) =>
      add("incident.intervention", at, { incident_id: id, action, outcome, why: "", run_id: null }),
    closed(id: string, at: number) {
      add("incident.closed", at, { incident_id: id, reason: "" });
      db.run("UPDATE incidents SET closed = 1 WHERE id = ?", id);
    },
    /** In one transaction, since each alone would wait for the disk. */
    atOnce: (fill: () => void) => db.durably(fill),
    round: (now: number) => forgetTimelinesOfLive(db, { isJoined: false, now }),
    told: () =>
      readRunEvents(db, "r", Number.MIN_SAFE_INTEGER, 10_000).map(({ type, payload }) =>
        type === "run.note"
          ? payload["title"]
          : `${type} ${typeof payload["incident_id"] === "string" ? payload["incident_id"] : ""}`.trim(),
      ),
    run() {
      const row = findRemembered(db, "r");
      if (row === null) throw new Error("the run is forgotten");
      const facts = readEventsOfTypes(db, FACT_TYPES, { runId: "r", limit: 10_000 });
      return viewRun(row, facts.toReversed(), { id: "a", name: "a" }, NOW, null);
    },
    [Symbol.dispose]() {
      db[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}
