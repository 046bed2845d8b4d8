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
import {
  appendBatch,
  findRunSegments,
  findSegments,
  forgetSegment,
  readBatches,
  storeSegment,
  sumSegmentBytes,
  trimLog,
} from "./logs.ts";
import { findRun, insertRun, sumHeldBytes } from "./runs.ts";
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

const spec = { command: "x", args: [], env: {}, cwd: null, grace_ms: 0 };

function withBatches(db: SpoolDatabase, count: number): void {
  const state = startRun({ graceMs: 0, maxRuntimeMs: null }, 0);
  insertRun(db, { id: "r", spec, state, mark: "m", bootId: "b" }, 0);
  for (let batch = 1; batch <= count; batch += 1) {
    appendBatch(db, "r", {
      batch,
      at_ms: 0,
      stdout_from: (batch - 1) * 10,
      stdout_to: batch * 10,
      stderr_from: 0,
      stderr_to: 0,
      first_seq: batch * 2 - 1,
      lines: 2,
      flushed: 0,
    });
  }
}

const segment = (seq: number, firstSeq: number, lastSeq: number) => ({
  run_id: "r",
  segment_seq: seq,
  first_seq: firstSeq,
  last_seq: lastSeq,
  bytes: 100,
  encoding_sha256: "e",
  stored_bytes: 7,
  sha256: "s",
  last_at: 0,
});

test("a segment takes the place of its batches, and is what its lines take on disk until it is stored elsewhere", () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  withBatches(db, 3);
  expect(sumHeldBytes(db)).toBe(30);
  storeSegment(db, segment(1, 1, 4), { lastBatch: 2, stdoutTo: 20, stderrTo: 0, redaction: "{}" });
  expect(readBatches(db, "r").map(({ batch }) => batch)).toEqual([3]);
  expect(findRun(db, "r")?.log).toMatchObject({
    stdoutTo: 30,
    stdoutFreed: 20,
    lastSeq: 6,
    lastSegment: 1,
    closedBatch: 2,
    redaction: "{}",
  });
  expect([sumHeldBytes(db), sumSegmentBytes(db, "r")]).toEqual([17, 7]);
  expect(findRunSegments(db, "r", 4, 10).map((row) => row.segment_seq)).toEqual([1]);
  expect(findRunSegments(db, "r", 5, 10)).toEqual([]);
  forgetSegment(db, findSegments(db, 0, 10)[0]!);
  expect([sumHeldBytes(db), findSegments(db, 0, 10).length]).toEqual([10, 0]);
});

test("batches that speak of output a power cut took are forgotten", () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  withBatches(db, 4);
  storeSegment(db, segment(1, 1, 2), { lastBatch: 1, stdoutTo: 10, stderrTo: 0, redaction: "{}" });
  expect(trimLog(db, "r", 40, 0)).toBe(false);
  expect(trimLog(db, "r", 29, 0)).toBe(true);
  expect(findRun(db, "r")?.log).toMatchObject({
    stdoutTo: 20,
    lastSeq: 4,
    lastBatch: 2,
    lastSegment: 1,
    closedBatch: 1,
  });
  expect(readBatches(db, "r").map(({ batch }) => batch)).toEqual([2]);
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
