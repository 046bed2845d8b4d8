// Whom a run is started as. Names and numbers are the host's own, from its passwd and group files.

import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { refuse } from "./refusal.ts";
import type { Refusal } from "./refusal.ts";

export type Principal = { name: string; uid: number; gid: number; home: string };

export type Accounts = { passwd: string; group: string };

/** The host's accounts, as text. */
export function readAccounts(): Accounts {
  return { passwd: readFileSync("/etc/passwd", "utf8"), group: readFileSync("/etc/group", "utf8") };
}

/**
 * Null: as the agent itself. Only root may change users, so for anybody else every other name is refused.
 */
export function resolvePrincipal(
  { user, group }: { user?: string | undefined; group?: string | undefined },
  accounts: () => Accounts,
  agent: { uid: number; gid: number; name: string } = agentAccount(),
): Principal | Refusal | null {
  if (user === undefined && group === undefined) return null;
  const { passwd, group: groups } = accounts();
  const account = findAccount(passwd, user ?? String(agent.uid));
  if (user !== undefined && !account && !isNumber(user)) return refuse(`this host knows no user ${user}`);
  const groupId = group === undefined ? null : findGroup(groups, group);
  if (group !== undefined && groupId === null) return refuse(`this host knows no group ${group}`);
  const uid = account?.uid ?? Number(user ?? agent.uid);
  const gid = groupId ?? account?.gid ?? null;
  if (gid === null) return refuse(`user ${user} has no entry on this host; say which group, too`);
  if (uid === agent.uid && gid === agent.gid) return null;
  if (agent.uid !== 0)
    return refuse(
      `it cannot be started as ${user ?? agent.name}${group === undefined ? "" : `:${group}`}: the agent runs as ${agent.name}, and only root may change users`,
    );
  return { name: account?.name ?? String(uid), uid, gid, home: account?.home ?? "/" };
}

function agentAccount(): { uid: number; gid: number; name: string } {
  return { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, name: userName() };
}

function findAccount(passwd: string, user: string): Principal | null {
  for (const line of passwd.split("\n")) {
    const [name = "", , uid = "", gid = "", , home = "/"] = line.split(":");
    if (name !== "" && (name === user || uid === user))
      return { name, uid: Number(uid), gid: Number(gid), home };
  }
  return null;
}

function findGroup(groups: string, group: string): number | null {
  for (const line of groups.split("\n")) {
    const [name = "", , gid = ""] = line.split(":");
    if (name !== "" && (name === group || gid === group)) return Number(gid);
  }
  return isNumber(group) ? Number(group) : null;
}

function isNumber(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

/** The name of the agent's own user. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch (error) {
    // A container may run under a uid that has no entry in its passwd file.
    if ((error as NodeJS.ErrnoException).code === "ERR_SYSTEM_ERROR") return String(process.getuid?.() ?? "");
    throw error;
  }
}
