// Reads a run's log on this host, line by line: what is still in the spool, redacted, in order. What the control plane has
// stored already may be gone from here.

import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { decodeLines, SEGMENT_BYTES_MAX } from "@flowplane/link";
import type { LogLine } from "@flowplane/link";
import type { SpoolDatabase } from "../spool/database.ts";
import { findRunSegments } from "../spool/logs.ts";
import { RunFiles } from "../supervisor/files.ts";
import { openLogs } from "./open-logs.ts";

const decompress = promisify(zstdDecompress);

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
      const [segment] = findRunSegments(db, runId, next, 1);
      // Looked for in the same turn: what is in no file is in memory, and the other way round.
      const open = segment ? null : openLogs(db).get(runId)?.copyFrom(next, SEGMENT_BYTES_MAX);
      if (!segment && !open) return;
      const encoding = segment ? await readSegment(files.segment(segment.segment_seq)) : open?.bytes;
      const from = next;
      next = segment ? segment.last_seq + 1 : (open?.nextSeq ?? next);
      // Uploaded and removed a moment ago.
      if (!encoding) continue;
      const decoded = decodeLines(encoding);
      if (!decoded.ok) throw new Error(`the log of run ${runId} cannot be read: ${decoded.issue}`);
      yield decoded.value.filter((line) => line.seq >= from);
    }
  }
}

async function readSegment(path: string): Promise<Uint8Array | null> {
  try {
    return await decompress(await readFile(path), { maxOutputLength: SEGMENT_BYTES_MAX });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
