// cgroup v2, where the agent may use it: a folder per run below one of ours. What the host allows decides what it is good
// for: limits that the kernel keeps, or only finding, pausing and killing a run's processes as one.

import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunLimitsSpec } from "@flowplane/link";

const CONTROLLERS = ["memory", "cpu", "pids"] as const;
type Controller = (typeof CONTROLLERS)[number];

/** Where runs get their folders, and which limits the kernel keeps there. */
export type CgroupTree = { dir: string; controllers: ReadonlySet<Controller> };

const CPU_PERIOD_US = 100_000;
/** The smallest share the kernel knows, for what should only have what nobody else wants. */
const IDLE_WEIGHT = "1";

/**
 * Finds and prepares the tree: below the mount for root, below its own cgroup for an agent whose cgroup was delegated to it.
 * Null where there is none that may be written; `limits` of the result say no more than the host allows.
 */
export function openCgroups(
  root = "/",
  agent = { pid: process.pid, isRoot: process.getuid?.() === 0 },
): CgroupTree | null {
  const mount = findMount(readText(join(root, "proc/self/mountinfo")));
  const own = /^0::(\/.*)$/m.exec(readText(join(root, "proc/self/cgroup")))?.[1];
  if (mount === null || own === undefined) return null;
  const parent = join(root, mount, agent.isRoot ? "" : own);
  const dir = join(parent, "flowplane");
  // It may be there already as another user's.
  if (!makeFolder(dir) || !isWritable(dir)) return null;
  if (!existsSync(join(dir, "cgroup.kill")) && !existsSync(join(dir, "cgroup.freeze"))) return null;
  enable(parent, () => leave(parent, agent.pid));
  enable(dir, () => false);
  return { dir, controllers: new Set(available(join(dir, "cgroup.subtree_control"))) };
}

/** The folder a run is to have, what to write into it, and which limits that makes the kernel keep. */
export function planCgroup(
  tree: CgroupTree | null,
  name: string,
  limits: RunLimitsSpec,
  isIdle: boolean,
): { path: string; files: [string, string][]; enforced: string[] } | null {
  if (tree === null) return null;
  const files: [string, string][] = [];
  const enforced: string[] = [];
  const { memory_bytes: memory, cpu_millicores: cpu, pids } = limits;
  if (memory !== undefined && tree.controllers.has("memory")) {
    files.push(["memory.max", String(memory)], ["memory.swap.max", "0"]);
    enforced.push("memory_bytes");
  }
  if (cpu !== undefined && tree.controllers.has("cpu")) {
    files.push(["cpu.max", `${Math.ceil((cpu * CPU_PERIOD_US) / 1000)} ${CPU_PERIOD_US}`]);
    enforced.push("cpu_millicores");
  }
  if (pids !== undefined && tree.controllers.has("pids")) {
    files.push(["pids.max", String(pids)]);
    enforced.push("pids");
  }
  if (isIdle && tree.controllers.has("cpu")) files.push(["cpu.weight", IDLE_WEIGHT]);
  return { path: join(tree.dir, name), files, enforced };
}

/** Where cgroup v2 is mounted, alone or beside version 1; null when it is not. Blanks in a path are written as \040. */
export function findMount(mountinfo: string): string | null {
  for (const line of mountinfo.split("\n")) {
    const [before = "", after = ""] = line.split(" - ");
    const mountPoint = before.split(" ")[4];
    if (after.startsWith("cgroup2 ") && mountPoint !== undefined)
      return mountPoint.replaceAll(/\\(\d{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      );
  }
  return null;
}

/** Lets children of this folder have limits; `makeRoom` moves our own process out of it where that is in the way. */
function enable(dir: string, makeRoom: () => boolean): void {
  const enabled = available(join(dir, "cgroup.subtree_control"));
  for (const controller of available(join(dir, "cgroup.controllers"))) {
    if (enabled.includes(controller)) continue;
    const text = `+${controller}`;
    const file = join(dir, "cgroup.subtree_control");
    if (!write(file, text) && makeRoom()) write(file, text);
  }
}

/** A folder whose children have limits may hold no process itself, so the agent moves into one of its own. */
function leave(parent: string, pid: number): boolean {
  const leaf = join(parent, "flowplane-agent");
  return makeFolder(leaf) && write(join(leaf, "cgroup.procs"), String(pid));
}

function available(file: string): Controller[] {
  const names = readText(file).trim().split(/\s+/);
  return CONTROLLERS.filter((controller) => names.includes(controller));
}

function makeFolder(path: string): boolean {
  try {
    mkdirSync(path, { recursive: true });
    return true;
  } catch {
    return false;
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function write(file: string, text: string): boolean {
  try {
    writeFileSync(file, text);
    return true;
  } catch {
    return false;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
