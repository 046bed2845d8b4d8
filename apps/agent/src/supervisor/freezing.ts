// Pausing a run and letting it go on. Who wants it paused is stored before anybody is signalled, except where pausing is
// what makes the room for storing.

import { statfsSync } from "node:fs";
import { TEXT_CHARS_MAX } from "@flowplane/link";
import { judgeQuota } from "../logs/quota.ts";
import type { QuotaVerdict } from "../logs/quota.ts";
import { appendEvent } from "../spool/events.ts";
import { saveHolds, sumHeldBytes } from "../spool/runs.ts";
import type { ActiveRun } from "./active-run.ts";
import { addHold, dropHold } from "./holds.ts";
import type { Hold } from "./holds.ts";
import { pauseAll } from "./signalling.ts";
import type { Supervision } from "./supervision.ts";

const PAUSE_REASONS = {
  run_full: "its spool quota is reached",
  host_full: "the host's spool quota is reached",
  disk_full: "the disk is almost full",
  fits: "",
} as const satisfies Record<QuotaVerdict, string>;

/**
 * Stores, in the open transaction or one of its own, that somebody wants the run paused or no longer does. The returned function
 * acts on it; null when the run is not one that can be paused now.
 */
export function prepareHold(
  on: Supervision,
  run: ActiveRun,
  isHeld: boolean,
  hold: Hold,
): (() => void) | null {
  if (run.state.kind !== "running" || !run.process) return null;
  const holds = isHeld ? addHold(run.holds, hold) : dropHold(run.holds, hold.holder);
  storeHolds(on, run, holds, hold);
  return () => actOnHolds(on, run, holds);
}

function actOnHolds(on: Supervision, run: ActiveRun, holds: Hold[]): void {
  const wasFrozen = run.holds.length > 0;
  const isFrozen = holds.length > 0;
  run.holds = holds;
  // Again and again is right: a process may have been born between two looks.
  if (isFrozen || wasFrozen) pauseAll(on, run, isFrozen);
  if (wasFrozen !== isFrozen)
    on.observe((observer) => observer.frozen(run.id, on.options.steady(), isFrozen));
}

/** A run that is being ended has to get on in order to end. */
export function forgetHolds(on: Supervision, run: ActiveRun): void {
  if (run.holds.length === 0) return;
  const { db } = on.options;
  run.holds = [];
  db.lazily(() => saveHolds(db, run.id, []));
  on.observe((observer) => observer.frozen(run.id, on.options.steady(), false));
}

/** Pauses what writes faster than it can be shipped, and lets it go on when there is room again. */
export function applyQuota(on: Supervision): void {
  const { db, quota, dataDir } = on.options;
  const hostBytes = sumHeldBytes(db);
  const disk = statfsSync(dataDir);
  const diskFreeBytes = disk.bavail * disk.bsize;
  for (const run of on.runs.values()) {
    const tail = on.pump.get(run.id);
    if (run.state.kind !== "running" || !tail || !run.process) continue;
    const isHeld = run.holds.some(({ holder }) => holder === "quota");
    const verdict = judgeQuota(quota, isHeld, tail.heldBytes(), hostBytes, diskFreeBytes);
    if ((verdict !== "fits") === isHeld) continue;
    const reason =
      verdict === "fits"
        ? "its log has room again"
        : `output is written faster than it can be shipped: ${PAUSE_REASONS[verdict]}`;
    const hold: Hold = { holder: "quota", reason, actor: "agent" };
    const before = run.holds;
    // Pausing is what makes room, so it must not fail for want of room: the record of it may.
    actOnHolds(on, run, verdict === "fits" ? dropHold(before, "quota") : addHold(before, hold));
    storeHolds(on, run, run.holds, hold, before);
    on.options.onEvent();
  }
}

/** The timeline says who paused it or let it go on, and that it stays paused when others still hold it. */
function storeHolds(
  on: Supervision,
  run: ActiveRun,
  holds: readonly Hold[],
  { reason, actor }: Hold,
  before: readonly Hold[] = run.holds,
): void {
  const { db, clock } = on.options;
  const isFrozen = holds.length > 0;
  if (before.length === 0 && !isFrozen) return;
  const still = holds.map((hold) => hold.reason).join("; ");
  const words = isFrozen && holds.length < before.length ? `${reason}; still paused: ${still}` : reason;
  db.durably(() => {
    saveHolds(db, run.id, holds);
    appendEvent(db, {
      type: "run.frozen",
      runId: run.id,
      at: clock(),
      payload: { frozen: isFrozen, reason: words.slice(0, TEXT_CHARS_MAX), actor },
    });
  });
}
