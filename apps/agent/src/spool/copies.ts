// A data folder that came from another host: a machine was cloned, or the folder copied. The host it came from goes on with its
// runs and with what it was ordered; this one begins anew and leaves all of that to it, so that nothing is started twice.

import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { isOtherHost } from "../data/host.ts";
import type { Host } from "../data/host.ts";
import type { SpoolDatabase } from "./database.ts";
import { renewSpool } from "./events.ts";
import { isKnownRun } from "./runs.ts";

/** Notes on which host the spool is; whether it was on another one before. */
export function noteHost(db: SpoolDatabase, host: Host): boolean {
  return db.durably(() => {
    const row = db.get<{ description: string }>("SELECT description FROM host");
    // Written here.
    const isOther = row !== undefined && isOtherHost(JSON.parse(row.description) as Host, host);
    db.run("DELETE FROM host");
    db.run("INSERT INTO host (description) VALUES (?)", JSON.stringify(host));
    // Together with the note, or the next start would take this host for the one the runs are on.
    if (isOther) leaveToOriginal(db);
    return isOther;
  });
}

/**
 * Takes what is still to be done out of the spool: orders, attempts to come, runs under way and what is not yet told of their logs.
 * What is over stays to be told, as does every event.
 */
function leaveToOriginal(db: SpoolDatabase): void {
  db.run("UPDATE intents SET done_at = received_at, payload = '{}' WHERE done_at IS NULL");
  db.run("DELETE FROM next_starts");
  db.run("DELETE FROM early_stops");
  for (const table of ["batches", "segments", "watches", "evidence_entries", "evidence_chunks", "incidents"])
    db.run(`DELETE FROM ${table} WHERE run_id IN (SELECT id FROM runs WHERE ended_at IS NULL)`);
  db.run("DELETE FROM runs WHERE ended_at IS NULL");
  renewSpool(db, true);
}

/** Takes away the folders of runs that the spool does not know. */
export function removeStrayFolders(db: SpoolDatabase, dataDir: string): void {
  const folder = join(dataDir, "runs");
  if (!existsSync(folder)) return;
  for (const id of readdirSync(folder))
    if (!isKnownRun(db, id)) rmSync(join(folder, id), { recursive: true, force: true });
}
