// Programs that change one thing about themselves and then become the next: how nice, limits and user of a run are set.
// Pure; a program that the host lacks is a refusal.

import type { RunLimitsSpec } from "@flowplane/link";
import type { Principal } from "./principal.ts";
import { refuse } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";
import type { Tools } from "./tools.ts";

export type PrefixNeeds = {
  limits: RunLimitsSpec;
  isIdle: boolean;
  /** Niceness and user id of the agent. */
  agent: { nice: number; uid: number };
  /** Whom to become; null for nobody else. */
  as: Principal | null;
};

const IDLE_NICE = 19;
const IDLE_IO_CLASS = "3";

/** What stands before the command, and the names of limits it sets. */
export function buildPrefix(
  tools: Tools,
  { limits, isIdle, agent, as }: PrefixNeeds,
): { argv: string[]; enforced: string[] } | Refusal {
  const argv: string[] = [];
  const enforced: string[] = [];
  const nice = limits.nice ?? (isIdle ? IDLE_NICE : undefined);
  if (nice !== undefined && nice !== agent.nice) {
    if (nice < agent.nice && agent.uid !== 0)
      return refuse(`nice ${nice} is below the agent's own ${agent.nice}, which only root may go`);
    if (tools.nice === null) return missing("nice", "limits.nice");
    argv.push(tools.nice, "-n", String(nice - agent.nice));
  }
  if (limits.nice !== undefined) enforced.push("nice");
  // Where there is no ionice, being nice has to do.
  if (isIdle && tools.ionice !== null) argv.push(tools.ionice, "-c", IDLE_IO_CLASS);
  const resources = [
    ...(limits.open_files === undefined ? [] : [`--nofile=${limits.open_files}:${limits.open_files}`]),
    ...(limits.file_bytes === undefined ? [] : [`--fsize=${limits.file_bytes}:${limits.file_bytes}`]),
  ];
  if (resources.length > 0) {
    if (tools.prlimit === null) return missing("prlimit", "limits of files");
    argv.push(tools.prlimit, ...resources, "--");
    if (limits.open_files !== undefined) enforced.push("open_files");
    if (limits.file_bytes !== undefined) enforced.push("file_bytes");
  }
  if (limits.umask !== undefined) enforced.push("umask");
  if (as) {
    if (tools.setpriv === null) return missing("setpriv", "another user");
    argv.push(tools.setpriv, "--reuid", String(as.uid), "--regid", String(as.gid), "--clear-groups", "--");
  }
  return { argv, enforced };
}

function missing(tool: string, what: string): Refusal {
  return refuse(`this host has no "${tool}" program, which ${what} needs; install util-linux`);
}
