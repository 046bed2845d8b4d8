import type { Placement } from "@flowplane/contract";
import { formatLabels } from "./words.ts";

// Which waiting runs go where now, and what the others wait for. Pure: everything it knows comes in.

/** A run without an agent, as far as placing it matters. */
export interface WaitingRun {
  readonly id: string;
  readonly job_id: string | null;
  /** Runs of its job that may be under way at once. */
  readonly jobRunsMax: number;
  /** It starts only when no other run of its job is under way, whatever the job's limit. */
  readonly isAlone: boolean;
  readonly placement: Placement;
}

export interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly site_id: string;
  /** Runs that may be under way on it at once. */
  readonly runsMax: number;
}

/** What is under way now: runs that have an agent and have not ended, and next attempts their agents are about to start. */
export interface Load {
  readonly organization: number;
  readonly byAgent: ReadonlyMap<string, number>;
  readonly byJob: ReadonlyMap<string, number>;
}

export interface Decision {
  readonly placed: readonly { readonly run: WaitingRun; readonly agent: Candidate }[];
  /** What each of the others waits for, as the rest of the sentence `It waits for …`. */
  readonly held: readonly { readonly run: WaitingRun; readonly waitsFor: string }[];
}

/** Placements that name the same agents share their candidates. */
export function placementKey(placement: Placement): string {
  const labels = Object.entries(placement.labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([placement.agent_id ?? null, placement.site_id ?? null, labels]);
}

/**
 * Goes through the runs in their order, oldest first, and gives each the least loaded agent that fits, of several the one
 * with the smallest id. A run that cannot go now holds nobody up but the runs that wait for the same thing: those of its job
 * stay behind it.
 */
export function place(
  waiting: readonly WaitingRun[],
  candidatesOf: (placement: Placement) => readonly Candidate[],
  load: Load,
  organizationRunsMax: number,
): Decision {
  let organization = load.organization;
  const byAgent = new Map(load.byAgent);
  const byJob = new Map(load.byJob);
  const heldJobs = new Set<string>();
  const placed: { run: WaitingRun; agent: Candidate }[] = [];
  const held: { run: WaitingRun; waitsFor: string }[] = [];
  const hold = (run: WaitingRun, waitsFor: string) => {
    held.push({ run, waitsFor });
    if (run.job_id !== null) heldJobs.add(run.job_id);
  };

  for (const run of waiting) {
    const ofJob = run.job_id === null ? 0 : (byJob.get(run.job_id) ?? 0);
    const jobRunsMax = run.isAlone ? 1 : run.jobRunsMax;
    if (run.job_id !== null && ofJob >= jobRunsMax) {
      hold(run, runsToEnd(ofJob, "of this job"));
      continue;
    }
    if (run.job_id !== null && heldJobs.has(run.job_id)) {
      hold(run, "the run of this job before it to start");
      continue;
    }
    if (organization >= organizationRunsMax) {
      hold(run, runsToEnd(organization, "of this organization"));
      continue;
    }
    const candidates = candidatesOf(run.placement);
    const agent = leastLoaded(candidates, byAgent);
    if (agent === undefined) {
      hold(run, noAgentWords(run.placement, candidates, byAgent));
      continue;
    }
    organization += 1;
    byAgent.set(agent.id, (byAgent.get(agent.id) ?? 0) + 1);
    if (run.job_id !== null) byJob.set(run.job_id, ofJob + 1);
    placed.push({ run, agent });
  }
  return { placed, held };
}

function leastLoaded(
  candidates: readonly Candidate[],
  byAgent: ReadonlyMap<string, number>,
): Candidate | undefined {
  let best: Candidate | undefined;
  let bestLoad = Infinity;
  for (const candidate of candidates) {
    const load = byAgent.get(candidate.id) ?? 0;
    if (load >= candidate.runsMax) continue;
    const isBetter = load < bestLoad || (load === bestLoad && best !== undefined && candidate.id < best.id);
    if (isBetter) [best, bestLoad] = [candidate, load];
  }
  return best;
}

function noAgentWords(
  placement: Placement,
  candidates: readonly Candidate[],
  byAgent: ReadonlyMap<string, number>,
): string {
  const [only, ...others] = candidates;
  if (only === undefined) {
    const labels = formatLabels(placement.labels ?? {});
    const what = labels === "" ? "a site agent" : `an agent with labels ${labels}`;
    return `${what}${placement.site_id === undefined ? "" : " in its site"}; none is connected`;
  }
  if (others.length === 0) return runsToEnd(byAgent.get(only.id) ?? 0, `on ${only.name}`);
  return `room on one of the ${candidates.length} agents that fit; each runs as much as it may`;
}

function runsToEnd(count: number, whose: string): string {
  return count === 1
    ? `the run ${whose} that is under way to end`
    : `one of the ${count} runs ${whose} to end`;
}
