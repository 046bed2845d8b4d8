// Follows the two output files of one run and turns what they gain into batches and segments in the spool. All of it is
// synchronous and small: one call reads at most one batch, so whoever calls decides how long the event loop is held.

import { closeSync, fdatasync, fstatSync, openSync, readSync } from "node:fs";
import { promisify } from "node:util";
import { SEGMENT_CLOSE_BYTES, SEGMENT_CLOSE_MS } from "@flowplane/link";
import type { SpoolDatabase } from "../spool/database.ts";
import { appendBatch, closeSegment, readBatches } from "../spool/logs.ts";
import type { LogPosition } from "../spool/runs.ts";
import type { RunFiles } from "../supervisor/files.ts";
import { cutOutput } from "./cut.ts";

/** Most bytes of each stream in one batch. */
const BATCH_STREAM_BYTES_MAX = 256 * 1024;
/** Most lines of each stream in one batch. */
const BATCH_STREAM_LINES_MAX = 8192;
/** An unfinished line is passed on after this long without its end: it may be a prompt. */
const PARTIAL_FLUSH_MS = 2000;
/** What a line costs in an encoded segment beside its bytes, about. */
const LINE_OVERHEAD_BYTES = 6;

// One buffer per stream for the whole process: a tail reads and commits within one call, so it never needs them longer.
const buffers = {
  stdout: Buffer.allocUnsafe(BATCH_STREAM_BYTES_MAX),
  stderr: Buffer.allocUnsafe(BATCH_STREAM_BYTES_MAX),
};

const syncFile = promisify(fdatasync);

type StreamTail = { fd: number; partialSince: number | null };

export class LogTail implements Disposable {
  readonly position: LogPosition;
  readonly #db: SpoolDatabase;
  readonly #runId: string;
  readonly #streams: { stdout: StreamTail; stderr: StreamTail };
  #open: { bytes: number; since: number } | null = null;

  constructor(db: SpoolDatabase, runId: string, files: RunFiles, position: LogPosition) {
    this.#db = db;
    this.#runId = runId;
    this.position = { ...position };
    const open = (name: "stdout" | "stderr"): StreamTail => ({
      fd: openSync(files.path(name), "r"),
      partialSince: null,
    });
    this.#streams = { stdout: open("stdout"), stderr: open("stderr") };
    for (const batch of readBatches(db, runId, position.closedBatch + 1, position.lastBatch)) {
      this.#grow(
        batch.stdout_to - batch.stdout_from + batch.stderr_to - batch.stderr_from,
        batch.lines,
        batch.at_ms,
      );
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.#streams.stdout.fd);
    closeSync(this.#streams.stderr.fd);
  }

  /** Bytes in the files that are not freed yet, read or not. */
  heldBytes(): number {
    const { stdout, stderr } = this.#sizes();
    return stdout - this.position.stdoutFreed + stderr - this.position.stderrFreed;
  }

  /** Whether `readBatch` would find something to do: bytes that no batch has, or a segment that is old enough. */
  isDue(now: number): boolean {
    if (this.#open && now - this.#open.since >= SEGMENT_CLOSE_MS) return true;
    const { stdout, stderr } = this.#sizes();
    return stdout > this.position.stdoutTo || stderr > this.position.stderrTo;
  }

  /**
   * Commits the next batch, when there is something to put into one, and closes the segment when it is big or old enough.
   * With `final`, unfinished lines are taken as they are. "more" means that calling again at once would find more.
   */
  readBatch(now: number, final: boolean): "more" | "idle" {
    const stdout = this.#read("stdout", this.position.stdoutTo, now, final);
    const stderr = this.#read("stderr", this.position.stderrTo, now, final);
    const lines = stdout.lines + stderr.lines;
    if (lines > 0) {
      const { stdoutTo, stderrTo, lastSeq, lastBatch } = this.position;
      const batch = {
        batch: lastBatch + 1,
        at_ms: now,
        stdout_from: stdoutTo,
        stdout_to: stdoutTo + stdout.bytes,
        stderr_from: stderrTo,
        stderr_to: stderrTo + stderr.bytes,
        first_seq: lastSeq + 1,
        lines,
      };
      appendBatch(this.#db, this.#runId, batch);
      Object.assign(this.position, {
        stdoutTo: batch.stdout_to,
        stderrTo: batch.stderr_to,
        lastSeq: lastSeq + lines,
        lastBatch: batch.batch,
      });
      this.#grow(stdout.bytes + stderr.bytes, lines, now);
    }
    if (this.#open && (this.#open.bytes >= SEGMENT_CLOSE_BYTES || now - this.#open.since >= SEGMENT_CLOSE_MS))
      this.#close();
    return stdout.more || stderr.more ? "more" : "idle";
  }

  /** Whether a segment was closed that nobody has been told of. Asking resets it. */
  takeClosed(): boolean {
    const closed = this.#closed;
    this.#closed = false;
    return closed;
  }
  #closed = false;

  /** Closes what is open: the run has ended and its files were read to the end. */
  finish(): void {
    if (this.#open) this.#close();
  }

  /** Puts what was written onto the disk itself. Null, or what went wrong: the log may then not survive a power cut. */
  async sync(): Promise<string | null> {
    if (this.position.lastSeq === 0) return null;
    try {
      await syncFile(this.#streams.stdout.fd);
      await syncFile(this.#streams.stderr.fd);
      return null;
    } catch (error) {
      return `its log could not be put onto the disk: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #read(
    name: "stdout" | "stderr",
    from: number,
    now: number,
    final: boolean,
  ): { bytes: number; lines: number; more: boolean } {
    const stream = this.#streams[name];
    const read = readSync(stream.fd, buffers[name], 0, BATCH_STREAM_BYTES_MAX, from);
    if (read === 0) {
      stream.partialSince = null;
      return { bytes: 0, lines: 0, more: false };
    }
    const isFlushed =
      (final && read < BATCH_STREAM_BYTES_MAX) ||
      (stream.partialSince !== null && now - stream.partialSince >= PARTIAL_FLUSH_MS);
    const cut = cutOutput(buffers[name].subarray(0, read), isFlushed, BATCH_STREAM_LINES_MAX);
    if (cut.bytes === read) stream.partialSince = null;
    else if (cut.bytes > 0 || stream.partialSince === null) stream.partialSince = now;
    return {
      ...cut,
      more:
        cut.bytes > 0 && (read === BATCH_STREAM_BYTES_MAX || cut.lines >= BATCH_STREAM_LINES_MAX || final),
    };
  }

  #grow(bytes: number, lines: number, now: number): void {
    this.#open ??= { bytes: 0, since: now };
    this.#open.bytes += bytes + lines * LINE_OVERHEAD_BYTES;
  }

  #close(): void {
    const { lastSegment, closedBatch, lastBatch } = this.position;
    closeSegment(this.#db, this.#runId, lastSegment + 1, closedBatch + 1, lastBatch);
    Object.assign(this.position, { lastSegment: lastSegment + 1, closedBatch: lastBatch });
    this.#open = null;
    this.#closed = true;
  }

  #sizes(): { stdout: number; stderr: number } {
    return {
      stdout: fstatSync(this.#streams.stdout.fd).size,
      stderr: fstatSync(this.#streams.stderr.fd).size,
    };
  }
}
