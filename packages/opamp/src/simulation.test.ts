import { describe, expect, it } from "vitest";
import { Simulation } from "./testing/simulation.ts";

const SEEDS = Number(process.env["OPAMP_SIMULATION_SEEDS"] ?? 150);
const FIRST_SEED = Number(process.env["OPAMP_SIMULATION_SEED"] ?? 1);

describe("agent and server over a bad network", () => {
  it(`agree whenever they have settled, and come to rest (${SEEDS} seeds)`, () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
      try {
        simulate(seed);
      } catch (error) {
        throw new Error(`OPAMP_SIMULATION_SEED=${seed} OPAMP_SIMULATION_SEEDS=1`, { cause: error });
      }
    }
  });
});

function simulate(seed: number): void {
  const simulation = new Simulation(seed, 3);
  for (let count = 0; count < 60; count += 1) {
    simulation.disturb();
    simulation.run((seed % 3) * 2_000 + 500);
  }
  simulation.calm();
  // The longest way back: a cut nobody noticed, then the longest backoff.
  simulation.run(120_000);
  simulation.fullStateAsked.clear();
  const accepted = simulation.server
    .effectsOf("custom_message")
    .map(({ data }) => new TextDecoder().decode(data));
  expect(new Set(accepted).size).toBe(accepted.length);
  simulation.run(600_000);
  // A heartbeat may be under way just now; a second later it is answered.
  for (const agent of simulation.agents) {
    for (let wait = 0; wait < 20 && !simulation.isSettled(agent); wait += 1) simulation.run(50);
    expect(simulation.isSettled(agent)).toBe(true);
  }
  expect([...simulation.fullStateAsked]).toEqual([]);
}
