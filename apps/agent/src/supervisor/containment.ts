// What holds a run besides its session, and acting on all of it at once. Paths and names are stored before anything is
// started in them, for the agent that adopts the run.

import { execFile } from "node:child_process";
import type { Container } from "../launch/container.ts";
import { freezeCgroup, killCgroup, readCgroupPids, readOomKills, removeCgroup } from "./cgroup-files.ts";

export type Containment = {
  /** Its cgroup's folder; null where there is none. */
  cgroup: string | null;
  container: Container | null;
  /** Limits the kernel keeps, by their names in the run's specification. */
  enforced: string[];
  /** Where it leaves signs of life; null where it can leave none. */
  heartbeatFile: string | null;
};

/** An engine has this long to carry out an order. */
const ENGINE_MS_MAX = 10_000;

/** SIGKILL to all it holds. What of it cannot be reached this way is left to signals. */
export function killContained(held: Containment | null): void {
  if (held?.cgroup) killCgroup(held.cgroup);
  // The engine's program that we started may be dead while the container lives on.
  if (held?.container)
    execFile(
      held.container.engine,
      ["kill", held.container.name],
      { timeout: ENGINE_MS_MAX },
      () => undefined,
    );
}

/** Stops everything it holds, or lets it go on; false where signals have to do it. */
export function freezeContained(held: Containment | null, isFrozen: boolean): boolean {
  return held?.cgroup ? freezeCgroup(held.cgroup, isFrozen) : false;
}

export function pidsContained(held: Containment | null): number[] {
  return readCgroupPids(held?.cgroup ?? null);
}

export function oomKillsContained(held: Containment | null): number {
  return readOomKills(held?.cgroup ?? null);
}

/** The run is over. A folder that is not empty yet is tried again at the next call. */
export function removeContainment(held: Containment | null): boolean {
  return held?.cgroup ? removeCgroup(held.cgroup) : true;
}
