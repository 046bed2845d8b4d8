// Reads a run's log on this host, line by line: what is still in the spool, redacted, in order. What the control plane has
// stored already may be gone from here.

import { decodeLines } from "@flowplane/link";
import type { LogLine } from "@flowplane/link";
import type { SpoolDatabase } from "../spool/database.ts";
import { readBatchesFromSeq } from "../spool/logs.ts";
import { RunFiles } from "../supervisor/files.ts";
import { encodeBatches, Scratch } from "./segment.ts";

/** Batches looked at in one query. */
const BATCHES_PER_LOOK = 16;

export type LogReaderOptions = { db: SpoolDatabase; dataDir: string };

export class LogReader {
  readonly #options: LogReaderOptions;

  constructor(options: LogReaderOptions) {
    this.#options = options;
  }

  /**
   * At most `limit` lines of the run from line `fromSeq` on, in ascending `seq`; fewer when the spool holds no more yet, none
   * for a run it does not know. The first may have a higher `seq` than asked for, when earlier ones are no longer here.
   */
  async readLines(runId: string, fromSeq: number, limit: number): Promise<LogLine[]> {
    const found: LogLine[] = [];
    for await (const lines of this.readSegments(runId, fromSeq)) {
      for (const line of lines) {
        if (found.length >= limit) return found;
        found.push(line);
      }
      if (found.length >= limit) return found;
    }
    return found;
  }

  /** All lines from `fromSeq` on, in pieces as they are kept: one piece is in memory at a time. */
  async *readSegments(runId: string, fromSeq = 1): AsyncGenerator<readonly LogLine[]> {
    const { db, dataDir } = this.#options;
    const files = new RunFiles(dataDir, runId);
    let next = fromSeq;
    for (;;) {
      const batches = readBatchesFromSeq(db, runId, next, BATCHES_PER_LOOK);
      const last = batches.at(-1);
      if (!last) return;
      const { bytes } = await encodeBatches(files, batches, new Scratch(), next);
      const decoded = decodeLines(bytes);
      if (!decoded.ok) throw new Error(`the log of run ${runId} cannot be read: ${decoded.issue}`);
      next = last.first_seq + last.lines;
      yield decoded.value;
    }
  }
}
