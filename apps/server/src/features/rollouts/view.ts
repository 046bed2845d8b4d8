import {
  ROLLOUT_AGENT_STATES,
  type Rollout,
  type RolloutAgent,
  type RolloutCounts,
  type RolloutWave,
  type Waiting,
} from "@flowplane/contract";
import { inFlightOf, nextOpening, openOf } from "@flowplane/rollouts";
import { timestamp } from "../../platform/context.ts";
import { plural } from "../../platform/words.ts";
import type { AgentRow } from "./agents-store.ts";
import type { ShownRolloutRow, WaveRow } from "./store.ts";

export function rolloutOf(row: ShownRolloutRow, waves: readonly WaveRow[], now: number): Rollout {
  const counts = sumOf(waves);
  return {
    id: row.id,
    kind: row.kind,
    configuration_id: row.configuration_id,
    configuration_name: row.configuration_name,
    version: row.version,
    split: row.split,
    selector: row.selector,
    plan: row.plan,
    message: row.message,
    state: row.state,
    state_since: timestamp(row.state_since),
    reason: row.reason,
    waiting: waitingOf(row, waves, now),
    sentence: sentenceOf(row, waves, counts),
    agents: waves.reduce((sum, wave) => sum + wave.agents, 0),
    counts,
    wave: row.ended_at === null ? row.wave : null,
    waves: waves.map((wave) => waveOf(wave, row, waves, now)),
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    started_at: timestamp(row.started_at),
    ended_at: timestamp(row.ended_at),
  };
}

export function sumOf(waves: readonly Pick<WaveRow, "counts">[]): RolloutCounts {
  return Object.fromEntries(
    ROLLOUT_AGENT_STATES.map((state) => [state, waves.reduce((sum, { counts }) => sum + counts[state], 0)]),
  ) as RolloutCounts;
}

function waveOf(wave: WaveRow, row: ShownRolloutRow, waves: readonly WaveRow[], now: number): RolloutWave {
  const isNext = row.state === "running" && nextWave(row, waves) === wave;
  return {
    index: wave.index,
    state: wave.state,
    agents: wave.agents,
    counts: wave.counts,
    waiting: isNext ? waitingOf(row, waves, now) : null,
    started_at: timestamp(wave.started_at),
    ended_at: timestamp(wave.ended_at),
  };
}

/** The wave that is under way, or would begin next. */
function nextWave(row: Pick<ShownRolloutRow, "wave">, waves: readonly WaveRow[]): WaveRow | undefined {
  return waves.find(({ index, state }) => index >= (row.wave ?? 0) && state !== "passed");
}

/** What a rollout waits for, since when and until when; null at its end. Judged when read, as everything that time changes. */
function waitingOf(row: ShownRolloutRow, waves: readonly WaveRow[], now: number): Waiting | null {
  const waiting = (what: string, since: Date, deadline: number | null = null): Waiting => ({
    for: what,
    since: timestamp(since),
    deadline: deadline === null ? null : timestamp(new Date(deadline)),
  });
  switch (row.state) {
    case "queued":
      return waiting("an earlier rollout that has some of its agents to end", row.state_since);
    case "paused":
      return waiting("somebody to resume it, roll it back or abort it", row.state_since);
    case "rolling_back":
      return waiting("its agents to say that they run what they had before", row.state_since);
    case "running": {
      const wave = nextWave(row, waves);
      if (wave === undefined) return waiting("agents that came back to be judged", row.state_since);
      const before = waves.find(({ index }) => index === wave.index - 1);
      const since = wave.started_at ?? before?.ended_at ?? row.started_at ?? row.state_since;
      if (wave.state === "waiting" && wave.index > 0 && row.plan.approval && row.approved_wave < wave.index)
        return waiting(`approval of wave ${wave.index + 1}`, since);
      const opening = row.plan.window === null ? null : nextOpening(row.plan.window, now);
      if (opening?.isOpen === false && wave.counts.waiting > 0)
        return waiting("its maintenance window to open", since, opening.at);
      return waiting(`verdicts of ${plural(openOf(wave.counts), "agent")} of wave ${wave.index + 1}`, since);
    }
    case "completed":
    case "rolled_back":
    case "aborted":
      return null;
  }
}

