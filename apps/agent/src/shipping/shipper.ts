// Uploads closed segments, oldest first, and gives their disk space back once they are stored at the other end.

import { readFile, rm } from "node:fs/promises";
import {
  BULK_PATH,
  EXPIRED_HEADER,
  FIRST_SEQ_HEADER,
  LAST_SEQ_HEADER,
  SEGMENT_CONTENT_TYPE,
  segmentPath,
  SHA256_HEADER,
} from "@flowplane/link";
import type { Clock } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { SpoolDatabase } from "../spool/database.ts";
import { findExpired } from "../spool/history.ts";
import { findSegments, forgetSegment } from "../spool/logs.ts";
import type { SegmentRow } from "../spool/logs.ts";
import { findRun, findRunsToClean, markFilesGone } from "../spool/runs.ts";
import { RunFiles } from "../supervisor/files.ts";
import { Wakeup } from "../wakeup.ts";
import { UPLOADS_MAX } from "./bulk-client.ts";
import type { BulkClient, UploadAnswer } from "./bulk-client.ts";
import { isHopeless, REFUSED_RETRY_MS } from "./refusals.ts";
import { UploadPause } from "./upload-pause.ts";

/** Looked at in one query: those under way, those refused, and the next ones. */
const SEGMENTS_PER_LOOK = 50;

export type ShipperOptions = {
  db: SpoolDatabase;
  dataDir: string;
  client: BulkClient;
  clock: Clock;
  log: Logger;
  /** A segment is stored at the other end, and its file is gone from here. */
  onGone: (runId: string, storedBytes: number) => void;
  /** `null` when uploads work. */
  onProblem: (problem: string | null) => void;
};

export class Shipper {
  readonly #options: ShipperOptions;
  readonly #wakeup = new Wakeup();
  readonly #underWay = new Set<number>();
  readonly #refusedUntil = new Map<number, number>();
  readonly #pause: UploadPause;

  constructor(options: ShipperOptions) {
    this.#options = options;
    this.#pause = new UploadPause(options.clock);
  }

  /** A segment was closed, or the link is back. */
  nudge(): void {
    this.#wakeup.notify();
  }

  /** The link is back: whatever made uploads wait is worth another try. */
  retryNow(): void {
    this.#pause.end();
    this.#wakeup.notify();
  }

  /** Ships until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#clean();
    while (!signal.aborted) {
      const pauseMs = this.#pause.leftMs;
      const segment = pauseMs <= 0 && this.#underWay.size < UPLOADS_MAX ? this.#next() : null;
      if (segment) {
        this.#underWay.add(segment.id);
        void this.#ship(segment, signal);
      } else {
        await this.#wakeup.wait(pauseMs > 0 ? pauseMs : this.#nextRetryMs(), signal);
      }
    }
  }

  #next(): SegmentRow | null {
    const now = this.#options.clock();
    const isReady = ({ id }: SegmentRow) =>
      !this.#underWay.has(id) && (this.#refusedUntil.get(id) ?? 0) <= now;
    let rows = findSegments(this.#options.db, 0, SEGMENTS_PER_LOOK);
    while (rows.length > 0) {
      const ready = rows.find(isReady);
      if (ready) return ready;
      rows = findSegments(this.#options.db, rows.at(-1)?.id ?? 0, SEGMENTS_PER_LOOK);
    }
    return null;
  }

  #nextRetryMs(): number {
    if (this.#underWay.size > 0 || this.#refusedUntil.size === 0) return Infinity;
    return Math.max(1, Math.min(...this.#refusedUntil.values()) - this.#options.clock());
  }

  async #ship(segment: SegmentRow, signal: AbortSignal): Promise<void> {
    const answer = await this.#upload(segment, signal);
    if (!signal.aborted) await this.#settle(segment, answer);
    this.#underWay.delete(segment.id);
    this.#wakeup.notify();
  }

  async #upload(segment: SegmentRow, signal: AbortSignal): Promise<UploadAnswer> {
    const { run_id: runId, segment_seq: seq } = segment;
    try {
      const { dataDir, client } = this.#options;
      const body = await readFile(new RunFiles(dataDir, runId).segment(seq));
      const headers = {
        "content-type": SEGMENT_CONTENT_TYPE,
        [SHA256_HEADER]: segment.sha256,
        [FIRST_SEQ_HEADER]: String(segment.first_seq),
        [LAST_SEQ_HEADER]: String(segment.last_seq),
        ...this.#expiredBefore(runId),
      };
      return await client.send("PUT", BULK_PATH + segmentPath(runId, seq), headers, body, signal);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      // Too little of something that comes back; anything else says that the file is damaged, which concerns it alone.
      const isPassing = ["EMFILE", "ENFILE", "ENOMEM", "EAGAIN", "EIO"].includes(code ?? "");
      return isPassing
        ? { kind: "failed", detail: message, retryInMs: null }
        : { kind: "refused", detail: message };
    }
  }

  /** What the log began with and nobody has any more: it expired while this host was alone. */
  #expiredBefore(runId: string): Record<string, string> {
    const expired = findExpired(this.#options.db, runId);
    if (expired === null || expired.segment === 0) return {};
    return { [EXPIRED_HEADER]: [expired.segment, expired.seq, expired.until ?? 0].join(" ") };
  }

  async #settle(segment: SegmentRow, answer: UploadAnswer): Promise<void> {
    const { db, log, clock, onProblem } = this.#options;
    const what = { runId: segment.run_id, segment: segment.segment_seq };
    switch (answer.kind) {
      case "gone":
        log.warn(what, "the control plane has forgotten this run; its log is dropped");
        return this.#forget(segment);
      case "stored":
        this.#pause.worked();
        onProblem(null);
        return this.#forget(segment);
      case "refused":
        if (isHopeless(db, segment.run_id, clock())) {
          log.warn(
            { ...what, detail: answer.detail },
            "a log segment was refused for too long and is dropped",
          );
          return this.#forget(segment);
        }
        log.error({ ...what, detail: answer.detail }, "a log segment was refused");
        onProblem(`a log segment of run ${segment.run_id} was refused: ${answer.detail}`);
        this.#refusedUntil.set(segment.id, clock() + REFUSED_RETRY_MS);
        return undefined;
      case "failed": {
        this.#pause.failed(answer.retryInMs);
        onProblem(`logs cannot be uploaded: ${answer.detail}`);
        return undefined;
      }
    }
  }

  /** The row first: a file without one is swept with its run, a row without a file would be looked for. */
  async #forget(segment: SegmentRow): Promise<void> {
    const { db, dataDir, onGone } = this.#options;
    this.#refusedUntil.delete(segment.id);
    forgetSegment(db, segment);
    await rm(new RunFiles(dataDir, segment.run_id).segment(segment.segment_seq), { force: true });
    onGone(segment.run_id, segment.stored_bytes);
    if (findRun(db, segment.run_id)?.state.kind === "ended") this.#clean();
  }

  /** Removes the files of runs that are over and shipped. */
  #clean(): void {
    const { db, dataDir } = this.#options;
    for (const runId of findRunsToClean(db)) {
      new RunFiles(dataDir, runId).remove();
      markFilesGone(db, runId);
    }
  }

  /** A run ended: if nothing of it is left to ship, its files go now. */
  runEnded(): void {
    this.#clean();
  }
}
