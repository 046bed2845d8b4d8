// Signals to a run and to everything it started, and counting who is left.

import { noteSignalled } from "../spool/events.ts";
import { saveSignalsSent } from "../spool/runs.ts";
import { membershipOf } from "./active-run.ts";
import type { ActiveRun } from "./active-run.ts";
import { findMembers } from "./members.ts";
import { freezeContained, killContained, pidsContained } from "./containment.ts";
import type { ProcessInfo } from "./proc.ts";
import { describeMembers, signalGroup, signalMember } from "./processes.ts";
import type { Supervision } from "./supervision.ts";

/** A signal that ends it. It is noted first: what exit code 130 means depends on who sent a signal. */
export function sendSignal(on: Supervision, run: ActiveRun, signal: "SIGTERM" | "SIGKILL"): void {
  const { db, clock } = on.options;
  const isFirst = run.signalsSent.length === 0;
  if (!run.signalsSent.includes(signal)) {
    run.signalsSent = [...run.signalsSent, signal];
    db.lazily(() => saveSignalsSent(db, run.id, run.signalsSent));
  }
  if (signal === "SIGKILL") killContained(run.containment);
  // What is paused cannot hear the order to end.
  else freezeContained(run.containment, false);
  signalAll(on, run, signal);
  if (isFirst) db.lazily(() => noteSignalled(db, run.id, clock()));
}

/** Pauses all of it, or lets it go on. What was found too late, when that is no longer wanted, is left as it is. */
export function pauseAll(on: Supervision, run: ActiveRun, isFrozen: boolean): void {
  if (freezeContained(run.containment, isFrozen)) return;
  const isWanted = () => on.runs.get(run.id) === run && run.holds.length > 0 === isFrozen;
  signalAll(on, run, isFrozen ? "SIGSTOP" : "SIGCONT", isWanted);
}

/** The group at once; then, after a look around, also what has left it. */
function signalAll(
  on: Supervision,
  run: ActiveRun,
  signal: NodeJS.Signals,
  isWanted: () => boolean = () => true,
): void {
  const membership = membershipOf(run);
  signalGroup(membership, signal);
  void signalFound(on, run, signal, isWanted);
}

async function signalFound(
  on: Supervision,
  run: ActiveRun,
  signal: NodeJS.Signals,
  isWanted: () => boolean,
): Promise<void> {
  const processes = await on.table.list();
  if (!isWanted()) return;
  for (const member of findMembersOf(run, processes)) signalMember(member, signal);
}

/** Members by what the kernel holds together, and by every other evidence. */
function findMembersOf(run: ActiveRun, processes: readonly ProcessInfo[]): ProcessInfo[] {
  const contained = new Set(pidsContained(run.containment));
  if (contained.size > 0)
    for (const { pid, startTicks } of processes) if (contained.has(pid)) run.known.set(pid, startTicks);
  return findMembers(membershipOf(run), processes, run.known);
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
  const members = findMembersOf(run, processes);
  on.stepSoon(run, { kind: "census", alive: members.length, detail: describeMembers(members) });
}
