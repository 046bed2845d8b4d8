import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder, spec } from "../../test/harness.ts";
import { RunFiles } from "../supervisor/files.ts";
import { startRun } from "../supervisor/run.ts";
import { SpoolDatabase } from "./database.ts";
import { appendEvent, forgetEvents, hasGaps, readEvents, readOutbox, renewSpool } from "./events.ts";
import { forgetHistory, HISTORY_MS, HISTORY_RUNS_MAX, JOINED_HISTORY_MS } from "./forgetting.ts";
import { insertRun, markFilesGone, saveRunState } from "./runs.ts";

const NOW = 1_800_000_000_000;
const EVERYTHING = Number.MAX_SAFE_INTEGER;

test("alone, the oldest ended runs go first, with all that is kept of them; live ones never do", () => {
  using bench = makeBench();
  const { db, path } = bench;
  bench.run("live", null);
  for (let i = 0; i < 4; i += 1) bench.run(`r${i}`, NOW - 10_000 + i, 100);
  const round = (bytesMax: number, now = NOW) => forgetHistory(db, path, { isJoined: false, now, bytesMax });
  round(400);
  expect(bench.known()).toEqual(["live", "r0", "r1", "r2", "r3"]);
  round(250);
  expect(bench.known()).toEqual(["live", "r2", "r3"]);
  expect(existsSync(new RunFiles(path, "r0").dir)).toBe(false);
  expect(readEvents(db, 1, 99).map(({ run_id: id }) => id)).toEqual(["live", "r2", "r3"]);
  round(EVERYTHING, NOW + HISTORY_MS);
  expect(bench.known()).toEqual(["live"]);
});

test("alone, evidence counts among what is kept", () => {
  using bench = makeBench();
  const { db, path } = bench;
  for (let i = 0; i < 3; i += 1) bench.run(`r${i}`, NOW - 10_000 + i, 100);
  db.run("INSERT INTO evidence_chunks (run_id, chunk, body) VALUES ('r2', 1, ?)", new Uint8Array(120));
  db.run("INSERT INTO evidence_entries (run_id, entry, text) VALUES ('r2', 9, ?)", "x".repeat(30));
  forgetHistory(db, path, { isJoined: false, now: NOW, bytesMax: 450 });
  expect(bench.known()).toEqual(["r0", "r1", "r2"]);
  forgetHistory(db, path, { isJoined: false, now: NOW, bytesMax: 350 });
  expect(bench.known()).toEqual(["r1", "r2"]);
});

test("alone, the number of runs that are remembered has an end", () => {
  using bench = makeBench();
  const { db, path } = bench;
  // In one transaction, since each alone would wait for the disk.
  db.durably(() => {
    for (let i = 0; i < HISTORY_RUNS_MAX + 3; i += 1) bench.run(`r${String(i).padStart(4, "0")}`, NOW + i);
  });
  forgetHistory(db, path, { isJoined: false, now: NOW, bytesMax: EVERYTHING });
  expect(bench.known()).toHaveLength(HISTORY_RUNS_MAX);
  expect(bench.known()[0]).toBe("r0003");
});

test("what is left after forgetting is told under new numbers, without gaps", () => {
  using bench = makeBench();
  const { db, path } = bench;
  for (const [index, id] of ["a", "b", "c", "d"].entries()) bench.run(id, NOW + index, 100);
  forgetEvents(db, 1);
  expect(hasGaps(db)).toBe(false);
  db.run("UPDATE runs SET ended_at = ? WHERE id = 'c'", NOW - HISTORY_MS);
  forgetHistory(db, path, { isJoined: false, now: NOW + 1, bytesMax: EVERYTHING });
  expect(hasGaps(db)).toBe(true);
  renewSpool(db);
  expect(hasGaps(db)).toBe(false);
  expect(readOutbox(db)).toMatchObject({ last_seq: 2, acked_up_to: 0 });
  expect(readEvents(db, -99, 99).map(({ seq, run_id: id }) => [seq, id])).toEqual([
    [0, "a"],
    [1, "b"],
    [2, "d"],
  ]);
});

test("beside a control plane only what it has is forgotten, and no run's row", () => {
  using bench = makeBench();
  const { db, path } = bench;
  for (const id of ["old", "told", "unshipped"]) bench.run(id, NOW);
  bench.run("new", NOW + JOINED_HISTORY_MS);
  for (const id of ["old", "told", "new"]) markFilesGone(db, id);
  appendEvent(db, note("told"));
  forgetEvents(db, 4);
  forgetHistory(db, path, { isJoined: true, now: NOW + JOINED_HISTORY_MS + 1, bytesMax: 0 });
  const left = readEvents(db, 1, 99).map(({ run_id: id }) => id);
  expect(left).toEqual(["told", "unshipped", "new", "told"]);
  expect(bench.known()).toContain("old");
});

const note = (runId: string) => ({
  type: "run.note" as const,
  runId,
  at: 0,
  payload: { title: runId, reason: null, payload: {} },
});

function makeBench() {
  const folder = makeFolder();
  const db = new SpoolDatabase(join(folder.path, "spool.db"));
  return {
    db,
    path: folder.path,
    /** One event each; `endedAt` null: it is still live. */
    run(id: string, endedAt: number | null, bytes = 0) {
      const state = startRun({ graceMs: 0, maxRuntimeMs: null }, 0);
      insertRun(db, { id, spec: spec("true"), state, mark: "", bootId: "" }, 0);
      new RunFiles(folder.path, id).create();
      appendEvent(db, note(id));
      db.run(
        `INSERT INTO segments (run_id, segment_seq, first_seq, last_seq, bytes, encoding_sha256, stored_bytes, sha256)
         VALUES (?, 1, 1, 1, 1, '', ?, '')`,
        id,
        bytes,
      );
      if (endedAt === null) return;
      const outcome = { state: "SUCCEEDED" as const, exitCode: 0, signal: null, reason: null, endedAt };
      saveRunState(db, id, { kind: "ended", outcome }, endedAt);
    },
    known: () => db.all<{ id: string }>("SELECT id FROM runs ORDER BY id").map(({ id }) => id),
    [Symbol.dispose]() {
      db[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}
