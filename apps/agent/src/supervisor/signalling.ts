// Signals to a run and to everything it started, and counting who is left.

import { saveSignalsSent } from "../spool/runs.ts";
import { membershipOf } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import { findMembers } from "./members.ts";
import { describeMembers, signalGroup, signalMembers } from "./processes.ts";
import type { Supervision } from "./supervision.ts";

/** A signal that ends it. It is noted first: what exit code 130 means depends on who sent a signal. */
export function sendSignal(on: Supervision, run: ActiveRun, signal: "SIGTERM" | "SIGKILL"): void {
  const { db } = on.options;
  if (!run.signalsSent.includes(signal)) {
    run.signalsSent = [...run.signalsSent, signal];
    db.lazily(() => saveSignalsSent(db, run.id, run.signalsSent));
  }
  signalAll(on, run, signal);
}

/** The group at once; then, after a look around, also what has left it. */
export function signalAll(on: Supervision, run: ActiveRun, signal: NodeJS.Signals): void {
  const membership = membershipOf(run);
  signalGroup(membership, signal);
  void signalMembers(on.table, membership, run.known, signal);
}

/** Counts the run's processes and tells its machine. */
export function countMembers(on: Supervision, run: ActiveRun): void {
  if (run.isCounting) return;
  run.isCounting = true;
  void countNow(on, run);
}

async function countNow(on: Supervision, run: ActiveRun): Promise<void> {
  const processes = await on.table.list();
  run.isCounting = false;
  if (!on.runs.has(run.id)) return;
  const members = findMembers(membershipOf(run), processes, run.known);
  on.step(run, { kind: "census", alive: members.length, detail: describeMembers(members) });
}
