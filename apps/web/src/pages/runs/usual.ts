/** How long runs of the same kind usually take, from those that are at hand. */
import type { Run } from "@flowplane/contract";

type Timed = Pick<Run, "job_id" | "name" | "command" | "state" | "started_at" | "ended_at">;
/** Fewer good runs say nothing about what is usual. */
const RUNS_MIN = 3;

/** Runs of one job belong together; without a job, those of one name and command. */
export function kindOf(run: Pick<Run, "job_id" | "name" | "command">): string {
  return run.job_id ?? `${run.name}\n${run.command}`;
}

/** The median run time in ms of those that succeeded, by kind. */
export function usualDurations(runs: readonly Timed[]): ReadonlyMap<string, number> {
  const lengths = new Map<string, number[]>();
  for (const run of runs) {
    if (run.state !== "SUCCEEDED" || run.started_at === null || run.ended_at === null) continue;
    const kind = kindOf(run);
    const known = lengths.get(kind) ?? [];
    known.push(Date.parse(run.ended_at) - Date.parse(run.started_at));
    lengths.set(kind, known);
  }
  return new Map(
    [...lengths]
      .filter(([, all]) => all.length >= RUNS_MIN)
      .map(([kind, all]) => [kind, all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0]),
  );
}

export interface RunGroup {
  readonly kind: string;
  readonly name: string;
  readonly jobId: string | null;
  /** Newest first. */
  readonly runs: readonly Run[];
}

/** Runs, newest first, by kind; the kind of the newest run comes first. */
export function groupRuns(runs: readonly Run[]): RunGroup[] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const kind = kindOf(run);
    const known = groups.get(kind);
    if (known === undefined) groups.set(kind, [run]);
    else known.push(run);
  }
  return [...groups].map(([kind, members]) => ({
    kind,
    name: members[0]?.name ?? "",
    jobId: members[0]?.job_id ?? null,
    runs: members,
  }));
}
