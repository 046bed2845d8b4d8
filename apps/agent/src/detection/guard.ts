// The guard against a storm of interventions: with too many of them on one host something else is wrong. Pure.

import type { Policy } from "@flowplane/detection";

export type Guard = {
  /** Nothing is done before then, by the steady clock. */
  until: number | null;
  reason: string;
  /** When interventions were carried out, oldest first. */
  times: number[];
};

export const calm: Guard = { until: null, reason: "", times: [] };

/** More than any policy's limit. */
const TIMES_MAX = 1_000;

export function countOne(guard: Guard, at: number): Guard {
  return { ...guard, times: [...guard.times, at].slice(-TIMES_MAX) };
}

/** Whether one more would be one too many for this policy. */
export function isSpent(guard: Guard, { rate_limit: limit }: Policy, at: number): boolean {
  return guard.times.filter((time) => time > at - limit.window_ms).length >= limit.interventions_max;
}

/** Everything falls back to shadow mode until then; a longer fallback that is in force stays. */
export function trip(guard: Guard, until: number, reason: string): Guard {
  return guard.until !== null && guard.until >= until ? guard : { ...guard, until, reason };
}

export function release(guard: Guard): Guard {
  return { ...calm, times: guard.times };
}
