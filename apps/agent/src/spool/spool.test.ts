import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { intent, makeFolder } from "../../test/harness.ts";
import { SpoolDatabase } from "./database.ts";
import { appendEvent, forgetEvents, readEvents, readOutbox, renewSpool } from "./events.ts";
import {
  findIntentsToDo,
  forgetOldIntents,
  INTENT_MEMORY_MS,
  isKnownIntent,
  markIntentDone,
  storeIntents,
} from "./intents.ts";
import { appendBatch, closeSegment, findSegments, forgetSegment, trimLog } from "./logs.ts";
import { findRun, insertRun } from "./runs.ts";
import { MIGRATIONS } from "./migrations.ts";
import { startRun } from "../supervisor/run.ts";

const note = (title: string) => ({
  type: "run.note" as const,
  runId: "r",
  at: 0,
  payload: { title, reason: null, payload: {} },
});

test("events are numbered on, also after all of them were acknowledged and the spool was opened again", () => {
  using folder = makeFolder();
  const path = join(folder.path, "spool.db");
  let spoolId = "";
  {
    using db = new SpoolDatabase(path);
    appendEvent(db, note("a"));
    appendEvent(db, note("b"));
    forgetEvents(db, 2);
    spoolId = readOutbox(db).spool_id;
  }
  using db = new SpoolDatabase(path);
  appendEvent(db, note("c"));
  expect(readOutbox(db)).toEqual({ spool_id: spoolId, last_seq: 3, acked_up_to: 2 });
  // The first two can still be read here.
  expect(readEvents(db, 1, 10).map((event) => event.seq)).toEqual([1, 2, 3]);
});

test("a renewed spool numbers what is left from 1 under another name", () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  for (const title of ["a", "b", "c", "d"]) appendEvent(db, note(title));
  forgetEvents(db, 2);
  const before = readOutbox(db).spool_id;
  const renewed = renewSpool(db);
  expect(renewed).toMatchObject({ last_seq: 2, acked_up_to: 0 });
  expect(renewed.spool_id).not.toBe(before);
  expect(readEvents(db, 1, 9).map((event) => [event.seq, event.payload["title"]])).toEqual([
    [1, "c"],
    [2, "d"],
  ]);
});

test("a transaction that throws leaves nothing, an inner one goes with the outer", () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  const fail = () =>
    db.durably(() => {
      appendEvent(db, note("a"));
      throw new Error("no");
    });
  expect(fail).toThrow("no");
  expect(readOutbox(db).last_seq).toBe(0);
});

test("intents are done in order and known for long after", () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  storeIntents(db, [intent("a", "run.start", { x: 1 }), intent("b", "run.stop", {})], 5);
  markIntentDone(db, "a", 6);
  expect(findIntentsToDo(db, 10).map((one) => one.id)).toEqual(["b"]);
  forgetOldIntents(db, 6 + INTENT_MEMORY_MS);
  expect(isKnownIntent(db, "a")).toBe(true);
  forgetOldIntents(db, 7 + INTENT_MEMORY_MS);
  expect([isKnownIntent(db, "a"), isKnownIntent(db, "b")]).toEqual([false, true]);
});

test("space is given back up to the first segment that is not stored yet", () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  const spec = { command: "x", args: [], env: {}, cwd: null, grace_ms: 0 };
  insertRun(
    db,
    { id: "r", spec, state: startRun({ graceMs: 0, maxRuntimeMs: null }, 0), mark: "m", bootId: "b" },
    0,
  );
  for (let batch = 1; batch <= 3; batch += 1) {
    const [from, to] = [(batch - 1) * 10, batch * 10];
    appendBatch(db, "r", {
      batch,
      at_ms: 0,
      stdout_from: from,
      stdout_to: to,
      stderr_from: 0,
      stderr_to: 0,
      first_seq: batch,
      lines: 1,
    });
  }
  closeSegment(db, "r", 1, 1, 1);
  closeSegment(db, "r", 2, 2, 2);
  const [first, second] = findSegments(db, 0, 10);
  forgetSegment(db, second!);
  expect(findRun(db, "r")?.log).toMatchObject({
    stdoutTo: 30,
    stdoutFreed: 0,
    lastSeq: 3,
    lastSegment: 2,
    closedBatch: 2,
  });
  forgetSegment(db, first!);
  expect(findRun(db, "r")?.log.stdoutFreed).toBe(20);
});

test("batches that speak of output a power cut took are forgotten, and their segments with them", () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  const spec = { command: "x", args: [], env: {}, cwd: null, grace_ms: 0 };
  insertRun(
    db,
    { id: "r", spec, state: startRun({ graceMs: 0, maxRuntimeMs: null }, 0), mark: "m", bootId: "b" },
    0,
  );
  for (let batch = 1; batch <= 4; batch += 1) {
    const [from, to] = [(batch - 1) * 10, batch * 10];
    appendBatch(db, "r", {
      batch,
      at_ms: 0,
      stdout_from: from,
      stdout_to: to,
      stderr_from: 0,
      stderr_to: 0,
      first_seq: batch * 2 - 1,
      lines: 2,
    });
  }
  closeSegment(db, "r", 1, 1, 1);
  closeSegment(db, "r", 2, 2, 4);
  expect(trimLog(db, "r", 40, 0)).toBe(false);
  expect(trimLog(db, "r", 29, 0)).toBe(true);
  expect(findRun(db, "r")?.log).toMatchObject({
    stdoutTo: 20,
    lastSeq: 4,
    lastBatch: 2,
    lastSegment: 1,
    closedBatch: 1,
  });
  expect(findSegments(db, 0, 10).map((segment) => segment.segment_seq)).toEqual([1]);
});

test("a spool of a newer version is refused, with both numbers", () => {
  using folder = makeFolder();
  const path = join(folder.path, "spool.db");
  const raw = new DatabaseSync(path);
  raw.exec(`PRAGMA user_version=${MIGRATIONS.length + 1}`);
  raw.close();
  expect(() => new SpoolDatabase(path)).toThrow(
    `schema ${MIGRATIONS.length + 1}, this one knows ${MIGRATIONS.length}`,
  );
});
