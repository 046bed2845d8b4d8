import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { makeFolder, spec } from "../../test/harness.ts";
import { RunFiles } from "../supervisor/files.ts";
import { startRun } from "../supervisor/run.ts";
import { forgetBeginnings } from "./beginnings.ts";
import { SpoolDatabase } from "./database.ts";
import { HISTORY_MS } from "./forgetting.ts";
import { findExpired } from "./history.ts";
import { findRunSegments, storeSegment } from "./logs.ts";
import { insertRun } from "./runs.ts";

const NOW = 1_800_000_000_000;
const EVERYTHING = Number.MAX_SAFE_INTEGER;

test("of a run that never ends what is older than history is kept goes from the beginning, its newest segment stays", () => {
  using bench = makeBench();
  const { db } = bench;
  for (let i = 1; i <= 5; i += 1) bench.segment("r", i, NOW + i);
  db.run("INSERT INTO evidence_chunks (run_id, chunk, body, closed_at) VALUES ('r', 1, x'00', ?)", NOW + 1);
  db.run("INSERT INTO evidence_chunks (run_id, chunk, body, closed_at) VALUES ('r', 2, x'00', ?)", NOW + 9);
  bench.round(NOW + 3 + HISTORY_MS, EVERYTHING);
  expect(bench.kept("r")).toEqual([3, 4, 5]);
  expect(findExpired(db, "r")).toEqual({
    seq: 20,
    segment: 2,
    until: NOW + 2,
    chunk: 1,
    chunkUntil: NOW + 1,
    incidents: 0,
  });
  expect(bench.gone).toEqual(["r 20"]);
  expect([2, 3].map((segment) => existsSync(bench.files("r").segment(segment)))).toEqual([false, true]);
  bench.round(NOW + 2 * HISTORY_MS, EVERYTHING);
  expect(bench.kept("r")).toEqual([5]);
  bench.round(NOW + 3 * HISTORY_MS, EVERYTHING);
  expect(bench.kept("r")).toEqual([5]);
});

test("when room is short the run that holds most loses its oldest, and the quiet ones lose nothing to it", () => {
  using bench = makeBench();
  for (let i = 1; i <= 20; i += 1) bench.segment("loud", i, NOW + i);
  for (let i = 1; i <= 3; i += 1) bench.segment("quiet", i, NOW - i);
  bench.round(NOW, 230);
  expect([bench.kept("loud").length, bench.kept("quiet").length]).toEqual([20, 3]);
  bench.round(NOW, 100);
  expect(bench.kept("loud")).toEqual([14, 15, 16, 17, 18, 19, 20]);
  expect(bench.kept("quiet")).toEqual([1, 2, 3]);
  bench.round(NOW, 0);
  expect([bench.kept("loud"), bench.kept("quiet")]).toEqual([[20], [3]]);
});

test("times that an earlier version did not note expire by room alone", () => {
  using bench = makeBench();
  for (let i = 1; i <= 3; i += 1) bench.segment("r", i, 0);
  bench.round(NOW, EVERYTHING);
  expect(bench.kept("r")).toEqual([1, 2, 3]);
  bench.round(NOW, 20);
  expect(bench.kept("r")).toEqual([2, 3]);
  expect(findExpired(bench.db, "r")).toMatchObject({ seq: 10, until: null });
});

/** Segments hold ten lines each and take ten bytes. */
function makeBench() {
  const folder = makeFolder();
  const db = new SpoolDatabase(join(folder.path, "spool.db"));
  const gone: string[] = [];
  const files = (runId: string) => new RunFiles(folder.path, runId);
  return {
    db,
    gone,
    files,
    segment(runId: string, segment: number, lastAt: number) {
      if (segment === 1) {
        const state = startRun({ graceMs: 0, maxRuntimeMs: null }, 0);
        insertRun(db, { id: runId, spec: spec("true"), state, mark: "", bootId: "" }, 0);
      }
      const row = {
        run_id: runId,
        segment_seq: segment,
        first_seq: segment * 10 - 9,
        last_seq: segment * 10,
        bytes: 10,
        encoding_sha256: "e",
        stored_bytes: 10,
        sha256: "s",
        last_at: lastAt,
      };
      storeSegment(db, row, { lastBatch: 0, stdoutTo: 0, stderrTo: 0, redaction: "{}" });
      const path = files(runId).segment(segment);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, "0123456789");
    },
    kept: (runId: string) => findRunSegments(db, runId, 1, 100).map((row) => row.segment_seq),
    round(now: number, bytesMax: number) {
      forgetBeginnings(db, folder.path, { now, bytesMax }, (runId, bytes) => gone.push(`${runId} ${bytes}`));
    },
    [Symbol.dispose]() {
      db[Symbol.dispose]();
      folder[Symbol.dispose]();
    },
  };
}
