// Finding and signalling the processes of runs. One look at /proc serves everybody who asked before it began.

import { constants } from "node:os";
import { signalProcess } from "./members.ts";
import type { RunMembership } from "./members.ts";
import { isAlive, listProcesses, readProcess } from "./proc.ts";
import type { ProcessIdentity, ProcessInfo } from "./proc.ts";

export class ProcessTable {
  #running: Promise<ProcessInfo[]> | null = null;
  #next: Promise<ProcessInfo[]> | null = null;

  /** All processes as of some moment after this call. */
  list(): Promise<ProcessInfo[]> {
    if (!this.#running) {
      this.#running = listProcesses().finally(() => (this.#running = null));
      return this.#running;
    }
    // The look under way may have passed the pid in question, so a later one answers, and the same one for all who wait.
    this.#next ??= this.#running.then(() => {
      this.#next = null;
      return this.list();
    });
    return this.#next;
  }
}

/** Signals the job's whole process group at once, if its leader is verified; the rest is `signalMembers`'. */
export function signalGroup(run: RunMembership, signal: NodeJS.Signals): void {
  if (!run.job || !isAlive(run.job)) return;
  signalProcess(-run.job.pid, signal);
  wakeAfter(-run.job.pid, signal);
}

/** Signals one member, verified right before. */
export function signalMember(member: ProcessIdentity, signal: NodeJS.Signals): void {
  if (readProcess(member.pid)?.startTicks !== member.startTicks) return;
  signalProcess(member.pid, signal);
  wakeAfter(member.pid, signal);
}

/** "1234 (state D)" for a few of them: what a person looks for on the host. */
export function describeMembers(members: readonly ProcessInfo[]): string {
  const named = members.slice(0, 5).map((member) => `pid ${member.pid} (state ${member.state})`);
  return members.length > named.length ? `${named.join(", ")} and others` : named.join(", ");
}

/** A stopped process cannot handle SIGTERM before it is continued. */
function wakeAfter(pid: number, signal: NodeJS.Signals): void {
  if (constants.signals[signal] === constants.signals.SIGTERM) signalProcess(pid, "SIGCONT");
}
