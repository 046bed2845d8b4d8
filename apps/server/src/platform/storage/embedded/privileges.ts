// PostgreSQL refuses to run as root, and a control plane in a container usually is root. Three ways out,
// the best first:
//   namespace     a user namespace in which we are nobody; outside, the files stay root's. Nothing to set up.
//   capabilities  really another account, with one capability left that lets it reach a folder below /root.
//                 For containers that forbid namespaces.
//   account       another account and nothing else, where the path is open to it.

import { lchown, lstat, opendir } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { ConfigError } from "../../../config.ts";
import { run } from "./run.ts";

export type Way = "direct" | "namespace" | "capabilities" | "account";

export interface Launcher {
  readonly way: Way;
  /** Goes before the program and its arguments. */
  readonly prefix: readonly string[];
  /** Passed to spawn where no prefix changes the account. */
  readonly ids: { readonly uid?: number; readonly gid?: number };
  /** Whose files the cluster's must be, seen from here. */
  readonly owner: Owner;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const ACCOUNTS = ["nobody", "postgres", "daemon"];

/** Finds out how PostgreSQL can be run here. Throws `ConfigError` when it can't. */
export async function chooseLauncher(dataDir: string, ways?: readonly Way[]): Promise<Launcher> {
  const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const isRoot = me.uid === 0;
  // initdb wants its account to have a name, which a container's `--user 1234` has not.
  if (!isRoot && hasName()) return { way: "direct", prefix: await endWithParent(), ids: {}, owner: me };
  const account = await findAccount();
  const candidates =
    account === undefined
      ? []
      : [namespaceLauncher(account, me), ...(isRoot ? accountLaunchers(account) : [])];
  for (const candidate of candidates) {
    if (ways?.includes(candidate.way) !== false && (await works(candidate, dataDir)))
      return { ...candidate, prefix: [...candidate.prefix, ...(await endWithParent())] };
  }
  throw new ConfigError(
    isRoot
      ? "PostgreSQL does not run as root, and this system lets root neither make a user namespace nor use another account here: run Flowplane as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own, or FLOWPLANE_DATA to a folder that the account nobody can reach."
      : `PostgreSQL wants an account with a name, and uid ${me.uid} has none: give it an entry in /etc/passwd, or set DATABASE_URL to a PostgreSQL of your own.`,
  );
}

/** Another account for PostgreSQL's eyes alone: what it writes belongs to `owner`, who we are outside. */
function namespaceLauncher(account: Owner, owner: Owner): Launcher {
  const prefix = ["unshare", "--user", `--map-user=${account.uid}`, `--map-group=${account.gid}`, "--"];
  return { way: "namespace", prefix, ids: {}, owner };
}

/** The launchers that really change to another account. */
function accountLaunchers(owner: Owner): Launcher[] {
  const { uid, gid } = owner;
  const change = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"];
  const keep = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"];
  return [
    { way: "capabilities", prefix: ["setpriv", ...change, ...keep, "--"], ids: {}, owner },
    { way: "account", prefix: [], ids: owner, owner },
  ];
}

/** An account that is nobody's in particular. */
async function findAccount(): Promise<Owner | undefined> {
  for (const name of ACCOUNTS) {
    const [uid, gid] = await Promise.all([run(["id", "-u", name]), run(["id", "-g", name])]);
    if (uid.code === 0 && gid.code === 0) return { uid: Number(uid.output), gid: Number(gid.output) };
  }
  return undefined;
}

function hasName(): boolean {
  try {
    userInfo();
    return true;
  } catch {
    // The uid has no entry in the user database.
    return false;
  }
}

/** Whether this way gets a process that is not root into the data folder. */
async function works({ prefix, ids }: Launcher, dataDir: string): Promise<boolean> {
  const probe = 'cd "$1" && test "$(id -u)" != 0';
  const { code } = await run([...prefix, "sh", "-c", probe, "sh", dataDir], ids);
  return code === 0;
}

/**
 * On Linux the kernel tells PostgreSQL to shut down when we die, `kill -9` included, so that usually nothing is
 * left over. Comes last: changing accounts clears it.
 */
async function endWithParent(): Promise<string[]> {
  if (process.platform !== "linux") return [];
  const prefix = ["setpriv", "--pdeathsig", "INT", "--"];
  return (await run([...prefix, "true"])).code === 0 ? prefix : [];
}

/** Gives a folder with everything in it to its owner, when it is not already. */
export async function ensureOwner(folder: string, owner: Owner): Promise<void> {
  if (process.getuid?.() !== 0 || (await lstat(folder)).uid === owner.uid) return;
  // The folder itself last: it is the mark by which an interrupted change is taken up again.
  await giveBelow(folder, owner);
  await lchown(folder, owner.uid, owner.gid);
}

async function giveBelow(folder: string, owner: Owner): Promise<void> {
  for await (const entry of await opendir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await giveBelow(path, owner);
    await lchown(path, owner.uid, owner.gid);
  }
}
