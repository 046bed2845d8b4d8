import { z } from "zod";
import { Id, Timestamp } from "./common.ts";
import { HEALTH_LEVELS, Signal } from "./telemetry.ts";

/**
 * What two sides of a rollout are compared by. Shares are of agents, everything else is the mean over agents, so that each
 * counts the same however much goes through it.
 */
export const COMPARED_FIGURES = [
  "failed_percent",
  "unhealthy_percent",
  "unhealthy_time_percent",
  "flaps_per_day",
  "accepted_per_second",
  "refused_per_second",
  "sent_per_second",
  "failed_per_second",
  "error_percent",
  "drop_percent",
  "queue_percent",
] as const;
export const ComparedFigureName = z.enum(COMPARED_FIGURES);
export type ComparedFigureName = z.output<typeof ComparedFigureName>;

export const ComparisonVerdict = z.enum([
  "better",
  "worse",
  "higher",
  "lower",
  "no_difference_seen",
  "not_enough_data",
]);
export type ComparisonVerdict = z.output<typeof ComparisonVerdict>;

const FigureOfSide = z.object({
  value: z.number().nullable().describe("null where no agent has it"),
  agents: z.number().int().describe("how many agents are behind it"),
  minutes: z
    .number()
    .nullable()
    .describe("how long they were watched, all together; null for what is counted at one moment"),
});

export const ComparedFigure = z.object({
  figure: ComparedFigureName,
  version: FigureOfSide,
  baseline: FigureOfSide,
  difference: z
    .object({ value: z.number(), low: z.number(), high: z.number() })
    .nullable()
    .describe("version less baseline, and between which ends it lies by 99 %; null without enough data"),
  verdict: ComparisonVerdict.describe(
    "said only where the whole range of the difference is on one side of nothing; `higher` and `lower` where more is neither good nor bad",
  ),
  sentence: z.string(),
});
export type ComparedFigure = z.output<typeof ComparedFigure>;

const Steps = z.array(z.number().nullable());

/** Means over the agents of a side, step by step; null where nobody reported. */
export const ComparedSeries = z.object({
  agents: z.array(z.number().int()).describe("how many agents reported in each step"),
  accepted: Steps.describe("items a second and agent, as are the next three"),
  refused: Steps,
  sent: Steps,
  failed: Steps,
  error_percent: Steps,
  queue_percent: Steps,
});
export type ComparedSeries = z.output<typeof ComparedSeries>;

export const ComparedSide = z.object({
  name: z.string().describe("like `v7` or `not v7 yet`"),
  version: z
    .number()
    .int()
    .nullable()
    .describe("null for agents that do not have the version yet: they may run anything else"),
  agents: z.number().int().describe("that are on this side now"),
  looked_at: z
    .number()
    .int()
    .describe("agents, now or before, whose history is behind the figures over time: all, or a fixed sample"),
  given: z.number().int().describe("agents the rollout gave this version to"),
  failed: z.number().int(),
  rolled_itself_back: z.number().int().describe("of those that failed"),
  given_back: z.number().int().describe("agents that were given what they had before"),
  levels: z.object(
    Object.fromEntries(HEALTH_LEVELS.map((level) => [level, z.number().int()])) as Record<
      (typeof HEALTH_LEVELS)[number],
      z.ZodNumber
    >,
  ),
  series: ComparedSeries,
});
export type ComparedSide = z.output<typeof ComparedSide>;

export const RolloutComparison = z.object({
  rollout_id: Id,
  other_side: z
    .enum(["split", "not_yet"])
    .describe(
      "split: agents that get the baseline version. not_yet: agents of the rollout, until they were given the version",
    ),
  from: Timestamp,
  to: Timestamp,
  telemetry_until: Timestamp.nullable().describe("own telemetry is summed up some minutes later"),
  signal: Signal.nullable(),
  start: Timestamp.describe("of the first step"),
  step_seconds: z.number().int(),
  sides: z.object({ version: ComparedSide, baseline: ComparedSide }),
  figures: z.array(ComparedFigure),
  sentence: z.string(),
  needs: z
    .object({ agents: z.number().int(), minutes: z.number() })
    .describe("no figure is judged with fewer agents on a side, nor an agent counted with fewer minutes"),
});
export type RolloutComparison = z.output<typeof RolloutComparison>;
