import { IN_FLIGHT, type Counts, type Plan } from "./types.ts";

export type GateDecision =
  | { readonly gate: "open" }
  | { readonly gate: "passed" }
  | { readonly gate: "failed"; readonly reason: string };

/**
 * The gate of a wave: `open` while agents of it are still to be judged and it can pass. `failures` are those of all waves,
 * `accepted` those that a person has passed over. Agents that cannot be reached, or are skipped, are not counted at all.
 */
export function judgeWave(
  counts: Counts,
  { failures, accepted }: { failures: number; accepted: number },
  { gate }: Pick<Plan, "gate">,
): GateDecision {
  const counted = Math.max(0, failures - accepted);
  if (counted > gate.max_failures)
    return {
      gate: "failed",
      reason: `${agents(counted)} failed; ${gate.max_failures === 0 ? "none may" : `${gate.max_failures} may`}.`,
    };
  const open = openOf(counts);
  const failed = Math.min(counts.failed, counted);
  const judged = counts.passed + failed;
  const best = judged + open === 0 ? 100 : (100 * (counts.passed + open)) / (judged + open);
  if (best < gate.min_pass_percent)
    return {
      gate: "failed",
      reason: `${failed} of ${agents(judged + open)} of this wave failed; ${gate.min_pass_percent} % must pass.`,
    };
  return { gate: open === 0 ? "passed" : "open" };
}

/** Agents of a wave that are still to be judged. */
export function openOf(counts: Counts): number {
  return counts.waiting + inFlightOf(counts);
}

export function inFlightOf(counts: Counts): number {
  return IN_FLIGHT.reduce((sum, state) => sum + counts[state], 0);
}

function agents(count: number): string {
  return count === 1 ? "1 agent" : `${count} agents`;
}
