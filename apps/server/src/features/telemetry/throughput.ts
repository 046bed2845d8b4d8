import type { z } from "zod";
import type { api, ComponentThroughput, ThroughputSeries } from "@flowplane/contract";
import {
  errorPercent,
  MEASURES,
  OTLP_SIGNALS,
  totalIndex,
  type Measure,
  type Signal,
} from "@flowplane/telemetry";
import { inTransaction, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { agentsMatching } from "../fleet/selection.ts";
import { retentionOf } from "../identity/retention.ts";
import { agentExists } from "./store.ts";
import {
  agentRolledUp,
  agentSteps,
  agentTotals,
  componentRates,
  countOf,
  fleetRolledUp,
  lastReport,
  rolledUpUntil,
  someRolledUp,
  someSteps,
  type ComponentRow,
  type StepRow,
  type Steps,
} from "./throughput-store.ts";
import { sql } from "kysely";

const DAY_MS = 86_400_000;
/** Widths a step may have, in seconds: the first with which a range has at most `STEPS_MAX` of them. */
const STEP_SECONDS = [60, 300, 600, 1_800, 3_600, 10_800, 21_600, 86_400];
const STEPS_MAX = 360;
const RANGE_DAYS_MAX = 731;
/** What components did is told over so long. */
const COMPONENTS_MS = 300_000;
/** Of part of a fleet, minutes are read over at most so long; beyond it, ten minutes. */
export const SOME_MINUTES_MS = 6 * 3_600_000;
/** Rows of minutes that one chart of part of a fleet is read from: about a second of the database's time. */
const SOME_MINUTES_ROWS = 1_600_000;

export interface Range {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

type AgentQuery = z.output<typeof api.agentThroughput.query>;
type FleetQuery = z.output<typeof api.fleetThroughput.query>;

/** A range as it was asked for, cut into steps. Throws `invalid_input` for one that makes no sense. */
export function stepsOf(range: Range, now: number, secondsMin = 60): Steps {
  const to = range.to === undefined ? now : Date.parse(range.to);
  const from = range.from === undefined ? to - 3_600_000 : Date.parse(range.from);
  if (from >= to)
    throw new AppError("invalid_input", "`from` must be before `to`.", {
      fields: [{ pointer: "query/from", message: "must be before `to`" }],
    });
  if (to - from > RANGE_DAYS_MAX * DAY_MS)
    throw new AppError("invalid_input", `Ask for at most ${RANGE_DAYS_MAX} days at once.`, {
      fields: [{ pointer: "query/from", message: "too far before `to`" }],
    });
  const seconds =
    STEP_SECONDS.find((each) => each >= secondsMin && (to - from) / 1_000 / each <= STEPS_MAX) ??
    (STEP_SECONDS.at(-1) as number);
  const stepMs = seconds * 1_000;
  return { from: Math.floor(from / stepMs) * stepMs, to: Math.ceil(to / stepMs) * stepMs, seconds };
}

export async function readAgentThroughput(ctx: Ctx, agentId: string, query: AgentQuery) {
  const now = ctx.now();
  const steps = stepsOf(query, now);
  return inTransaction(ctx, async (ctx) => {
    if (!(await agentExists(ctx.db, agentId))) throw notFound("agent", agentId);
    const source = await sourceFor(ctx, steps.from);
    const wide = source === "own_ten_minutes" ? stepsOf(query, now, 600) : steps;
    const rows =
      source === "own_reports"
        ? await agentSteps(ctx.db, agentId, wide)
        : await agentRolledUp(ctx.db, source, agentId, wide);
    const last = await lastReport(ctx.db, agentId);
    const components = await componentRates(ctx.db, agentId, now - COMPONENTS_MS, now);
    return {
      ...seriesOf(rows, wide, query.signal),
      last_reported_at: timestamp(last?.at ?? null),
      components: componentsOf(components),
    };
  });
}

export async function readFleetThroughput(ctx: Ctx, query: FleetQuery) {
  const now = ctx.now();
  const steps = stepsOf(query, now);
  const until = (await rolledUpUntil(ctx.storage.system)) ?? steps.from;
  return inTransaction(ctx, async (ctx) => {
    const organizationId = ctx.actor.organization_id;
    const isAll = query.q === undefined && query.configuration_id === undefined;
    const agents = isAll
      ? undefined
      : agentsMatching(ctx.db, {
          q: query.q,
          configuration: { id: query.configuration_id, version: query.version },
          now,
        });
    const table =
      agents === undefined ? "own_minutes" : rollUpFor(await countOf(ctx.db, agents), steps.to - steps.from);
    const wide = agents !== undefined && table === "own_ten_minutes" ? stepsOf(query, now, 600) : steps;
    const rows =
      agents === undefined
        ? await fleetRolledUp(ctx.db, organizationId, wide)
        : await someRolledUp(ctx.db, table, agents, wide);
    // Minutes that are whole by now, but not rolled up yet. Wider steps have them with their next roll-up.
    const settled = Math.floor((now - 60_000) / 60_000) * 60_000;
    const tail = { from: Math.max(until, steps.from), to: Math.min(settled, steps.to), seconds: 60 };
    const newest =
      wide.seconds === 60 && tail.from < tail.to && tail.to - tail.from <= COMPONENTS_MS * 2
        ? await someSteps(
            ctx.db,
            agents === undefined ? sql`organization_id = ${organizationId}` : sql`agent_id in (${agents})`,
            tail,
          )
        : [];
    const all = [...rows.filter(({ at }) => newest.length === 0 || at.getTime() < tail.from), ...newest];
    return {
      ...seriesOf(all, wide, query.signal),
      agents: all.reduce((most, { agents }) => Math.max(most, agents), 0),
    };
  });
}

/** Which roll-up the figures of so many agents over so long are read from. */
export function rollUpFor(agents: number, ms: number): "own_minutes" | "own_ten_minutes" {
  return ms > SOME_MINUTES_MS || agents * (ms / 60_000) > SOME_MINUTES_ROWS
    ? "own_ten_minutes"
    : "own_minutes";
}

/** How an agent did over a time: what rollouts judge by. Agents without a report in it are missing. */
export interface Rates {
  readonly acceptedPerSecond: number;
  readonly errorPercent: number;
}

export async function readRates(
  ctx: Tx,
  agentIds: readonly string[],
  range: { from: Date; to: Date },
): Promise<Map<string, Rates>> {
  if (agentIds.length === 0) return new Map();
  const rows = await agentTotals(ctx.db, agentIds, range.from.getTime(), range.to.getTime());
  return new Map(
    rows.map((row) => {
      const amount = (measure: Measure) => sumOver(row.amounts, OTLP_SIGNALS, measure);
      const counts = {
        accepted: amount("accepted"),
        refused: amount("refused"),
        sent: amount("sent"),
        failed: amount("failed"),
      };
      return [
        row.agent_id,
        {
          acceptedPerSecond: (counts.accepted ?? 0) / row.seconds,
          errorPercent: errorPercent(counts) ?? 0,
        },
      ];
    }),
  );
}

/** Where an agent's figures of a time are still kept at their finest. */
async function sourceFor(ctx: Tx, from: number): Promise<"own_reports" | "own_minutes" | "own_ten_minutes"> {
  const organization = await ctx.db
    .selectFrom("organizations")
    .select("retention")
    .where("id", "=", ctx.actor.organization_id)
    .executeTakeFirstOrThrow();
  const { telemetry_report_days, telemetry_minute_days } = retentionOf(organization);
  const days = (ctx.now() - from) / DAY_MS;
  if (days <= telemetry_report_days) return "own_reports";
  return days <= telemetry_minute_days ? "own_minutes" : "own_ten_minutes";
}

function seriesOf(rows: readonly StepRow[], steps: Steps, signal: Signal | undefined): ThroughputSeries {
  const length = Math.round((steps.to - steps.from) / (steps.seconds * 1_000));
  const signals = signal === undefined ? OTLP_SIGNALS : [signal];
  const series = Object.fromEntries(
    MEASURES.map((measure) => {
      const values = Array.from<number | null>({ length }).fill(null);
      const isLevel = measure === "queue_size" || measure === "queue_capacity";
      for (const row of rows) {
        const index = Math.floor((row.at.getTime() - steps.from) / (steps.seconds * 1_000));
        const amount = sumOver(row.amounts, signals, measure);
        if (index < 0 || index >= length || amount === null) continue;
        values[index] = isLevel ? amount : amount / row.seconds;
      }
      return [measure, values];
    }),
  ) as Record<Measure, (number | null)[]>;
  return { step_seconds: steps.seconds, start: new Date(steps.from).toISOString(), ...series };
}

/** What was moved over some signals together; null where none was reported. */
export function sumOver(
  amounts: readonly (number | null)[],
  signals: readonly Signal[],
  measure: Measure,
): number | null {
  return signals.reduce<number | null>((sum, signal) => {
    const amount = amounts[totalIndex(signal, measure)] ?? null;
    return amount === null ? sum : (sum ?? 0) + amount;
  }, null);
}

function componentsOf(rows: readonly ComponentRow[]): ComponentThroughput[] {
  const found = new Map<string, ComponentThroughput>();
  for (const { kind, component, signal, measure, value } of rows) {
    const key = `${kind} ${component} ${signal}`;
    const entry = found.get(key) ?? {
      kind,
      component,
      signal,
      accepted_per_second: null,
      refused_per_second: null,
      sent_per_second: null,
      failed_per_second: null,
      queue_size: null,
      queue_capacity: null,
    };
    const field =
      measure === "queue_size" || measure === "queue_capacity" ? measure : (`${measure}_per_second` as const);
    found.set(key, { ...entry, [field]: value });
  }
  return [...found.values()];
}
