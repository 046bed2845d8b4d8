import { readdirSync, readFileSync } from "node:fs";
import { round } from "../machine.ts";

const TICK_MS = 10;

/** Every process below `pid`, itself left out. */
export function descendants(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const child = Number(name);
    const fields = Number.isInteger(child) ? statFields(child) : null;
    if (fields !== null) parents.set(child, Number(fields[1]));
  }
  const found = new Set([pid]);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const [child, parent] of parents) if (found.has(parent)) found.add(child);
  }
  found.delete(pid);
  return [...found];
}

/** Processes whose environment holds this assignment: a job's own, wherever they went. */
export function processesWith(assignment: string): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && read(`/proc/${pid}/environ`).split("\0").includes(assignment));
}

export function commandLine(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim();
}

/** CPU time used so far, in seconds; a process that has gone used none that is known. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.reduce((sum, pid) => {
    const fields = statFields(pid);
    return sum + Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0);
  }, 0);
  return (ticks * TICK_MS) / 1000;
}

/** Proportional set size: memory shared by many counts once in their sum. */
export function memoryMb(pids: readonly number[]): number {
  const kilobytes = pids.reduce(
    (sum, pid) => sum + Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0),
    0,
  );
  return round(kilobytes / 1024);
}

/** The fields after the command's name, which may hold anything: state, parent, … */
function statFields(pid: number): string[] | null {
  const stat = read(`/proc/${pid}/stat`);
  return stat === "" ? null : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}