function sentenceOf(row: ShownRolloutRow, waves: readonly WaveRow[], counts: RolloutCounts): string {
  const total = waves.reduce((sum, wave) => sum + wave.agents, 0) - counts.skipped;
  const has = counts.passed === 1 ? "has" : "have";
  const passed = `${counts.passed} of ${plural(total, "agent")} ${has} passed`;
  const failed = counts.failed === 0 ? "" : `, ${counts.failed} failed`;
  const away = counts.unreachable === 0 ? "" : `; ${counts.unreachable} cannot be reached`;
  const why = row.reason === null ? "" : ` ${row.reason}`;
  switch (row.state) {
    case "queued":
      return `Queued behind another rollout that has some of its ${plural(total, "agent")}.`;
    case "running": {
      const wave = nextWave(row, waves);
      if (wave === undefined) return `All waves have passed: ${passed}${failed}${away}.`;
      const place = `Wave ${wave.index + 1} of ${waves.length}`;
      if (wave.state === "waiting") return `${place} has not begun: ${passed}${failed}${away}.`;
      return `${place} is under way: ${passed}${failed}, ${inFlightOf(wave.counts)} under way${away}.`;
    }
    case "paused":
      return `Paused: ${passed}${failed}${away}.${why}`;
    case "rolling_back":
      return `Being taken back: ${counts.reverted} of ${plural(counts.reverted + counts.reverting + gotIt(counts), "agent")} have what they had before.${why}`;
    case "completed":
      return `Completed: ${passed}${failed}${counts.unreachable === 0 ? "" : `; ${counts.unreachable} get it when they come back`}.`;
    case "rolled_back":
      return `Taken back: ${plural(counts.reverted, "agent")} got back what ${counts.reverted === 1 ? "it" : "they"} had before${failed}.${why}`;
    case "aborted":
      return `Aborted: ${passed}${failed}; agents keep what they have.${why}`;
  }
}

/** While it is taken back: agents that still have it. */
function gotIt(counts: RolloutCounts): number {
  return counts.passed + counts.offered + counts.applying + counts.soaking;
}

export function agentOf(
  row: AgentRow & { name: string; site_id: string },
  rollout: Pick<ShownRolloutRow, "plan" | "ended_at">,
): RolloutAgent {
  return {
    agent_id: row.agent_id,
    name: row.name,
    site_id: row.site_id,
    wave: row.wave,
    variant: row.variant,
    state: row.state,
    state_since: timestamp(row.state_since),
    reason_code: row.reason_code,
    reason: row.reason,
    waiting: agentWaiting(row, rollout),
    from:
      row.from_configuration_id === null || row.from_version === null
        ? null
        : { configuration_id: row.from_configuration_id, version: row.from_version },
    attempts: row.attempts,
  };
}

function agentWaiting(
  row: AgentRow,
  { plan, ended_at }: Pick<ShownRolloutRow, "plan" | "ended_at">,
): Waiting | null {
  const waiting = (what: string, seconds: number | null): Waiting => ({
    for: what,
    since: timestamp(row.state_since),
    deadline: seconds === null ? null : timestamp(new Date(row.state_since.getTime() + seconds * 1_000)),
  });
  switch (row.state) {
    case "waiting":
      return ended_at === null ? waiting(`its turn in wave ${row.wave + 1}`, null) : null;
    case "offered":
      return waiting("it to say that it has it", plan.verdict_timeout_seconds);
    case "applying":
      return waiting("it to say that it runs it", plan.verdict_timeout_seconds);
    case "soaking":
      return waiting("it to stay well", plan.soak_seconds);
    case "reverting":
      return waiting("it to say that it runs what it had before", plan.verdict_timeout_seconds);
    case "unreachable":
      return waiting("it to come back", null);
    case "passed":
    case "failed":
    case "skipped":
    case "reverted":
      return null;
  }
}
