// The newest lines of live runs, which no file has yet, for whoever reads logs on this host.

import type { SpoolDatabase } from "../spool/database.ts";

export interface OpenLog {
  /** The lines from `seq` on that are only in memory, encoded, up to about `bytesMax`; null when there are none. */
  copyFrom(seq: number, bytesMax: number): { bytes: Uint8Array; nextSeq: number } | null;
  /** The number of the newest line. */
  readonly lastSeq: number;
}

const all = new WeakMap<SpoolDatabase, Map<string, OpenLog>>();

/** The open logs of a spool by run. */
export function openLogs(db: SpoolDatabase): Map<string, OpenLog> {
  const present = all.get(db);
  if (present) return present;
  const logs = new Map<string, OpenLog>();
  all.set(db, logs);
  return logs;
}
