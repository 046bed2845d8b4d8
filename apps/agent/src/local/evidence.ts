// Handlers about evidence: what decisions were made of, as a file and as a replay, and what a run used over time.

import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { replayRefusal } from "@flowplane/contract";
import type { RunSample } from "@flowplane/contract";
import { evidenceFileHead, evidenceFileSegment, refusedReport, replay } from "@flowplane/detection";
import type { Entry, ReplaySegment } from "@flowplane/detection";
import { decodeLines, EVIDENCE_BYTES_MAX, SEGMENT_BYTES_MAX } from "@flowplane/link";
import { readChunks, readEntries } from "../spool/evidence.ts";
import type { RememberedRun } from "../spool/history.ts";
import { findRunSegments } from "../spool/logs.ts";
import type { SegmentRow } from "../spool/logs.ts";
import { SAMPLE_MS } from "../sampling/sampler.ts";
import { RunFiles } from "../supervisor/files.ts";
import type { Call, Handlers } from "./call.ts";
import { LocalProblem } from "./problem.ts";
import { requireRun } from "./runs.ts";

/** Replays at once: each takes its time on the one thread that also supervises. */
const REPLAYS_MAX = 1;
/** Segments looked for in one query. */
const SEGMENTS_PER_LOOK = 50;
/** The last moment that a date can be. */
const TIME_MAX = 8.64e15;

const decompress = promisify(zstdDecompress);
let replays = 0;

export const evidenceHandlers: Handlers = {
  runEvidenceDownload: async (call, { params }) => {
    const row = requireRun(call, params.run_id);
    const { id } = row;
    const { response, signal } = call;
    response.writeHead(200, {
      "content-type": "application/jsonl; charset=utf-8",
      "content-disposition": `attachment; filename="run-${id}-evidence.jsonl"`,
      "cache-control": "no-store",
    });
    for await (const piece of piecesOf(call, row)) {
      response.write(piece);
      if (signal.aborted) return undefined;
      if (response.writableNeedDrain) await once(response, "drain", { signal });
    }
    response.end();
    return undefined;
  },
  runReplay: async (call, { params, body }) => {
    const row = requireRun(call, params.run_id);
    const { id } = row;
    if (body.policy !== undefined)
      throw new LocalProblem(
        "invalid_input",
        "Only a control plane keeps policies; give a document instead, `--policy FILE`.",
      );
    if (replays >= REPLAYS_MAX)
      throw new LocalProblem("rate_limited", "Another replay is under way; wait for its end.");
    const refusal = refusalOf(row);
    if (refusal !== null) return { run_id: id, ...refusedReport(refusal), decisions: [] };
    replays += 1;
    try {
      const report = await replay({
        chunks: chunksOf(call, id),
        segments: segmentsOf(call, id),
        sha256: (bytes) => createHash("sha256").update(bytes).digest("hex"),
        // This thread also supervises.
        breathe: () => setImmediate(),
        ...(body.policy_document === undefined ? {} : { policy: body.policy_document }),
      });
      const { equal, intact, problem, events, sentence } = report;
      const decisions = report.decisions.map(({ at, why: _why, ...decision }) => ({
        ...decision,
        at: new Date(Math.min(Math.max(at, 0), TIME_MAX)).toISOString(),
      }));
      return { run_id: id, equal, intact, problem, events, decisions, sentence };
    } finally {
      replays -= 1;
    }
  },
  runSamples: async (call, { params, query }) => {
    const { id } = requireRun(call, params.run_id);
    const all: RunSample[] = [];
    for await (const bytes of chunksOf(call, id))
      collectSamples(Buffer.from(bytes).toString("utf8").split("\n"), all);
    collectSamples(
      readEntries(call.db, id).map(({ text }) => text),
      all,
    );
    const wanted = all.filter(
      ({ at }) =>
        (query.from === undefined || at >= query.from) && (query.to === undefined || at <= query.to),
    );
    // Every so many one, and always the last.
    const step = Math.max(1, Math.ceil(wanted.length / query.points));
    const items = wanted.filter((_, index) => (wanted.length - 1 - index) % step === 0);
    return { items, every_ms: SAMPLE_MS * step };
  },
};

function refusalOf({ expired: { seq, until, chunk, chunkUntil } }: RememberedRun): string | null {
  const date = (ms: number | null) => (ms === null ? null : new Date(ms));
  return replayRefusal(
    { expired: false, first_seq: seq + 1, expired_until: date(until) },
    { expiredChunk: chunk, expiredUntil: date(chunkUntil) },
  );
}

async function* piecesOf(call: Call, row: RememberedRun): AsyncGenerator<string | Uint8Array> {
  const { id: runId } = row;
  yield `${evidenceFileHead(runId, refusalOf(row))}\n`;
  yield* chunksOf(call, runId);
  for await (const { row: segment, body } of storedSegments(call, runId))
    yield `${evidenceFileSegment(segment.segment_seq, body.toString("base64"))}\n`;
}

/** Closed chunks, uncompressed; what is in the open one follows when it is closed. */
async function* chunksOf({ db }: Call, runId: string): AsyncGenerator<Uint8Array> {
  for (const { body } of readChunks(db, runId))
    yield decompress(body, { maxOutputLength: EVIDENCE_BYTES_MAX });
}

async function* segmentsOf(call: Call, runId: string): AsyncGenerator<ReplaySegment> {
  for await (const { row, body } of storedSegments(call, runId)) {
    const encoding = await decompress(body, { maxOutputLength: SEGMENT_BYTES_MAX });
    const decoded = decodeLines(encoding);
    if (!decoded.ok)
      throw new LocalProblem(
        "internal",
        `Part ${row.segment_seq} of the log cannot be read: ${decoded.issue}.`,
      );
    const sha256 = createHash("sha256").update(encoding).digest("hex");
    yield { segment: row.segment_seq, sha256, lines: decoded.value };
  }
}

/** Segments as they are on disk; those a control plane has taken meanwhile are left out. */
async function* storedSegments(
  { db, dataDir }: Call,
  runId: string,
): AsyncGenerator<{ row: SegmentRow; body: Buffer }> {
  const files = new RunFiles(dataDir, runId);
  let next = 1;
  for (;;) {
    const rows = findRunSegments(db, runId, next, SEGMENTS_PER_LOOK);
    const last = rows.at(-1);
    if (last === undefined) return;
    for (const row of rows) {
      const body = await readFile(files.segment(row.segment_seq)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null;
        throw error;
      });
      if (body !== null) yield { row, body };
    }
    next = last.last_seq + 1;
  }
}

/** The measurements among lines of evidence. */
function collectSamples(lines: readonly string[], into: RunSample[]): void {
  for (const line of lines) {
    // Most lines are something else, and need not be parsed to see that.
    if (!line.includes('"sample"')) continue;
    const entry = JSON.parse(line) as Entry;
    if (entry.type !== "observed" || entry.event.kind !== "sample") continue;
    const { event } = entry;
    into.push({
      at: new Date(event.at).toISOString(),
      cpu_ms: event.cpu_ms ?? null,
      memory_bytes: event.rss_bytes ?? null,
      memory_limit_bytes: event.rss_limit_bytes ?? null,
      read_bytes: event.read_bytes ?? null,
      write_bytes: event.write_bytes ?? null,
      processes: event.processes ?? null,
      log_bytes: event.log_bytes ?? 0,
    });
  }
}
