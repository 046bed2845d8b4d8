import type { Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { ORGANIZATION_RUNS_MAX, WAITING_RUNS_MAX } from "./limits.ts";
import { place, type Candidate, type WaitingRun } from "./placement.ts";
import { countCrowd, findCandidates, lockPlacement } from "./placement-store.ts";

export type Spot =
  | { readonly kind: "agent"; readonly agent: Candidate }
  | { readonly kind: "wait"; readonly waitsFor: string }
  /** No waiting helps; why, as a sentence. */
  | { readonly kind: "impossible"; readonly reason: string };

/**
 * Where a new run goes right away. It never overtakes: while others wait it goes only where there is room for all of them
 * and for it. Holds the organization's placement from here to the commit.
 */
export async function findSpot(ctx: Tx, run: WaitingRun): Promise<Spot> {
  await lockPlacement(ctx);
  const crowd = await countCrowd(ctx, run.job_id);
  const candidates = await findCandidates(ctx, run.placement, 1);
  const [first] = candidates;
  if (run.placement.agent_id !== undefined && first === undefined)
    return { kind: "impossible", reason: goneWords(run.placement.agent_id) };
  const { placed, held } = place(
    [run],
    () => candidates,
    {
      organization: crowd.organization,
      byAgent: new Map(candidates.map(({ id, load }) => [id, load])),
      byJob: new Map(run.job_id === null ? [] : [[run.job_id, crowd.ofJob]]),
    },
    ORGANIZATION_RUNS_MAX,
  );
  const isCrowded =
    crowd.waitingOfJob > 0 ||
    crowd.organization + crowd.waiting >= ORGANIZATION_RUNS_MAX ||
    (crowd.waiting > 0 && first !== undefined && first.load + crowd.waiting >= first.runsMax);
  const agent = placed[0]?.agent;
  if (agent !== undefined && !isCrowded) return { kind: "agent", agent };
  if (crowd.waiting >= WAITING_RUNS_MAX)
    throw new AppError(
      "rate_limited",
      `${crowd.waiting} runs wait for an agent already; no more can. Stop some of them, or connect agents that fit.`,
      { retryAfterSeconds: 60 },
    );
  return { kind: "wait", waitsFor: held[0]?.waitsFor ?? "the runs before it to start" };
}

/** Why a run that was to go to one agent can go nowhere any more. */
export function goneWords(agentId: string): string {
  return `The agent ${agentId} was deleted or revoked. Launch it on another one.`;
}
