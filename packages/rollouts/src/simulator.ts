import { stableHash } from "./order.ts";
import { countAgain, noCounts, stepRollout, type Rollout } from "./step.ts";
import type { AgentState, DeliveryFacts, Flight, Plan, Wave } from "./types.ts";

// A rollout over agents that misbehave, and a worker that is killed at any moment: each step is written whole or not at all, as
// in a database. Only `random` and the clock are the simulator's.

export const HABITS = [
  "good",
  "refuses",
  "falls_later",
  "falls_in_a_loop",
  "goes_back_by_itself",
  "is_silent",
  "vanishes",
  "vanishes_for_a_while",
  "is_away_for_a_while",
  "is_away_for_ever",
  "flaps",
] as const;
export type Habit = (typeof HABITS)[number];

interface SimAgent {
  readonly id: string;
  readonly wave: number;
  readonly habit: Habit;
  // Its row.
  state: AgentState;
  stateSince: number;
  assignedAt: number | null;
  givenBackAt: number | null;
  unwellSince: number | null;
  unwellTimes: number;
  reasonCode: string | null;
  // What it is assigned, and the agent itself.
  assigned: "A" | "B";
  status: DeliveryFacts["status"];
  statusAt: number;
  offeredAt: number | null;
  healthy: boolean;
  healthAt: number;
  isAway: boolean;
  backAt: number;
}

export interface Simulation {
  readonly agents: readonly SimAgent[];
  readonly rollout: { -readonly [K in keyof Rollout]: Rollout[K] };
  readonly waves: Wave[];
  now: number;
  /** Lets time pass, the agents act, and the worker take a step, or be killed in it. */
  tick(seconds: number): void;
  /** Agents that count as unavailable. */
  inFlight(): number;
}

