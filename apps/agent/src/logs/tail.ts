// Follows the two output files of one run: reads, redacts, cuts into lines, tells them to the run's watcher, and puts them
// into segments. Reading is synchronous and small, one batch a call, so whoever calls decides how long the event loop is
// held; closed segments become files beside it. At every moment a line is in the raw output or in a segment's file.

import { setTimeout as wait } from "node:timers/promises";
import { SEGMENT_BYTES_MAX, SEGMENT_CLOSE_BYTES, SEGMENT_CLOSE_MS, splitOutput } from "@flowplane/link";
import type { Stream } from "@flowplane/link";
import { CONTEXT_BYTES, FRESH_STATE } from "@flowplane/redaction";
import type { RedactionState, Redactor } from "@flowplane/redaction";
import type { SpoolDatabase } from "../spool/database.ts";
import {
  appendBatch,
  forgetBatchesFrom,
  readBatches,
  storeNothing,
  storeSegment,
  sumSegmentBytes,
} from "../spool/logs.ts";
import type { Batch, SegmentEnd, SegmentRow } from "../spool/logs.ts";
import type { LogPosition } from "../spool/runs.ts";
import type { RunFiles } from "../supervisor/files.ts";
import { noObserver } from "../supervisor/observer.ts";
import type { RunObserver } from "../supervisor/observer.ts";
import type { Commits } from "./commits.ts";
import type { Freeing } from "./freeing.ts";
import { openLogs } from "./open-logs.ts";
import type { OpenLog } from "./open-logs.ts";
import { encodedOutputMax, OpenSegment } from "./open-segment.ts";
import { sealSegment } from "./seal.ts";
import type { Sealed } from "./seal.ts";
import { StreamTail } from "./stream-tail.ts";
import type { Piece } from "./stream-tail.ts";

/** Closed segments of one run that are on their way to the disk. With so many the run's output waits where it is. */
const SEALING_MAX = 4;
/** A segment the disk did not take is tried again this much later. */
const SEAL_RETRY_MS = 500;

export type LogTailOptions = {
  db: SpoolDatabase;
  runId: string;
  files: RunFiles;
  position: LogPosition;
  redactor: Redactor;
  freeing: Freeing;
  commits: Commits;
  /** Whether the run's watcher knows of it: until then nothing is read. */
  isReady: () => boolean;
  observer: RunObserver;
  /** The run's watcher failed, which is its own trouble. */
  onObserverError: (error: unknown) => void;
  /** A segment is on disk. */
  onSegment: (segment: Omit<SegmentRow, "id">) => void;
  /** The disk did not take a segment; null: it did after all. */
  onSealProblem: (error: unknown) => void;
};

/** What was counted of the redacted log, and what redaction goes on with. */
export type LogTotals = { stdoutBytes: number; stderrBytes: number; redactions: number };
type Redaction = LogTotals & { stdout: RedactionState; stderr: RedactionState };

type Sealing = { open: OpenSegment | null; segmentSeq: number; end: SegmentEnd };

export class LogTail implements Disposable, OpenLog {
  readonly position: LogPosition;
  readonly #options: LogTailOptions;
  readonly #streams: Record<Stream, StreamTail>;
  readonly #stop = new AbortController();
  #totals: LogTotals;
  #open: OpenSegment | null = null;
  /** Read and told, and not yet in the database: the disk was full. */
  #pending: { batch: Batch; stdout: Piece; stderr: Piece } | null = null;
  readonly #sealing: Sealing[] = [];
  #sealed: Promise<void> = Promise.resolve();
  #segmentBytes: number;

