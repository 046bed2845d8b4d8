/** Rollouts as the dashboard shows them: which word, which tone, what may be done now. */
import type {
  ComparisonVerdict,
  Rollout,
  RolloutAgentState,
  RolloutCounts,
  RolloutReason,
  RolloutState,
  RolloutWave,
} from "@flowplane/contract";
import type { Look, Tone } from "./states.ts";

export const ROLLOUT_LOOK: Readonly<Record<RolloutState, Look>> = {
  queued: { word: "Queued", tone: "off" },
  running: { word: "Running", tone: "busy" },
  paused: { word: "Paused", tone: "attention" },
  rolling_back: { word: "Rolling back", tone: "attention" },
  completed: { word: "Completed", tone: "ok" },
  rolled_back: { word: "Rolled back", tone: "bad" },
  aborted: { word: "Aborted", tone: "off" },
};

/** A difference without a judgement is no state: it only says which way. */
export const COMPARISON_LOOK: Readonly<Record<ComparisonVerdict, Look>> = {
  better: { word: "Better", tone: "ok" },
  worse: { word: "Worse", tone: "bad" },
  higher: { word: "Higher", tone: "busy" },
  lower: { word: "Lower", tone: "busy" },
  no_difference_seen: { word: "No certain difference", tone: "off" },
  not_enough_data: { word: "Not enough data", tone: "off" },
};

export const WAVE_LOOK: Readonly<Record<RolloutWave["state"], Look>> = {
  waiting: { word: "Waits", tone: "off" },
  running: { word: "Running", tone: "busy" },
  passed: { word: "Passed", tone: "ok" },
  failed: { word: "Failed", tone: "bad" },
};

export const ROLLOUT_AGENT_LOOK: Readonly<Record<RolloutAgentState, Look>> = {
  waiting: { word: "Waiting", tone: "off" },
  offered: { word: "Offered", tone: "busy" },
  applying: { word: "Applying", tone: "busy" },
  soaking: { word: "Soaking", tone: "busy" },
  passed: { word: "Passed", tone: "ok" },
  failed: { word: "Failed", tone: "bad" },
  unreachable: { word: "Unreachable", tone: "attention" },
  skipped: { word: "Skipped", tone: "off" },
  reverting: { word: "Going back", tone: "attention" },
  reverted: { word: "Went back", tone: "off" },
};

export const REASON_WORD: Readonly<Record<RolloutReason, string>> = {
  rejected: "Rejected by the agent",
  crashed: "Crashed",
  rolled_itself_back: "Rolled itself back",
  unhealthy: "Unhealthy",
  errors_rose: "Errors rose",
  throughput_fell: "Throughput fell",
  no_verdict: "No verdict in time",
  not_delivered: "Not delivered",
  already_there: "Has it already",
  not_configurable: "Not configurable from here",
  lacks_components: "Lacks components",
  superseded: "Superseded by another rollout",
};

/** What a bar of a rollout is made of, in the order things happen. */
export const PROGRESS: readonly { tone: Tone; states: readonly RolloutAgentState[] }[] = [
  { tone: "ok", states: ["passed"] },
  { tone: "busy", states: ["offered", "applying", "soaking"] },
  { tone: "bad", states: ["failed"] },
  { tone: "attention", states: ["unreachable", "reverting"] },
  { tone: "off", states: ["waiting", "skipped", "reverted"] },
];

const ENDS: ReadonlySet<RolloutState> = new Set(["completed", "rolled_back", "aborted"]);

export function hasEnded({ state }: Pick<Rollout, "state">): boolean {
  return ENDS.has(state);
}

/** Agents that were given the version: the ones a roll back touches. */
export function touchedBy(counts: RolloutCounts): number {
  return counts.offered + counts.applying + counts.soaking + counts.passed + counts.failed;
}

/** The wave that waits for a person's word, from 0; undefined when none does. */
export function waveToApprove({ state, plan, waves }: Rollout): number | undefined {
  if (state !== "running" || !plan.approval) return undefined;
  // A wave may also wait for its maintenance window, which nobody can approve.
  return waves.find((wave) => wave.state === "waiting" && wave.waiting?.for.startsWith("approval") === true)
    ?.index;
}

const ended = (rollout: Rollout) => (hasEnded(rollout) ? "The rollout has ended." : undefined);
const goesBack = ({ state }: Rollout) =>
  state === "rolling_back" ? "It is being taken back already." : undefined;

// Each rule below returns why something cannot be done now, or undefined when it can.

export function cannotPause(rollout: Rollout): string | undefined {
  return (
    ended(rollout) ??
    goesBack(rollout) ??
    (rollout.state === "queued" ? "It has not begun; abort it instead." : undefined)
  );
}

export function cannotResume(rollout: Rollout): string | undefined {
  return ended(rollout) ?? (rollout.state === "paused" ? undefined : "It is not paused.");
}

export function cannotAbort(rollout: Rollout): string | undefined {
  return ended(rollout);
}

export function cannotRollBack(rollout: Rollout): string | undefined {
  if (rollout.state === "rolled_back") return "It was taken back already.";
  return (
    goesBack(rollout) ??
    (touchedBy(rollout.counts) === 0 ? "No agent has got the version, so nothing would go back." : undefined)
  );
}
