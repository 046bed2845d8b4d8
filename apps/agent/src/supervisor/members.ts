// Which processes belong to a run. Three kinds of evidence:
//   the mark    a random variable in the environment; it survives setsid, double forks and exec
//   the session the job leads one; a session's number is not given out again while any process is in it
//   the past    a process that was seen as a member while it could be told for sure
// A session number alone is no proof once its leader is gone: the number may have come back with a stranger.

import { hasEnvironment, readEnvironment } from "./proc.ts";
import type { ProcessIdentity, ProcessInfo } from "./proc.ts";

export const MARK_VARIABLE = "FLOWPLANE_RUN_MARK";

/** The mark a process was started with; null when it has none, or that is not ours to know. */
export function readRunMark(pid: number): string | null {
  return readEnvironment(pid, MARK_VARIABLE);
}

export type RunMembership = {
  mark: string;
  /** The job's main process, null before it is known. */
  job: ProcessIdentity | null;
  /** The wrapper is never a member: it has to stay to keep the exit status. */
  wrapper: ProcessIdentity | null;
};

/** The members of one run among `processes`. `known` holds earlier answers and is brought up to date. */
export function findMembers(
  run: RunMembership,
  processes: readonly ProcessInfo[],
  known: Map<number, number>,
  hasMark: (pid: number, assignment: string) => boolean = hasEnvironment,
): ProcessInfo[] {
  const assignment = `${MARK_VARIABLE}=${run.mark}`;
  const { job, wrapper } = run;
  const isWrapper = (info: ProcessInfo) =>
    wrapper?.pid === info.pid && wrapper.startTicks === info.startTicks;
  const others = processes.filter((info) => !isWrapper(info));
  const certain = new Set(
    others.filter(
      (info) =>
        known.get(info.pid) === info.startTicks ||
        (job?.pid === info.pid && job.startTicks === info.startTicks) ||
        // Older than the job cannot be of it; asking for the environment costs a file each.
        (info.startTicks >= (job?.startTicks ?? 0) && hasMark(info.pid, assignment)),
    ),
  );
  // One sure member in the session proves the session ours, and with it everyone in it.
  const sessionIsOurs = job !== null && [...certain].some((info) => info.session === job.pid);
  const members = others.filter((info) => certain.has(info) || (sessionIsOurs && info.session === job?.pid));
  known.clear();
  for (const info of members) known.set(info.pid, info.startTicks);
  return members;
}

/** The outcome of trying to signal one process. */
export type Signalled = "sent" | "gone" | "not_allowed";

/** Sends a signal to this very process. Its identity was read in the same turn of the event loop by the caller. */
export function signalProcess(pid: number, signal: NodeJS.Signals): Signalled {
  try {
    process.kill(pid, signal);
    return "sent";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ESRCH") return "gone";
    if (code === "EPERM") return "not_allowed";
    throw error;
  }
}
