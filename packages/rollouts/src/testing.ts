import { noCounts } from "./step.ts";
import type { AgentState, DeliveryFacts, Flight, Plan, Wave } from "./types.ts";

export const PLAN: Plan = {
  max_unavailable: 100,
  verdict_timeout_seconds: 300,
  soak_seconds: 60,
  gate: { min_pass_percent: 100, max_failures: 0, on_failure: "roll_back" },
  approval: false,
  window: null,
  telemetry: { max_error_percent: 5, max_drop_percent: 50 },
};

/** A moment; facts are told in seconds from it. */
export const START = Date.UTC(2026, 10, 20, 16, 0);
export const at = (seconds: number) => START + seconds * 1_000;

export function delivery(more: Partial<DeliveryFacts> = {}): DeliveryFacts {
  return {
    offerHash: "B",
    status: "applied",
    statusAt: at(10),
    offeredAt: at(1),
    errorMessage: "",
    reachable: true,
    healthy: true,
    healthStatus: null,
    healthAt: at(-100),
    ...more,
  };
}

export function flight(more: Partial<Flight> = {}): Flight {
  return {
    agentId: "a",
    wave: 0,
    state: "soaking",
    stateSince: at(10),
    assignedAt: at(0),
    offerHash: "B",
    unwellSince: null,
    unwellTimes: 0,
    baseline: { healthy: true, rates: null },
    heardSince: 0,
    delivery: delivery(),
    rates: null,
    ...more,
  };
}

export function wave(index: number, state: Wave["state"], counts: Partial<Record<AgentState, number>>): Wave {
  return { index, state, counts: { ...noCounts(), ...counts }, startedAt: null };
}
