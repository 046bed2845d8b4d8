// Live output for whoever watches a run. It is a courtesy on top of segments: what is lost here comes with them, so nothing
// is sent twice, nothing waits, and a watcher who falls behind is moved forward.

import { BULK_PATH, LINES_CONTENT_TYPE, tailPath } from "@flowplane/link";
import type { Clock } from "@flowplane/runtime";
import { encodeBatches, Scratch } from "../logs/segment.ts";
import type { SpoolDatabase } from "../spool/database.ts";
import { readBatchesFromSeq } from "../spool/logs.ts";
import type { Batch } from "../spool/logs.ts";
import { findRun } from "../spool/runs.ts";
import { RunFiles } from "../supervisor/files.ts";
import type { BulkClient } from "./bulk-client.ts";

/** Runs watched at once; a further watch takes the place of the one that lapses first. */
const WATCHES_MAX = 100;
/** Output sent in one request, about. */
const TAIL_BYTES_MAX = 256 * 1024;
/** A watcher this many lines behind is moved forward. */
const LAG_LINES_MAX = 50_000;
const BATCHES_PER_LOOK = 16;

type Watch = { nextSeq: number; expiresAt: number; isSending: boolean; isDue: boolean };

export type TailsOptions = {
  db: SpoolDatabase;
  dataDir: string;
  client: BulkClient;
  clock: Clock;
  signal: AbortSignal;
};

export class Tails {
  readonly #options: TailsOptions;
  readonly #watches = new Map<string, Watch>();

  constructor(options: TailsOptions) {
    this.#options = options;
  }

  /** A lease: without another one within `ttlMs` nothing more is sent. A renewal goes on where sending is. */
  watch(runId: string, fromSeq: number, ttlMs: number): void {
    const expiresAt = this.#options.clock() + ttlMs;
    const present = this.#watches.get(runId);
    if (present) present.expiresAt = expiresAt;
    else this.#watches.set(runId, { nextSeq: fromSeq, expiresAt, isSending: false, isDue: false });
    this.#makeRoom();
    this.nudge(runId);
  }

  unwatch(runId: string): void {
    this.#watches.delete(runId);
  }

  /** The run has new lines in the spool. */
  nudge(runId: string): void {
    const watch = this.#watches.get(runId);
    if (!watch) return;
    watch.isDue = true;
    if (!watch.isSending) void this.#send(runId, watch);
  }

  async #send(runId: string, watch: Watch): Promise<void> {
    watch.isSending = true;
    while (watch.isDue && this.#isWatched(runId, watch)) {
      watch.isDue = false;
      while (this.#isWatched(runId, watch) && (await this.#sendNext(runId, watch)));
    }
    watch.isSending = false;
  }

  /** Sends the next lines; false when there are none. */
  async #sendNext(runId: string, watch: Watch): Promise<boolean> {
    const { db, dataDir, client, signal } = this.#options;
    const run = findRun(db, runId);
    if (!run) return false;
    if (run.log.lastSeq - watch.nextSeq > LAG_LINES_MAX) watch.nextSeq = run.log.lastSeq - LAG_LINES_MAX / 10;
    const batches = takeUpTo(TAIL_BYTES_MAX, readBatchesFromSeq(db, runId, watch.nextSeq, BATCHES_PER_LOOK));
    const last = batches.at(-1);
    if (!last) return false;
    const { nextSeq } = watch;
    watch.nextSeq = last.first_seq + last.lines;
    // Meanwhile these lines may have been shipped and their bytes freed: then they are at the other end already.
    const encoded = await encodeBatches(new RunFiles(dataDir, runId), batches, new Scratch(), nextSeq).catch(
      () => null,
    );
    if (encoded)
      await client.send(
        "POST",
        BULK_PATH + tailPath(runId),
        { "content-type": LINES_CONTENT_TYPE },
        encoded.bytes,
        signal,
      );
    return true;
  }

  #isWatched(runId: string, watch: Watch): boolean {
    if (this.#watches.get(runId) !== watch || this.#options.signal.aborted) return false;
    if (watch.expiresAt > this.#options.clock()) return true;
    this.#watches.delete(runId);
    return false;
  }

  #makeRoom(): void {
    while (this.#watches.size > WATCHES_MAX) {
      const [first] = [...this.#watches].toSorted(([, a], [, b]) => a.expiresAt - b.expiresAt);
      if (first) this.#watches.delete(first[0]);
    }
  }
}

function takeUpTo(bytesMax: number, batches: Batch[]): Batch[] {
  let bytes = 0;
  const end = batches.findIndex((batch) => {
    bytes += batch.stdout_to - batch.stdout_from + batch.stderr_to - batch.stderr_from;
    return bytes > bytesMax;
  });
  return end < 0 ? batches : batches.slice(0, Math.max(1, end));
}
