// Live output for whoever watches a run. It is a courtesy on top of segments: what is lost here comes with them, so nothing
// is sent twice, nothing waits, and a watcher who falls behind is moved forward.

import { BULK_PATH, LINES_CONTENT_TYPE, tailPath } from "@flowplane/link";
import type { Clock } from "@flowplane/runtime";
import { openLogs } from "../logs/open-logs.ts";
import type { SpoolDatabase } from "../spool/database.ts";
import type { BulkClient } from "./bulk-client.ts";

/** Runs watched at once; a further watch takes the place of the one that lapses first. */
const WATCHES_MAX = 100;
/** Output sent in one request, about. */
const TAIL_BYTES_MAX = 256 * 1024;
/** A watcher this many lines behind is moved forward. */
const LAG_LINES_MAX = 50_000;

type Watch = { nextSeq: number; expiresAt: number; isSending: boolean; isDue: boolean };

export type TailsOptions = {
  db: SpoolDatabase;
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
    const { db, client, signal } = this.#options;
    const log = openLogs(db).get(runId);
    if (!log) return false;
    if (log.lastSeq - watch.nextSeq > LAG_LINES_MAX) watch.nextSeq = log.lastSeq - LAG_LINES_MAX / 10;
    // What is in a segment already comes with that.
    const found = log.copyFrom(watch.nextSeq, TAIL_BYTES_MAX);
    if (!found) return false;
    watch.nextSeq = found.nextSeq;
    await client.send(
      "POST",
      BULK_PATH + tailPath(runId),
      { "content-type": LINES_CONTENT_TYPE },
      found.bytes,
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
