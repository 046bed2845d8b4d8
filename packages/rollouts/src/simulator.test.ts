import { expect, test } from "vitest";
import { PLAN } from "./testing.ts";
import { HABITS, seeded, simulate, type Habit } from "./simulator.ts";
import type { Plan } from "./types.ts";

const SEEDS = 300;
/** Longer than any chain of timeouts below. */
const TICKS_MAX = 6_000;
const BAD: ReadonlySet<Habit> = new Set([
  "refuses",
  "falls_later",
  "falls_in_a_loop",
  "goes_back_by_itself",
  "is_silent",
  "vanishes",
]);

function planOf(random: () => number): Plan {
  return {
    ...PLAN,
    max_unavailable: 1 + Math.floor(random() * 8),
    verdict_timeout_seconds: 60 + Math.floor(random() * 120),
    soak_seconds: Math.floor(random() * 60),
    gate: {
      min_pass_percent: [0, 50, 100][Math.floor(random() * 3)] ?? 100,
      max_failures: Math.floor(random() * 6),
      on_failure: random() < 0.5 ? "pause" : "roll_back",
    },
  };
}

test.each(Array.from({ length: SEEDS }, (_, seed) => seed))(
  "seed %i: what must never be, never is",
  (seed) => {
    const random = seeded(seed);
    const plan = planOf(random);
    const share = random() * 0.4;
    const sizes = [
      1 + Math.floor(random() * 3),
      3 + Math.floor(random() * 5),
      10 + Math.floor(random() * 15),
    ];
    const world = simulate({
      random,
      sizes,
      plan,
      killed: random() * 0.5,
      habitOf: () => (random() < share ? (HABITS[Math.floor(random() * HABITS.length)] ?? "good") : "good"),
    });
    const { rollout, agents } = world;
    let resumed = 0;
    const isOver = () => rollout.state === "completed" || rollout.state === "rolled_back";
    for (let tick = 0; tick < TICKS_MAX && !isOver(); tick += 1) {
      world.tick(1 + Math.floor(random() * 4));
      expect(world.inFlight(), "in flight").toBeLessThanOrEqual(plan.max_unavailable);
      for (const agent of agents)
        if (agent.assigned === "B" && agent.wave > (rollout.wave ?? -1))
          expect(["completed", "paused"], `${agent.id} of a later wave was touched`).toContain(rollout.state);
      const failed = agents.filter(({ state }) => state === "failed").length;
      if (rollout.state !== "rolling_back" && resumed === 0)
        expect(failed, "failures").toBeLessThanOrEqual(
          plan.gate.max_failures +
            plan.max_unavailable +
            agents.filter(({ habit }) => habit === "flaps").length,
        );
      // A person resumes it once, and has it taken back when it stops again.
      if (rollout.state === "paused" && random() < 0.02) {
        resumed += 1;
        rollout.acceptedFailures = failed;
        rollout.state = resumed > 1 ? "rolling_back" : "running";
        rollout.stateSince = world.now;
      }
    }
    expect(isOver(), `it ended, from ${rollout.state} in wave ${rollout.wave}`).toBe(true);
    if (rollout.state === "rolled_back")
      for (const { id, assigned } of agents) expect([id, assigned], "has what it had").toEqual([id, "A"]);
    else
      for (const agent of agents) {
        expect([agent.id, agent.assigned], "has it, or gets it on return").toEqual([agent.id, "B"]);
        if (agent.state === "passed")
          expect([
            agent.id,
            BAD.has(agent.habit) && plan.soak_seconds > 20 && agent.habit !== "falls_in_a_loop",
          ]).toEqual([agent.id, false]);
      }
  },
);
