// Measures all runs in one pass over /proc: every SAMPLE_MS, and more often while a run has limits that only we can keep.

import type { ActiveRun } from "../supervisor/active-run.ts";
import { readCgroupUse } from "../supervisor/cgroup-files.ts";
import type { ResourceSample } from "../supervisor/observer.ts";
import type { Supervision } from "../supervisor/supervision.ts";
import { saveUsage } from "../spool/runs.ts";
import { judgeLimits } from "./limits.ts";
import { Owners } from "./owners.ts";
import { MS_PER_TICK, readAllStats, readIo, readMemoryAvailable, readPss } from "./stats.ts";
import type { ProcessStat } from "./stats.ts";
import { addLook } from "./usage.ts";

/** How often a run's watcher is told what it uses. */
export const SAMPLE_MS = 5000;
/** How often limits are looked at that the kernel does not enforce here. */
const LIMITS_MS = 1000;
/** Shared memory is divided among its users this often; in between resident memory is scaled as it was then. */
const PSS_MS = 30_000;
/** Smaller runs are not worth the page-table walk, nor is one process alone. */
const PSS_BYTES_MIN = 64 * 1024 * 1024;
/** Page-table walks per pass. */
const PSS_PROCESSES_MAX = 200;
/** What was used is stored this often, for the agent that comes after this one. */
const STORE_MS = 60_000;
const PAGE_BYTES = 4096;

type Group = { run: ActiveRun; members: ProcessStat[]; wrapper: ProcessStat | null };
/** What is kept of one run between passes. */
type Kept = {
  pssAt: number;
  pssShare: number;
  io: Map<number, { cpuTicks: number; read: number; written: number }>;
};

export class Sampler {
  readonly #on: Supervision;
  readonly #owners = new Owners();
  readonly #kept = new WeakMap<ActiveRun, Kept>();
  #sampledAt = -Infinity;
  #lookedAt = -Infinity;
  #storedAt = -Infinity;
  #isLooking = false;

  constructor(on: Supervision) {
    this.#on = on;
  }

