// What several groups of agents did, each agent within a time of its own: out of the roll-ups, so that a week of a thousand
// agents is read in a moment. Whoever asks bounds the number of agents and of days.

import { errorPercent, OTLP_SIGNALS, type Measure, type Signal } from "@flowplane/telemetry";
import type { Tx } from "../../platform/context.ts";
import { retentionOf } from "../identity/retention.ts";
import { comparedSteps, comparedTotals, type GroupWindow } from "./compared-store.ts";
import { SOME_MINUTES_MS, stepsOf, sumOver } from "./throughput.ts";
import { rolledUpUntil, type Steps } from "./throughput-store.ts";

export type { GroupWindow };

const DAY_MS = 86_400_000;

/** One agent of a group over its time. */
export interface AgentRates {
  readonly seconds: number;
  readonly acceptedPerSecond: number | null;
  readonly refusedPerSecond: number | null;
  readonly sentPerSecond: number | null;
  readonly failedPerSecond: number | null;
  readonly errorPercent: number | null;
  /** What stands in its queues of what fits into them. */
  readonly queuePercent: number | null;
}

/** The mean over a group's agents, step by step; null where none of them reported. */
export interface GroupSeries {
  readonly agents: number[];
  readonly accepted: (number | null)[];
  readonly refused: (number | null)[];
  readonly sent: (number | null)[];
  readonly failed: (number | null)[];
  readonly error_percent: (number | null)[];
  readonly queue_percent: (number | null)[];
}

export interface ComparedGroups {
  readonly steps: Steps;
  /** Up to when figures are summed up; null when nothing is yet. */
  readonly until: number | null;
  readonly series: ReadonlyMap<string, GroupSeries>;
  /** By group and agent. */
  readonly agents: ReadonlyMap<string, ReadonlyMap<string, AgentRates>>;
}

/** How many rows of a roll-up one agent has over a time at most: what a comparison costs is in proportion to them. */
export function rowsOfAgent({ from, to }: { readonly from: number; readonly to: number }): number {
  return Math.ceil((to - from) / (to - from <= SOME_MINUTES_MS ? 60_000 : 600_000));
}

/** Reads what groups of agents did from `from` to `to`, ms since the epoch. Two statements, however many agents. */
export async function compareGroups(
  ctx: Tx,
  windows: readonly GroupWindow[],
  range: { readonly from: number; readonly to: number },
  signal: Signal | undefined,
): Promise<ComparedGroups> {
  const organization = await ctx.db
    .selectFrom("organizations")
    .select("retention")
    .where("id", "=", ctx.actor.organization_id)
    .executeTakeFirstOrThrow();
  const minutesKeptMs = retentionOf(organization).telemetry_minute_days * DAY_MS;
  const isFine = range.to - range.from <= SOME_MINUTES_MS && ctx.now() - range.from < minutesKeptMs;
  const table = isFine ? "own_minutes" : "own_ten_minutes";
  const asked = { from: new Date(range.from).toISOString(), to: new Date(range.to).toISOString() };
  const steps = stepsOf(asked, ctx.now(), isFine ? 60 : 600);
  const until = await rolledUpUntil(ctx.storage.system);
  const signals = signal === undefined ? OTLP_SIGNALS : [signal];
  const agents = new Map<string, Map<string, AgentRates>>();
  for (const row of await comparedTotals(ctx.db, table, windows, steps)) {
    const group = agents.get(row.group) ?? new Map<string, AgentRates>();
    group.set(row.agent_id, ratesOf(row.amounts, row.seconds, signals));
    agents.set(row.group, group);
  }
  return {
    steps,
    until,
    agents,
    series: seriesOf(await comparedSteps(ctx.db, table, windows, steps), steps, signals),
  };
}

function seriesOf(
  rows: Awaited<ReturnType<typeof comparedSteps>>,
  steps: Steps,
  signals: readonly Signal[],
): Map<string, GroupSeries> {
  const series = new Map<string, GroupSeries>();
  for (const row of rows) {
    const one = series.get(row.group) ?? emptySeries(steps);
    series.set(row.group, one);
    const index = Math.floor((row.at.getTime() - steps.from) / (steps.seconds * 1_000));
    if (index < 0 || index >= one.agents.length) continue;
    const rates = ratesOf(row.amounts, row.seconds, signals);
    one.agents[index] = row.agents;
    one.accepted[index] = rates.acceptedPerSecond;
    one.refused[index] = rates.refusedPerSecond;
    one.sent[index] = rates.sentPerSecond;
    one.failed[index] = rates.failedPerSecond;
    one.error_percent[index] = rates.errorPercent;
    one.queue_percent[index] = rates.queuePercent;
  }
  return series;
}

/** A group nobody reported of. */
export function emptySeries(steps: Steps): GroupSeries {
  const length = Math.round((steps.to - steps.from) / (steps.seconds * 1_000));
  const nothing = () => Array.from<number | null>({ length }).fill(null);
  return {
    agents: Array.from<number>({ length }).fill(0),
    accepted: nothing(),
    refused: nothing(),
    sent: nothing(),
    failed: nothing(),
    error_percent: nothing(),
    queue_percent: nothing(),
  };
}

function ratesOf(
  amounts: readonly (number | null)[],
  seconds: number,
  signals: readonly Signal[],
): AgentRates {
  const amount = (measure: Measure) => sumOver(amounts, signals, measure);
  const [accepted, sent] = [amount("accepted"), amount("sent")];
  // Collectors begin to tell a counter when it first counts something: one that tells what went well and nothing of what went
  // wrong has had nothing go wrong.
  const counts = {
    accepted,
    refused: amount("refused") ?? (accepted === null ? null : 0),
    sent,
    failed: amount("failed") ?? (sent === null ? null : 0),
  };
  const perSecond = (value: number | null) => (value === null || seconds <= 0 ? null : value / seconds);
  const [size, capacity] = [amount("queue_size"), amount("queue_capacity")];
  return {
    seconds,
    acceptedPerSecond: perSecond(counts.accepted),
    refusedPerSecond: perSecond(counts.refused),
    sentPerSecond: perSecond(counts.sent),
    failedPerSecond: perSecond(counts.failed),
    errorPercent: errorPercent(counts),
    queuePercent: size === null || capacity === null || capacity <= 0 ? null : (100 * size) / capacity,
  };
}
