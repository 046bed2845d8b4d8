// Where a run leaves signs of life: a file of its own that it appends to or touches.

import { chmodSync, chownSync, closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Principal } from "./principal.ts";

/** For runs of other users, who cannot enter the agent's folder. Anybody may pass through, nobody may look around. */
const SHARED_DIR = "/run/flowplane";

/** The file of a run of this mark; null where it can have none. Makes nothing. */
export function heartbeatPath(runDir: string, mark: string, as: Principal | null): string | null {
  if (as === null) return join(runDir, "heartbeat");
  return process.getuid?.() === 0 ? join(SHARED_DIR, mark) : null;
}

/** Makes it, empty, for whoever is to write to it; `isForContainer`: whichever user that is inside. */
export function makeHeartbeatFile(path: string, as: Principal | null, isForContainer: boolean): void {
  if (as !== null) {
    mkdirSync(SHARED_DIR, { recursive: true, mode: 0o711 });
    chmodSync(SHARED_DIR, 0o711);
  }
  closeSync(openSync(path, "a", 0o600));
  if (isForContainer) chmodSync(path, 0o666);
  if (as !== null) chownSync(path, as.uid, as.gid);
}

/** Removes what lies outside the run's own folder. */
export function removeHeartbeatFile(mark: string): void {
  if (mark !== "") rmSync(join(SHARED_DIR, mark), { force: true });
}