  /** To be called often; looks when it is time to. Resolves when that look is over. */
  async poll(): Promise<void> {
    const now = this.#on.options.steady();
    const runs = [...this.#on.runs.values()].filter(({ process }) => process !== null);
    const isSample = now - this.#sampledAt >= SAMPLE_MS;
    const isLook = now - this.#lookedAt >= LIMITS_MS && runs.some((run) => run.watchedLimits.length > 0);
    if (this.#isLooking || runs.length === 0 || (!isSample && !isLook)) return;
    this.#isLooking = true;
    this.#lookedAt = now;
    if (isSample) this.#sampledAt = now;
    try {
      await this.#look(runs, now, isSample);
    } finally {
      this.#isLooking = false;
    }
  }

  async #look(runs: readonly ActiveRun[], now: number, isSample: boolean): Promise<void> {
    const processes = await readAllStats();
    const owners = this.#owners.assign(processes, runs);
    const groups = new Map<string, Group>(runs.map((run) => [run.id, { run, members: [], wrapper: null }]));
    for (const [index, stat] of processes.entries()) {
      const owned = owners[index];
      const group = owned ? groups.get(owned.run.id) : undefined;
      if (!owned || !group) continue;
      if (owned.isWrapper) group.wrapper = stat;
      else {
        group.members.push(stat);
        // Ancestry is lost with the ancestor, so it is kept here for whoever has to find every process.
        group.run.known.set(stat.pid, stat.startTicks);
      }
    }
    const memoryAvailable = readMemoryAvailable();
    let pssLeft = PSS_PROCESSES_MAX;
    for (const group of groups.values()) {
      if (!this.#on.runs.has(group.run.id)) continue;
      pssLeft -= this.#measure(group, now, isSample, memoryAvailable, pssLeft);
    }
    if (!isSample || now - this.#storedAt < STORE_MS) return;
    this.#storedAt = now;
    const { db } = this.#on.options;
    db.lazily(() => runs.forEach((run) => saveUsage(db, run.id, run.usage)));
  }

  /** Measures one run, tells its watcher and judges its limits; the number of page-table walks it took. */
  #measure(
    { run, members, wrapper }: Group,
    now: number,
    isSample: boolean,
    memoryAvailable: number | null,
    pssLeft: number,
  ): number {
    const kept = this.#kept.get(run) ?? { pssAt: -Infinity, pssShare: 1, io: new Map() };
    this.#kept.set(run, kept);
    const rss = sum(members, ({ rssPages }) => rssPages) * PAGE_BYTES;
    const walks = this.#updateShare(kept, members, rss, now, pssLeft);
    const counted = wrapper ? [...members, wrapper] : members;
    const io = isSample ? readIoOf(kept, counted) : null;
    const use = readCgroupUse(run.containment?.cgroup ?? null);
    const memoryBytes = use?.memoryBytes ?? Math.round(rss * kept.pssShare);
    run.usage = addLook(run.usage, {
      cpuMs: use?.cpuMs ?? sum(counted, ({ cpuTicks }) => cpuTicks) * MS_PER_TICK,
      readBytes: io?.read ?? null,
      writeBytes: io?.written ?? null,
      memoryBytes: Math.max(memoryBytes, use?.memoryPeakBytes ?? 0),
    });
    const threads = sum(members, (member) => member.threads);
    if (isSample) {
      run.measured = { at: this.#on.options.clock(), memoryBytes, processes: members.length };
      const limits = run.spec.limits ?? {};
      const position = this.#on.pump.get(run.id)?.position ?? run.log;
      const sample: ResourceSample = {
        cpuMs: run.usage.cpuMs,
        memoryBytes,
        memoryLimitBytes:
          limits.memory_bytes ?? (memoryAvailable === null ? null : memoryBytes + memoryAvailable),
        readBytes: run.usage.readBytes,
        writeBytes: run.usage.writeBytes,
        processes: members.length,
        processesLimit: limits.pids ?? null,
        threads,
        states: countStates(members),
        logBytes: position.stdoutTo + position.stderrTo,
        heldBytes: this.#on.pump.get(run.id)?.heldBytes() ?? 0,
        heldBytesMax: this.#on.options.quota.runBytesMax,
      };
      this.#on.observe((observer) => observer.sampled(run.id, now, sample));
    }
    const problem = judgeLimits(run.spec.limits ?? {}, run.watchedLimits, { memoryBytes, tasks: threads });
    if (problem) this.#on.step(run, { kind: "over_limit", ...problem });
    return walks;
  }

  #updateShare(
    kept: Kept,
    members: readonly ProcessStat[],
    rss: number,
    now: number,
    walksLeft: number,
  ): number {
    const isWorthIt = members.length > 1 && members.length <= walksLeft && rss >= PSS_BYTES_MIN;
    if (!isWorthIt || now - kept.pssAt < PSS_MS) return 0;
    kept.pssAt = now;
    const pss = sum(members, ({ pid, rssPages }) => readPss(pid) ?? rssPages * PAGE_BYTES);
    kept.pssShare = Math.min(1, pss / rss);
    return members.length;
  }
}

/** A process that used no CPU since it was last asked has moved no bytes either. */
function readIoOf(kept: Kept, processes: readonly ProcessStat[]): { read: number; written: number } | null {
  const now: Kept["io"] = new Map();
  for (const { pid, cpuTicks } of processes) {
    const old = kept.io.get(pid);
    const io = old?.cpuTicks === cpuTicks ? old : readIo(pid);
    if (io) now.set(pid, { cpuTicks, read: io.read, written: io.written });
  }
  kept.io = now;
  if (now.size === 0) return null;
  const all = [...now.values()];
  return { read: sum(all, ({ read }) => read), written: sum(all, ({ written }) => written) };
}

function countStates(members: readonly ProcessStat[]): Record<string, number> {
  const states: Record<string, number> = {};
  for (const { state } of members) states[state] = (states[state] ?? 0) + 1;
  return states;
}

function sum<Item>(items: readonly Item[], value: (item: Item) => number): number {
  let total = 0;
  for (const item of items) total += value(item);
  return total;
}