export function simulate(options: {
  readonly random: () => number;
  readonly sizes: readonly number[];
  readonly habitOf: (index: number) => Habit;
  readonly plan: Plan;
  /** Share of steps that are killed before they are written. */
  readonly killed: number;
}): Simulation {
  const { random, plan } = options;
  let count = 0;
  const agents = options.sizes.flatMap((size, wave) =>
    Array.from({ length: size }, (): SimAgent => {
      const habit = options.habitOf(count);
      count += 1;
      return {
        id: `agent-${count}`,
        wave,
        habit,
        state: "waiting",
        stateSince: 0,
        assignedAt: null,
        givenBackAt: null,
        unwellSince: null,
        unwellTimes: 0,
        reasonCode: null,
        assigned: "A",
        status: "applied",
        statusAt: 0,
        offeredAt: 0,
        healthy: true,
        healthAt: 0,
        isAway: habit === "is_away_for_a_while" || habit === "is_away_for_ever",
        backAt: habit === "is_away_for_a_while" ? random() * 4_000_000 : Number.POSITIVE_INFINITY,
      };
    }),
  );
  const simulation: Simulation = {
    agents,
    rollout: { state: "running", stateSince: 0, wave: null, approvedWave: 0, acceptedFailures: 0, plan },
    waves: options.sizes.map((_, index) => ({
      index,
      state: "waiting",
      counts: noCounts(),
      startedAt: null,
    })),
    now: 1_000,
    tick(seconds) {
      simulation.now += seconds * 1_000;
      for (const agent of agents) live(agent, simulation.now);
      work();
    },
    inFlight: () => agents.filter(isInFlight).length,
  };
  return simulation;

  function isInFlight({ state }: SimAgent): boolean {
    return state === "offered" || state === "applying" || state === "soaking" || state === "reverting";
  }

  /** One moment of an agent: it is there or not, takes what it is assigned, and is then as its habit has it. */
  function live(agent: SimAgent, now: number): void {
    if (agent.isAway && now >= agent.backAt) agent.isAway = false;
    if (agent.habit === "flaps" && random() < 0.1) {
      agent.isAway = !agent.isAway;
      agent.backAt = now + random() * 60_000;
    }
    if (agent.isAway) return;
    const isBad = agent.assigned === "B";
    const say = (status: DeliveryFacts["status"]) => {
      agent.status = status;
      agent.statusAt = now;
    };
    const feel = (healthy: boolean) => {
      if (agent.healthy !== healthy) agent.healthAt = now;
      agent.healthy = healthy;
    };
    switch (agent.status) {
      case "waiting":
        agent.offeredAt = now;
        say("offered");
        feel(false);
        if (isBad && (agent.habit === "vanishes" || agent.habit === "vanishes_for_a_while")) {
          agent.isAway = true;
          agent.backAt = agent.habit === "vanishes" ? Number.POSITIVE_INFINITY : now + random() * 600_000;
        }
        return;
      case "offered":
        if (isBad && agent.habit === "is_silent") return;
        if (random() < 0.5) say("applying");
        return;
      case "applying":
        if (random() < 0.5) return;
        if (isBad && agent.habit === "refuses") return say("failed");
        if (isBad && agent.habit === "goes_back_by_itself") return say("rolled_itself_back");
        feel(true);
        return say("applied");
      case "applied":
        if (!isBad) return feel(true);
        if (agent.habit === "falls_later" && now - agent.statusAt > 15_000) feel(false);
        if (agent.habit === "falls_in_a_loop") feel(Math.floor(now / 5_000) % 3 === 0);
        return;
      case "failed":
      case "rolled_itself_back":
        return;
    }
  }

  function work(): void {
    const { now, rollout } = simulation;
    for (const agent of agents)
      if (
        agent.state === "unreachable" &&
        !agent.isAway &&
        rollout.state === "running" &&
        agent.wave <= (rollout.wave ?? -1)
      )
        agent.state = "waiting";
    const waves = counted();
    const decided = stepRollout(rollout, waves, agents.filter(isInFlight).map(flightOf), {
      toRevert: agents.filter(hasIt).length,
      now,
    });
    // Killed: nothing of the step was written, and whoever comes next finds the rows as they were.
    if (random() < options.killed) return;
    for (const verdict of decided.verdicts) {
      const agent = agents.find(({ id }) => id === verdict.agentId);
      if (agent === undefined) continue;
      agent.state = verdict.state;
      agent.stateSince = verdict.since;
      agent.unwellSince = verdict.unwellSince;
      agent.unwellTimes = verdict.unwellTimes;
      agent.reasonCode = verdict.reasonCode;
      if (verdict.state === "unreachable") withdraw(agent);
    }
    for (const change of decided.waves) {
      const wave = simulation.waves[change.index];
      if (wave !== undefined) simulation.waves[change.index] = { ...wave, state: change.state };
    }
    rollout.wave = decided.wave;
    let left = decided.assign;
    for (const agent of agents) {
      if (left === 0) break;
      if (agent.state !== "waiting" || agent.wave > (decided.wave ?? -1)) continue;
      left -= 1;
      if (agent.isAway) agent.state = "unreachable";
      else give(agent, "B", "offered");
    }
    left = decided.revert;
    // Those under way first: they are unavailable already.
    for (const agent of agents.toSorted(
      (one, other) => Number(isInFlight(other)) - Number(isInFlight(one)),
    )) {
      if (left === 0) break;
      if (!hasIt(agent)) continue;
      left -= 1;
      agent.givenBackAt = now;
      give(agent, "A", agent.isAway ? "reverted" : "reverting");
    }
    if (decided.change === null) return;
    if (decided.change.state === "completed")
      for (const agent of agents)
        if (agent.state === "unreachable" && agent.assignedAt === null) give(agent, "B", "unreachable");
    rollout.state = decided.change.state;
    rollout.stateSince = now;
  }

  function hasIt(agent: SimAgent): boolean {
    return (
      simulation.rollout.state === "rolling_back" && agent.assignedAt !== null && agent.givenBackAt === null
    );
  }

  function give(agent: SimAgent, what: "A" | "B", state: AgentState): void {
    agent.assigned = what;
    agent.status = "waiting";
    agent.statusAt = simulation.now;
    agent.offeredAt = null;
    agent.state = state;
    agent.stateSince = simulation.now;
    agent.unwellSince = null;
    agent.unwellTimes = 0;
    if (what === "B") agent.assignedAt = simulation.now;
  }

  /** It was given the content and went away before it was sent: it has what it had, and gets its turn again. */
  function withdraw(agent: SimAgent): void {
    agent.assigned = "A";
    agent.status = "applied";
    agent.assignedAt = null;
    agent.offeredAt = null;
  }

  function counted(): Wave[] {
    const moves = agents.map(({ wave, state }) => ({ wave, from: "waiting" as const, state }));
    const all = simulation.waves.map((wave) => ({
      ...wave,
      counts: { ...noCounts(), waiting: agents.filter((agent) => agent.wave === wave.index).length },
    }));
    return countAgain(all, moves);
  }

  function flightOf(agent: SimAgent): Flight {
    return {
      agentId: agent.id,
      wave: agent.wave,
      state: agent.state as Flight["state"],
      stateSince: agent.stateSince,
      assignedAt: agent.givenBackAt ?? agent.assignedAt ?? 0,
      offerHash: agent.assigned,
      unwellSince: agent.unwellSince,
      unwellTimes: agent.unwellTimes,
      baseline: { healthy: true, rates: null },
      heardSince: 0,
      rates: null,
      delivery: {
        offerHash: agent.assigned,
        status: agent.status,
        statusAt: agent.statusAt,
        offeredAt: agent.offeredAt,
        errorMessage: "",
        reachable: !agent.isAway,
        healthy: agent.healthy,
        healthStatus: null,
        healthAt: agent.healthAt,
      },
    };
  }
}

/** Numbers that look random and are the same for a seed. */
export function seeded(seed: number): () => number {
  let count = 0;
  return () => {
    count += 1;
    return stableHash(`${seed}/${count}`) / 2 ** 53;
  };
}
