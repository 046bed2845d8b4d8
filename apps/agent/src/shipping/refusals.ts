// What the other end refuses, though it could be reached, is offered again later: it may have been mended.

import type { SpoolDatabase } from "../spool/database.ts";
import { findRun } from "../spool/runs.ts";

/** It is offered again this much later… */
export const REFUSED_RETRY_MS = 5 * 60_000;
/** …and dropped when its run has been over for this long: the run was deleted at the other end, most likely. */
const REFUSED_KEPT_MS = 24 * 3_600_000;

/** Whether the run has been over for so long that whoever refuses what is of it will not change their mind. */
export function isHopeless(db: SpoolDatabase, runId: string, now: number): boolean {
  const run = findRun(db, runId);
  if (run?.state.kind !== "ended") return run === null;
  return now - run.state.outcome.endedAt > REFUSED_KEPT_MS;
}
