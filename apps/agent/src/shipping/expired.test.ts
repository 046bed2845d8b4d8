import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { EXPIRED_HEADER } from "@flowplane/link";
import { systemClock } from "@flowplane/runtime";
import { pino } from "pino";
import { expect, test } from "vitest";
import { makeFolder, spec } from "../../test/harness.ts";
import { SpoolDatabase } from "../spool/database.ts";
import { forgetBeginnings } from "../spool/beginnings.ts";
import { saveChunk } from "../spool/evidence.ts";
import { HISTORY_MS } from "../spool/forgetting.ts";
import { storeSegment } from "../spool/logs.ts";
import { insertRun } from "../spool/runs.ts";
import { RunFiles } from "../supervisor/files.ts";
import { startRun } from "../supervisor/run.ts";
import type { BulkClient } from "./bulk-client.ts";
import { EvidenceShipper } from "./evidence-shipper.ts";
import { Shipper } from "./shipper.ts";

const NOW = 1_800_000_000_000;

test("who is given a log or evidence whose beginning expired is told how much of it there was", async () => {
  using folder = makeFolder();
  using db = new SpoolDatabase(join(folder.path, "spool.db"));
  insertRun(
    db,
    {
      id: "r",
      spec: spec("true"),
      state: startRun({ graceMs: 0, maxRuntimeMs: null }, 0),
      mark: "",
      bootId: "",
    },
    0,
  );
  for (const segment of [1, 2]) {
    const path = new RunFiles(folder.path, "r").segment(segment);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "0123456789");
    const lines = { first_seq: segment * 10 - 9, last_seq: segment * 10 };
    const row = { run_id: "r", segment_seq: segment, ...lines, bytes: 10, last_at: NOW + segment };
    storeSegment(
      db,
      { ...row, encoding_sha256: "e", stored_bytes: 10, sha256: "s" },
      { lastBatch: 0, stdoutTo: 0, stderrTo: 0, redaction: "{}" },
    );
    saveChunk(db, "r", segment, new Uint8Array(1), "h", segment, NOW + segment);
  }
  const stop = new AbortController();
  const sent: string[] = [];
  const client = {
    send: async (_method: string, path: string, headers: Record<string, string>) => {
      sent.push(`${path} ${headers[EXPIRED_HEADER] ?? "whole"}`);
      if (sent.length === 2) stop.abort();
      return { kind: "stored" };
    },
    // Only `send` is used.
  } as unknown as BulkClient;
  forgetBeginnings(
    db,
    folder.path,
    { now: NOW + 2 + HISTORY_MS, bytesMax: Number.MAX_SAFE_INTEGER },
    () => undefined,
  );
  const options = { db, client, clock: systemClock, log: pino({ enabled: false }) };
  const shipper = new Shipper({
    ...options,
    dataDir: folder.path,
    onGone: () => undefined,
    onProblem: () => undefined,
  });
  await Promise.all([shipper.run(stop.signal), new EvidenceShipper(options).run(stop.signal)]);
  expect(sent.toSorted()).toEqual([
    `/v1/bulk/runs/r/evidence/2 1 ${NOW + 1}`,
    `/v1/bulk/runs/r/segments/2 1 10 ${NOW + 1}`,
  ]);
});
