// Uploads closed chunks of evidence, one after the other and oldest first, and forgets them once they are stored at the other end.

import { createHash } from "node:crypto";
import {
  BULK_PATH,
  EVIDENCE_CONTENT_TYPE,
  evidencePath,
  EXPIRED_HEADER,
  SHA256_HEADER,
} from "@flowplane/link";
import { backoffMs } from "@flowplane/runtime";
import type { Clock } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { SpoolDatabase } from "../spool/database.ts";
import { forgetChunk, nextChunk } from "../spool/evidence.ts";
import type { ChunkRow } from "../spool/evidence.ts";
import { findExpired } from "../spool/history.ts";
import { findRun } from "../spool/runs.ts";
import { Wakeup } from "../wakeup.ts";
import type { BulkClient, UploadAnswer } from "./bulk-client.ts";

const RETRY = { baseMs: 250, maxMs: 30_000 };
/** What the other end refused is offered again this much later, with everything after it… */
const REFUSED_RETRY_MS = 5 * 60_000;
/** …and dropped when its run has been over for this long. */
const REFUSED_KEPT_MS = 24 * 3_600_000;

export type EvidenceShipperOptions = { db: SpoolDatabase; client: BulkClient; clock: Clock; log: Logger };

export class EvidenceShipper {
  readonly #options: EvidenceShipperOptions;
  readonly #wakeup = new Wakeup();
  /** Chunks up to this row were refused, and wait for `#againAt`. */
  #refusedTo = 0;
  #againAt = Infinity;
  #pauseUntil = 0;
  #failures = 0;

  constructor(options: EvidenceShipperOptions) {
    this.#options = options;
  }

  /** A chunk was closed. */
  nudge(): void {
    this.#wakeup.notify();
  }

  /** The link is back: whatever made uploads wait is worth another try. */
  retryNow(): void {
    this.#pauseUntil = 0;
    this.#failures = 0;
    this.#wakeup.notify();
  }

  /** Ships until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { db, clock } = this.#options;
    while (!signal.aborted) {
      const now = clock();
      if (now >= this.#againAt) [this.#refusedTo, this.#againAt] = [0, Infinity];
      const row = now < this.#pauseUntil ? null : nextChunk(db, this.#refusedTo);
      if (row === null) {
        const wakeAt = now < this.#pauseUntil ? this.#pauseUntil : this.#againAt;
        await this.#wakeup.wait(wakeAt - now, signal);
        continue;
      }
      const answer = await this.#upload(row, signal);
      if (!signal.aborted) this.#settle(row, answer);
    }
  }

  async #upload({ run_id: runId, chunk, body }: ChunkRow, signal: AbortSignal): Promise<UploadAnswer> {
    const expired = findExpired(this.#options.db, runId);
    const headers = {
      "content-type": EVIDENCE_CONTENT_TYPE,
      [SHA256_HEADER]: createHash("sha256").update(body).digest("hex"),
      ...(expired === null || expired.chunk === 0
        ? {}
        : { [EXPIRED_HEADER]: [expired.chunk, expired.chunkUntil ?? 0].join(" ") }),
    };
    return this.#options.client.send("PUT", BULK_PATH + evidencePath(runId, chunk), headers, body, signal);
  }

  #settle(row: ChunkRow, answer: UploadAnswer): void {
    const { db, clock, log } = this.#options;
    const what = { runId: row.run_id, chunk: row.chunk };
    switch (answer.kind) {
      case "stored":
      case "gone":
        this.#failures = 0;
        return forgetChunk(db, row.id);
      case "refused":
        if (this.#isStale(row)) {
          log.warn(
            { ...what, detail: answer.detail },
            "a chunk of evidence was refused for too long and is dropped",
          );
          return forgetChunk(db, row.id);
        }
        log.warn({ ...what, detail: answer.detail }, "a chunk of evidence was refused");
        this.#refusedTo = row.id;
        this.#againAt = Math.min(this.#againAt, clock() + REFUSED_RETRY_MS);
        return undefined;
      case "failed":
        this.#failures += 1;
        this.#pauseUntil = clock() + (answer.retryInMs ?? backoffMs(this.#failures, Math.random, RETRY));
        log.debug({ ...what, detail: answer.detail }, "a chunk of evidence could not be uploaded yet");
        return undefined;
    }
  }

  #isStale({ run_id: runId }: ChunkRow): boolean {
    const run = findRun(this.#options.db, runId);
    if (run?.state.kind !== "ended") return run === null;
    return this.#options.clock() - run.state.outcome.endedAt > REFUSED_KEPT_MS;
  }
}
