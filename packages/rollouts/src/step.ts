import { inFlightOf, judgeWave, openOf } from "./gate.ts";
import { AGENT_STATES, type Counts, type Flight, type Plan, type RolloutState, type Wave } from "./types.ts";
import { judgeAgent, type Verdict } from "./verdict.ts";
import { nextOpening } from "./window.ts";

export interface Rollout {
  readonly state: RolloutState;
  readonly stateSince: number;
  /** The current wave; null before the first. */
  readonly wave: number | null;
  /** Waves up to this one may begin without asking. */
  readonly approvedWave: number;
  readonly acceptedFailures: number;
  readonly plan: Plan;
}

export interface WaveChange {
  readonly index: number;
  readonly state: Wave["state"];
}

export interface Step {
  readonly verdicts: readonly Verdict[];
  /** How many waiting agents of waves up to `wave` may be given the version now. */
  readonly assign: number;
  /** How many agents may be given back what they had now. */
  readonly revert: number;
  readonly wave: number | null;
  readonly waves: readonly WaveChange[];
  /** A new state of the rollout, or null when it stays. */
  readonly change: { readonly state: RolloutState; readonly reason: string | null } | null;
}

/**
 * One step of a rollout: verdicts on the agents in flight, then what follows from them. Pure, and taken again from the rows at any
 * time: nothing is remembered between two steps but what the step writes. `toRevert` is how many agents have
 * something of this rollout and have not been given back what they had.
 */
export function stepRollout(
  rollout: Rollout,
  waves: readonly Wave[],
  flights: readonly Flight[],
  { toRevert, now }: { toRevert: number; now: number },
): Step {
  const judged = flights.filter(
    ({ state }) => (rollout.state === "rolling_back") === (state === "reverting"),
  );
  const verdicts = judged.flatMap((flight) => judgeAgent(flight, rollout.plan, now) ?? []);
  const after = countAgain(waves, verdicts);
  const still: Step = { verdicts, assign: 0, revert: 0, wave: rollout.wave, waves: [], change: null };
  switch (rollout.state) {
    case "queued":
    case "paused":
    case "completed":
    case "rolled_back":
    case "aborted":
      return still;
    case "rolling_back": {
      const reverting = after.reduce((sum, { counts }) => sum + counts.reverting, 0);
      if (toRevert === 0 && reverting === 0)
        return { ...still, change: { state: "rolled_back", reason: null } };
      return { ...still, revert: Math.min(toRevert, Math.max(0, rollout.plan.max_unavailable - reverting)) };
    }
    case "running":
      return { ...still, ...goOn(rollout, after, now) };
  }
}

function goOn(rollout: Rollout, waves: readonly Wave[], now: number): Partial<Step> {
  const { plan } = rollout;
  const changes: WaveChange[] = [];
  const failures = waves.reduce((sum, { counts }) => sum + counts.failed, 0);
  let index = rollout.wave ?? 0;
  for (;;) {
    const wave = waves[index];
    if (wave === undefined) return finish(waves, changes, plan, now);
    const decision = judgeWave(wave.counts, { failures, accepted: rollout.acceptedFailures }, plan);
    if (decision.gate === "failed")
      return {
        wave: index,
        waves: [...changes, { index, state: "failed" }],
        change: {
          state: plan.gate.on_failure === "pause" ? "paused" : "rolling_back",
          reason: `Wave ${index + 1} did not pass: ${decision.reason}`,
        },
      };
    if (decision.gate === "passed") {
      changes.push({ index, state: "passed" });
      index += 1;
      continue;
    }
    if (!mayBegin(rollout, wave, index)) return { wave: Math.max(0, index - 1), waves: changes };
    const isOpen = isWindowOpen(plan, now);
    if (wave.state !== "running") {
      if (!isOpen) return { wave: index === 0 ? null : index - 1, waves: changes };
      changes.push({ index, state: "running" });
    }
    return { wave: index, waves: changes, assign: isOpen ? room(waves, index, plan) : 0 };
  }
}

/** All waves have passed; agents that came back meanwhile are still judged before it has completed. */
function finish(waves: readonly Wave[], changes: WaveChange[], plan: Plan, now: number): Partial<Step> {
  const last = waves.length === 0 ? null : waves.length - 1;
  if (waves.every(({ counts }) => openOf(counts) === 0))
    return { wave: last, waves: changes, change: { state: "completed", reason: null } };
  return {
    wave: last,
    waves: changes,
    assign: isWindowOpen(plan, now) ? room(waves, waves.length - 1, plan) : 0,
  };
}

function mayBegin(rollout: Rollout, wave: Wave, index: number): boolean {
  return wave.state !== "waiting" || index === 0 || !rollout.plan.approval || rollout.approvedWave >= index;
}

export function isWindowOpen({ window }: Pick<Plan, "window">, now: number): boolean {
  return window === null || nextOpening(window, now).isOpen;
}

function room(waves: readonly Wave[], upTo: number, plan: Plan): number {
  const inFlight = waves.reduce((sum, { counts }) => sum + inFlightOf(counts), 0);
  const waiting = waves.reduce((sum, { index, counts }) => sum + (index <= upTo ? counts.waiting : 0), 0);
  return Math.max(0, Math.min(plan.max_unavailable - inFlight, waiting));
}

/** The counts after verdicts. */
export function countAgain(
  waves: readonly Wave[],
  verdicts: readonly Pick<Verdict, "wave" | "from" | "state">[],
): Wave[] {
  const changed = new Map(
    waves.map((wave) => [wave.index, { ...wave.counts } as Record<keyof Counts, number>]),
  );
  for (const { wave, from, state } of verdicts) {
    const counts = changed.get(wave);
    if (counts === undefined) continue;
    counts[from] -= 1;
    counts[state] += 1;
  }
  return waves.map((wave) => ({ ...wave, counts: changed.get(wave.index) ?? wave.counts }));
}

export function noCounts(): Record<keyof Counts, number> {
  return Object.fromEntries(AGENT_STATES.map((state) => [state, 0])) as Record<keyof Counts, number>;
}
