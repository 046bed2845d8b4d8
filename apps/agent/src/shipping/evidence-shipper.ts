// Uploads closed chunks of evidence, one after the other and oldest first, and forgets them once they are stored at the other end.

import { createHash } from "node:crypto";
import {
  BULK_PATH,
  EVIDENCE_CONTENT_TYPE,
  evidencePath,
  EXPIRED_HEADER,
  SHA256_HEADER,
} from "@flowplane/link";
import type { Clock } from "@flowplane/runtime";
import type { Logger } from "pino";
import type { SpoolDatabase } from "../spool/database.ts";
import { forgetChunk, nextChunk } from "../spool/evidence.ts";
import type { ChunkRow } from "../spool/evidence.ts";
import { findExpired } from "../spool/history.ts";
import { Wakeup } from "../wakeup.ts";
import type { BulkClient, UploadAnswer } from "./bulk-client.ts";
import { isHopeless, REFUSED_RETRY_MS } from "./refusals.ts";
import { UploadPause } from "./upload-pause.ts";

export type EvidenceShipperOptions = { db: SpoolDatabase; client: BulkClient; clock: Clock; log: Logger };

export class EvidenceShipper {
  readonly #options: EvidenceShipperOptions;
  readonly #wakeup = new Wakeup();
  readonly #pause: UploadPause;
  /** Chunks up to this row were refused, and wait for `#againAt` with everything after them. */
  #refusedTo = 0;
  #againAt = Infinity;

  constructor(options: EvidenceShipperOptions) {
    this.#options = options;
    this.#pause = new UploadPause(options.clock);
  }

  /** A chunk was closed. */
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
    const { db, clock } = this.#options;
    while (!signal.aborted) {
      const now = clock();
      if (now >= this.#againAt) [this.#refusedTo, this.#againAt] = [0, Infinity];
      const pauseMs = this.#pause.leftMs;
      const row = pauseMs > 0 ? null : nextChunk(db, this.#refusedTo);
      if (row === null) {
        await this.#wakeup.wait(pauseMs > 0 ? pauseMs : this.#againAt - now, signal);
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
        this.#pause.worked();
        return forgetChunk(db, row.id);
      case "refused":
        if (isHopeless(db, row.run_id, clock())) {
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
        this.#pause.failed(answer.retryInMs);
        log.debug({ ...what, detail: answer.detail }, "a chunk of evidence could not be uploaded yet");
        return undefined;
    }
  }
}
