// Which run each process belongs to, kept from look to look: a process is asked for its environment once or twice in its
// life, everything else is comparing numbers.

import type { ActiveRun } from "../supervisor/active-run.ts";
import { readRunMark } from "../supervisor/members.ts";
import type { ProcessStat } from "./stats.ts";

/** A process of a run, or the wrapper of one, whose numbers count although it is no member. */
export type Owned = { run: ActiveRun; isWrapper: boolean };

type Seen = { startTicks: number; owned: Owned | null; looks: number };

/** How often a process nobody owns is asked for its mark: between fork and exec it still has its parent's environment. */
const LOOKS_FOR_MARK = 2;

export class Owners {
  #seen = new Map<number, Seen>();

  /** The owner of each process, in the order given; processes that are gone are forgotten. */
  assign(processes: readonly ProcessStat[], runs: Iterable<ActiveRun>): (Owned | null)[] {
    const index = new RunIndex(runs);
    const before = this.#seen;
    const now = new Map<number, Seen>();
    // Parents first, so that a child finds its parent's owner.
    const order = processes.map((stat, position) => ({ stat, position }));
    order.sort((a, b) => a.stat.startTicks - b.stat.startTicks || a.stat.pid - b.stat.pid);
    const owners: (Owned | null)[] = Array.from({ length: processes.length }, () => null);
    for (const { stat, position } of order) {
      const old = before.get(stat.pid);
      const known = old?.startTicks === stat.startTicks ? old : null;
      const looks = (known?.looks ?? 0) + 1;
      const kept = known?.owned && index.isLive(known.owned.run) ? known.owned : null;
      const owned =
        index.named(stat) ??
        kept ??
        inherit(now.get(stat.ppid)) ??
        (looks <= LOOKS_FOR_MARK ? index.marked(stat) : null);
      now.set(stat.pid, { startTicks: stat.startTicks, owned, looks });
      owners[position] = owned;
    }
    this.#seen = now;
    return owners;
  }
}

function inherit(parent: Seen | undefined): Owned | null {
  return parent?.owned ? { run: parent.owned.run, isWrapper: false } : null;
}

/** The live runs by what tells their processes. */
class RunIndex {
  readonly #byPid = new Map<number, { owned: Owned; startTicks: number }>();
  readonly #byMark = new Map<string, ActiveRun>();
  readonly #live = new Map<string, ActiveRun>();
  #oldestTicks = Infinity;

  constructor(runs: Iterable<ActiveRun>) {
    for (const run of runs) {
      this.#live.set(run.id, run);
      if (!run.process) continue;
      const { wrapper, job } = run.process;
      this.#byPid.set(wrapper.pid, { owned: { run, isWrapper: true }, startTicks: wrapper.startTicks });
      this.#byPid.set(job.pid, { owned: { run, isWrapper: false }, startTicks: job.startTicks });
      this.#byMark.set(run.mark, run);
      this.#oldestTicks = Math.min(this.#oldestTicks, job.startTicks);
    }
  }

  isLive(run: ActiveRun): boolean {
    return this.#live.get(run.id) === run;
  }

  named(stat: ProcessStat): Owned | null {
    const found = this.#byPid.get(stat.pid);
    return found?.startTicks === stat.startTicks ? found.owned : null;
  }

  marked(stat: ProcessStat): Owned | null {
    if (stat.startTicks < this.#oldestTicks) return null;
    const mark = readRunMark(stat.pid);
    const run = mark === null ? undefined : this.#byMark.get(mark);
    return run ? { run, isWrapper: false } : null;
  }
}
