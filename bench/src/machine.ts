import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from "node:os";

/** What a figure was measured on; without it a figure says nothing. */
export function machine() {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memory_gib: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()} ${arch()}`,
    node: process.version,
  };
}

/** Resident and private memory and CPU time of a process and everything below it, from /proc. */
export function usageOf(pid: number): { rss_mb: number; private_mb: number; cpu_seconds: number } {
  const status = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // Fields count from after the command name, which may hold anything; utime and stime are in ticks of 10 ms.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return {
    rss_mb: round(kilobytes("Rss") / 1024),
    private_mb: round((kilobytes("Private_Clean") + kilobytes("Private_Dirty")) / 1024),
    cpu_seconds: (Number(fields[11]) + Number(fields[12])) / 100,
  };
}

/** Files and sockets that one process may have open; what it starts may have as many. */
export function descriptorsMax(): number {
  const limits = readFileSync("/proc/self/limits", "utf8");
  return Number(/^Max open files\s+\d+\s+(\d+)/m.exec(limits)?.[1] ?? 1_024);
}

/** Load averages of the last one and five minutes; what was measured beside others says so. */
export function load(): [number, number] {
  const [one = 0, five = 0] = loadavg();
  return [round(one), round(five)];
}

export function round(value: number, digits = 1): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}

export function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}