  constructor(options: LogTailOptions) {
    this.#options = options;
    const { db, runId, files, position, redactor } = options;
    this.position = { ...position };
    const { stdout, stderr, ...totals } = parseRedaction(position.redaction);
    this.#totals = totals;
    this.#streams = {
      stdout: new StreamTail(files.path("stdout"), redactor),
      stderr: new StreamTail(files.path("stderr"), redactor),
    };
    this.#streams.stdout.state = stdout;
    this.#streams.stderr.state = stderr;
    this.#segmentBytes = sumSegmentBytes(db, runId);
    this.#readAgain();
    openLogs(db).set(runId, this);
  }

  [Symbol.dispose](): void {
    const { db, runId } = this.#options;
    this.#stop.abort();
    this.#streams.stdout[Symbol.dispose]();
    this.#streams.stderr[Symbol.dispose]();
    if (openLogs(db).get(runId) === this) openLogs(db).delete(runId);
  }

  get totals(): LogTotals {
    return this.#totals;
  }

  get lastSeq(): number {
    return this.position.lastSeq;
  }

  /** Bytes on disk: output that is in no segment, read or not, and the segments. */
  heldBytes(): number {
    const { stdout, stderr } = this.#sizes();
    const raw = stdout - this.position.stdoutFreed + stderr - this.position.stderrFreed;
    return raw + this.#segmentBytes;
  }

  /** A segment's file is no longer here. */
  segmentGone(storedBytes: number): void {
    this.#segmentBytes -= storedBytes;
  }

  /** Whether `readBatch` would find something to do: bytes that no batch has, or a segment that is old enough. */
  isDue(now: number): boolean {
    if (!this.#options.isReady()) return false;
    if (this.#pending || (this.#open && now - this.#open.since >= SEGMENT_CLOSE_MS)) return true;
    const { stdout, stderr } = this.#sizes();
    return stdout > this.position.stdoutTo || stderr > this.position.stderrTo;
  }

  /**
   * Commits the next batch, when there is something to put into one, and closes the segment when it is big or old enough.
   * With `final`, unfinished lines are taken as they are. "more" means that calling again at once would find more, "wait"
   * that the disk has to catch up first. Throws when the batch could not be stored; it is kept, and the next call tries again.
   */
  readBatch(now: number, final: boolean): "more" | "idle" | "wait" {
    if (this.#pending) this.#commit();
    if (this.#sealing.length >= SEALING_MAX || !this.#options.isReady()) return "wait";
    const { stdoutTo, stderrTo } = this.position;
    const batch: Batch = {
      batch: this.position.lastBatch + 1,
      at_ms: now,
      stdout_from: stdoutTo,
      stdout_to: stdoutTo,
      stderr_from: stderrTo,
      stderr_to: stderrTo,
      first_seq: this.position.lastSeq + 1,
      lines: 0,
      flushed: 0,
    };
    // One after the other: they share a buffer.
    const stdout = this.#streams.stdout.next(stdoutTo, now, final);
    const stdoutLines = this.#take(stdout, "stdout", batch, 0);
    const stderr = this.#streams.stderr.next(stderrTo, now, final);
    const stderrLines = this.#take(stderr, "stderr", batch, 0);
    if (stdout.taken + stderr.taken > 0) {
      batch.stdout_to += stdout.taken;
      batch.stderr_to += stderr.taken;
      batch.lines = stdoutLines + stderrLines;
      batch.flushed = (stdout.isFlushed ? 1 : 0) | (stderr.isFlushed ? 2 : 0);
      this.#streams.stdout.advance(stdout, stdoutLines);
      this.#streams.stderr.advance(stderr, stderrLines);
      this.#pending = { batch, stdout, stderr };
      this.#commit();
    }
    const isFull = this.#open !== null && this.#open.length >= SEGMENT_CLOSE_BYTES;
    if (isFull || (this.#open && now - this.#open.since >= SEGMENT_CLOSE_MS)) this.#close();
    return stdout.more || stderr.more ? "more" : "idle";
  }

  /** Closes what is open: the run has ended and its files were read to the end. Resolves when all segments are on disk. */
  finish(): Promise<void> {
    this.#close();
    return this.#sealed;
  }

  /** See OpenLog. */
  copyFrom(seq: number, bytesMax: number): { bytes: Uint8Array; nextSeq: number } | null {
    for (const { open } of this.#sealing) {
      const found = open?.copyFrom(seq, bytesMax);
      if (found) return found;
    }
    return this.#open?.copyFrom(seq, bytesMax) ?? null;
  }

  /** Cuts a piece into lines, into the open segment and, from this line on, to the watcher. How many there were. */
  #take(
    { bytes }: Piece,
    stream: Stream,
    batch: Pick<Batch, "first_seq" | "at_ms" | "lines">,
    tellFrom: number,
  ): number {
    if (bytes.length === 0) return 0;
    const { observer, onObserverError, runId } = this.#options;
    const before = this.#open;
    if (
      before &&
      before.length + encodedOutputMax(bytes.length) > SEGMENT_BYTES_MAX &&
      before.lastSeq < batch.first_seq
    )
      this.#close();
    const open = (this.#open ??= new OpenSegment(batch.first_seq, batch.at_ms));
    const firstSeq = open.lastSeq + 1;
    open.reserve(bytes.length);
    const at = batch.at_ms;
    const write = (from: number, to: number, partial: boolean) =>
      open.write(bytes, from, to, at, stream, partial);
    let seq = firstSeq;
    let tell = lineTeller(observer, onObserverError);
    if (tell === null) splitOutput(bytes, write);
    else {
      // One for all lines: what is made for each of them is what a flood of output costs.
      const line = { source: bytes, from: 0, to: 0 };
      splitOutput(bytes, (from, to, partial) => {
        write(from, to, partial);
        line.from = from;
        line.to = to;
        if (tell && seq >= tellFrom && !tell(runId, seq, at, stream, line, partial)) tell = null;
        seq += 1;
      });
    }
    const lines = open.lastSeq - firstSeq + 1;
    return lines;
  }

  /** Offsets, lines and the watcher's position together. */
  #commit(): void {
    const { db, runId, observer, onObserverError } = this.#options;
    if (!this.#pending) return;
    const { batch, stdout, stderr } = this.#pending;
    const lastSeq = batch.first_seq + batch.lines - 1;
    db.lazily(() => {
      appendBatch(db, runId, batch);
      try {
        observer.committed(runId, lastSeq);
      } catch (error) {
        onObserverError(error);
      }
    });
    this.#pending = null;
    this.#count(batch, stdout, stderr);
  }

  #count(batch: Batch, stdout: Piece, stderr: Piece): void {
    Object.assign(this.position, {
      stdoutTo: batch.stdout_to,
      stderrTo: batch.stderr_to,
      lastSeq: batch.first_seq + batch.lines - 1,
      lastBatch: batch.batch,
    });
    const { stdoutBytes, stderrBytes, redactions } = this.#totals;
    this.#totals = {
      stdoutBytes: stdoutBytes + stdout.bytes.length,
      stderrBytes: stderrBytes + stderr.bytes.length,
      redactions: redactions + stdout.marks + stderr.marks,
    };
  }

  /** After a start: the batches that an earlier agent read and put into no segment, as they were. */
  #readAgain(): void {
    const { db, runId } = this.#options;
    this.position.stdoutTo = this.position.stdoutFreed;
    this.position.stderrTo = this.position.stderrFreed;
    const sizes = this.#sizes();
    const tellFrom = this.#resumesAfter() + 1;
    for (const batch of readBatches(db, runId)) {
      if (batch.stdout_to > sizes.stdout || batch.stderr_to > sizes.stderr) {
        forgetBatchesFrom(db, runId, batch);
        Object.assign(this.position, { lastSeq: batch.first_seq - 1, lastBatch: batch.batch - 1 });
        return;
      }
      const stdout = this.#streams.stdout.again(
        batch.stdout_from,
        batch.stdout_to,
        (batch.flushed & 1) !== 0,
      );
      const before = this.#open?.lastSeq ?? batch.first_seq - 1;
      this.#take(stdout, "stdout", batch, tellFrom);
      this.#streams.stdout.advance(stdout, 0);
      const stderr = this.#streams.stderr.again(
        batch.stderr_from,
        batch.stderr_to,
        (batch.flushed & 2) !== 0,
      );
      this.#take(stderr, "stderr", batch, tellFrom);
      this.#streams.stderr.advance(stderr, 0);
      const lines = (this.#open?.lastSeq ?? before) - before;
      this.#count({ ...batch, lines }, stdout, stderr);
      if (lines !== batch.lines) {
        // Another version cuts a giant line elsewhere. What follows is read again behind it.
        const next = { ...batch, batch: batch.batch + 1, first_seq: this.lastSeq + 1 };
        forgetBatchesFrom(db, runId, { ...next, stdout_from: batch.stdout_to, stderr_from: batch.stderr_to });
        return;
      }
    }
  }

  /** The last line the run's watcher still knows of. */
  #resumesAfter(): number {
    const { observer, onObserverError, runId } = this.#options;
    try {
      return observer.resumesAfter(runId);
    } catch (error) {
      onObserverError(error);
      return Number.MAX_SAFE_INTEGER;
    }
  }

  #close(): void {
    const open = this.#open;
    const { lastBatch, closedBatch, stdoutTo, stderrTo } = this.position;
    if (!open && lastBatch === closedBatch) return;
    const { stdout, stderr } = this.#streams;
    const redaction: Redaction = { ...this.#totals, stdout: stdout.state, stderr: stderr.state };
    const end = { lastBatch, stdoutTo, stderrTo, redaction: JSON.stringify(redaction) };
    if (open) this.position.lastSegment += 1;
    this.position.closedBatch = lastBatch;
    const sealing = { open, segmentSeq: this.position.lastSegment, end };
    this.#sealing.push(sealing);
    this.#open = null;
    const written = open ? this.#write(open, sealing.segmentSeq) : Promise.resolve(null);
    const before = this.#sealed;
    this.#sealed = before.then(() => written).then((sealed) => this.#store(sealing, sealed));
  }

  /** Until the disk takes it; null when the agent ends before. */
  async #write(open: OpenSegment, segmentSeq: number): Promise<Sealed | null> {
    const { files, onSealProblem } = this.#options;
    return this.#untilDone(async () => {
      const sealed = await sealSegment(files, segmentSeq, open.encoding);
      onSealProblem(null);
      return sealed;
    });
  }

  async #store(sealing: Sealing, sealed: Sealed | null): Promise<void> {
    const { db, runId, files, freeing, commits, observer, onObserverError, onSegment, onSealProblem } =
      this.#options;
    const { open, segmentSeq, end } = sealing;
    if (this.#stop.signal.aborted || (open && !sealed)) return;
    if (!open || !sealed) {
      await this.#untilDone(async () => storeNothing(db, runId, end));
    } else {
      const segment = {
        run_id: runId,
        segment_seq: segmentSeq,
        first_seq: open.firstSeq,
        last_seq: open.lastSeq,
        bytes: open.length,
        encoding_sha256: sealed.encodingSha256,
        stored_bytes: sealed.storedBytes,
        sha256: sealed.sha256,
        last_at: open.lastAt,
      };
      const stored = await this.#untilDone(async () => {
        await commits.add(() => {
          storeSegment(db, segment, end);
          const closed = {
            segment: segmentSeq,
            firstSeq: open.firstSeq,
            lastSeq: open.lastSeq,
            sha256: sealed.encodingSha256,
          };
          try {
            observer.segmentClosed(runId, closed);
          } catch (error) {
            onObserverError(error);
          }
        });
        onSealProblem(null);
        return true;
      });
      if (!stored) return;
      this.#segmentBytes += sealed.storedBytes;
      onSegment(segment);
    }
    this.position.stdoutFreed = end.stdoutTo;
    this.position.stderrFreed = end.stderrTo;
    this.position.redaction = end.redaction;
    this.#sealing.splice(this.#sealing.indexOf(sealing), 1);
    open?.release();
    // What stands before the next byte is looked at once more when that is redacted.
    freeing.free(files.path("stdout"), end.stdoutTo - CONTEXT_BYTES);
    freeing.free(files.path("stderr"), end.stderrTo - CONTEXT_BYTES);
  }

  /** Repeats what a full disk refuses. Null when the agent ends before it is done: the raw output is still there. */
  async #untilDone<T>(attempt: () => Promise<T>): Promise<T | null> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        return await attempt();
      } catch (error) {
        if (signal.aborted) break;
        this.#options.onSealProblem(error);
        await wait(SEAL_RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
    return null;
  }

  #sizes(): { stdout: number; stderr: number } {
    return { stdout: this.#streams.stdout.size(), stderr: this.#streams.stderr.size() };
  }
}

/** Tells one line; false when that failed. Null where nobody watches: making what is told costs, too. */
function lineTeller(
  observer: RunObserver,
  onError: (error: unknown) => void,
): ((...line: Parameters<RunObserver["line"]>) => boolean) | null {
  if (observer === noObserver) return null;
  return (runId, seq, atMs, stream, line, partial) => {
    try {
      observer.line(runId, seq, atMs, stream, line, partial);
      return true;
    } catch (error) {
      onError(error);
      return false;
    }
  };
}

function parseRedaction(text: string): Redaction {
  if (text !== "") return JSON.parse(text) as Redaction;
  return { stdout: FRESH_STATE, stderr: FRESH_STATE, stdoutBytes: 0, stderrBytes: 0, redactions: 0 };
}
