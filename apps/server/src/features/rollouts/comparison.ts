import {
  COMPARED_FIGURES,
  HEALTH_LEVELS,
  type ComparedFigure,
  type ComparedFigureName,
  type ComparedSide,
  type HealthLevel,
  type RolloutComparison,
} from "@flowplane/contract";
import {
  BASELINE_ITEMS_PER_SECOND_MIN,
  COMPARED_AGENTS_MIN,
  COMPARED_SECONDS_MIN,
  compareSides,
  type Sample,
} from "@flowplane/rollouts";
import type { Signal } from "@flowplane/telemetry";
import { inTransaction, timestamp, type Ctx } from "../../platform/context.ts";
import { healthOverTimes, type HealthOverTime } from "../health/compared.ts";
import {
  compareGroups,
  emptySeries,
  rowsOfAgent,
  type AgentRates,
  type ComparedGroups,
} from "../telemetry/compared.ts";
import {
  countSides,
  countVerdicts,
  sampleSides,
  type SideCounts,
  type SideMember,
  type SideName,
  type SideVerdicts,
} from "./comparison-store.ts";
import { comparisonSentence, figureSentence, sideNames } from "./comparison-words.ts";
import { COMPARED_AGENTS_MAX, COMPARED_DAYS_MAX, COMPARED_ROWS_MAX } from "./limits.ts";
import { requireRollout } from "./read.ts";
import type { ShownRolloutRow } from "./store.ts";

const DAY_MS = 86_400_000;
/** A series has at least one step. */
const RANGE_MS_MIN = 60_000;

/** Figures of which more is neither good nor bad: they follow what is sent to the agents. */
const NEUTRAL: readonly ComparedFigureName[] = ["accepted_per_second", "sent_per_second"];

/**
 * Health and own telemetry of both sides of a rollout since it began. Every figure is one statement over at most
 * `COMPARED_AGENTS_MAX` agents a side, but for the counts, which are of all.
 */
export async function readComparison(
  ctx: Ctx,
  id: string,
  { signal }: { signal?: Signal | undefined },
): Promise<RolloutComparison> {
  const now = new Date(ctx.now());
  return inTransaction(ctx, async (ctx) => {
    const row = await requireRollout(ctx, id);
    const counts = await countSides(ctx.db, row, now);
    const verdicts = await countVerdicts(ctx.db, row);
    const range = rangeOf(row, counts, now);
    const members = await sampleSides(ctx.db, row, { ...range, now }, agentsLookedAt(range));
    const health = await healthOverTimes(
      ctx.db,
      members.map(({ agent_id, from_at, to_at }) => ({
        agentId: agent_id,
        from: from_at.getTime(),
        to: to_at.getTime(),
      })),
    );
    const telemetry = await compareGroups(
      ctx,
      members.map(({ side, agent_id, from_at, to_at }) => ({
        group: side,
        agentId: agent_id,
        from: from_at.getTime(),
        to: to_at.getTime(),
      })),
      { from: range.from.getTime(), to: range.to.getTime() },
      signal,
    );
    const measured = {
      version: measuredOf("version", { counts, verdicts, members, health, telemetry }),
      baseline: measuredOf("baseline", { counts, verdicts, members, health, telemetry }),
    };
    const names = sideNames(row.version, row.split?.baseline_version ?? null);
    const figures = COMPARED_FIGURES.map((figure): ComparedFigure => {
      const [one, other] = [measured.version[figure], measured.baseline[figure]];
      const compared = compareSides(one.sample, other.sample, { isHigherWorse: !NEUTRAL.includes(figure) });
      const said = {
        figure,
        version: { ...compared.version, minutes: one.minutes },
        baseline: { ...compared.baseline, minutes: other.minutes },
        difference: compared.difference,
        verdict: compared.verdict,
      };
      return { ...said, sentence: figureSentence(said, names) };
    });
    const side = (name: SideName): ComparedSide => ({
      name: names[name],
      version: name === "version" ? row.version : (row.split?.baseline_version ?? null),
      agents: countsOf(counts, name)?.agents ?? 0,
      looked_at: members.filter((member) => member.side === name).length,
      ...verdictsOf(verdicts, name),
      levels: countsOf(counts, name)?.levels ?? NO_LEVELS,
      series: telemetry.series.get(name) ?? emptySeries(telemetry.steps),
    });
    return {
      rollout_id: row.id,
      other_side: row.split === null ? "not_yet" : "split",
      from: timestamp(range.from),
      to: timestamp(range.to),
      telemetry_until: telemetry.until === null ? null : timestamp(new Date(telemetry.until)),
      signal: signal ?? null,
      start: timestamp(new Date(telemetry.steps.from)),
      step_seconds: telemetry.steps.seconds,
      sides: { version: side("version"), baseline: side("baseline") },
      figures,
      sentence: comparisonSentence(figures, names),
      needs: { agents: COMPARED_AGENTS_MIN, minutes: COMPARED_SECONDS_MIN / 60 },
    };
  });
}

const NO_LEVELS = Object.fromEntries(HEALTH_LEVELS.map((level) => [level, 0])) as Record<HealthLevel, number>;

function countsOf(counts: readonly SideCounts[], name: SideName): SideCounts | undefined {
  return counts.find(({ side }) => side === name);
}

function verdictsOf(verdicts: readonly SideVerdicts[], name: SideName): Omit<SideVerdicts, "side"> {
  const { side: _, ...found } = verdicts.find(({ side }) => side === name) ?? {
    side: name,
    given: 0,
    failed: 0,
    rolled_itself_back: 0,
    given_back: 0,
  };
  return found;
}

/** From its beginning, until the last agent that ran the version does no longer; of a long time its end. */
function rangeOf(
  row: ShownRolloutRow,
  counts: readonly SideCounts[],
  now: Date,
): { readonly from: Date; readonly to: Date } {
  const started = (row.started_at ?? row.created_at).getTime();
  const until = countsOf(counts, "version")?.until.getTime() ?? now.getTime();
  const to = Math.max(Math.min(until, now.getTime()), started + RANGE_MS_MIN);
  return { from: new Date(Math.max(started, to - COMPARED_DAYS_MAX * DAY_MS)), to: new Date(to) };
}

/** How many agents of each side are read: a week of as many as of an hour would take too long. */
function agentsLookedAt({ from, to }: { readonly from: Date; readonly to: Date }): number {
  const rows = rowsOfAgent({ from: from.getTime(), to: to.getTime() });
  return Math.min(COMPARED_AGENTS_MAX, Math.floor(COMPARED_ROWS_MAX / 2 / rows));
}

interface Read {
  readonly counts: readonly SideCounts[];
  readonly verdicts: readonly SideVerdicts[];
  readonly members: readonly SideMember[];
  /** By the index of the member. */
  readonly health: ReadonlyMap<number, HealthOverTime>;
  readonly telemetry: ComparedGroups;
}

type Measured = Readonly<
  Record<ComparedFigureName, { readonly sample: Sample; readonly minutes: number | null }>
>;

/** What of a side goes into each figure. An agent that is known for less than the minimum is left out of what needs time. */
function measuredOf(name: SideName, { counts, verdicts, members, health, telemetry }: Read): Measured {
  const found = countsOf(counts, name);
  const { given, failed } = verdictsOf(verdicts, name);
  const unwell = (found?.levels.unhealthy ?? 0) + (found?.levels.offline ?? 0);
  const known = (found?.agents ?? 0) - (found?.levels.unknown ?? 0);
  const watched = members.flatMap((member, index) => {
    const one = member.side === name ? health.get(index) : undefined;
    return one === undefined || one.seconds < COMPARED_SECONDS_MIN ? [] : [one];
  });
  const before = new Map(
    members.flatMap(({ side, agent_id, before_per_second }) =>
      side === name && before_per_second !== null ? [[agent_id, before_per_second] as const] : [],
    ),
  );
  const reporting = [...(telemetry.agents.get(name) ?? [])].filter(
    ([, { seconds }]) => seconds >= COMPARED_SECONDS_MIN,
  );
  const rates = (each: (rates: AgentRates, agentId: string) => number | null) => {
    const those = reporting.flatMap(([agentId, one]) => {
      const value = each(one, agentId);
      return value === null ? [] : [{ value, seconds: one.seconds }];
    });
    return {
      sample: { kind: "each" as const, values: those.map(({ value }) => value) },
      minutes: minutesOf(those),
    };
  };
  const overTime = (each: (one: HealthOverTime) => number) => ({
    sample: { kind: "each" as const, values: watched.map(each) },
    minutes: minutesOf(watched),
  });
  return {
    failed_percent: { sample: { kind: "share", hits: failed, agents: given }, minutes: null },
    unhealthy_percent: { sample: { kind: "share", hits: unwell, agents: known }, minutes: null },
    unhealthy_time_percent: overTime(({ unwellSeconds, seconds }) => (100 * unwellSeconds) / seconds),
    flaps_per_day: overTime(({ flaps, seconds }) => (flaps * 86_400) / seconds),
    accepted_per_second: rates(({ acceptedPerSecond }) => acceptedPerSecond),
    refused_per_second: rates(({ refusedPerSecond }) => refusedPerSecond),
    sent_per_second: rates(({ sentPerSecond }) => sentPerSecond),
    failed_per_second: rates(({ failedPerSecond }) => failedPerSecond),
    error_percent: rates((one) => one.errorPercent),
    drop_percent: rates(({ acceptedPerSecond }, agentId) => dropOf(before.get(agentId), acceptedPerSecond)),
    queue_percent: rates(({ queuePercent }) => queuePercent),
  };
}

function minutesOf(those: readonly { readonly seconds: number }[]): number {
  return Math.round(those.reduce((sum, { seconds }) => sum + seconds, 0) / 60);
}

/** How much less an agent accepts than before it was given the version; what accepted next to nothing says nothing. */
function dropOf(before: number | undefined, now: number | null): number | null {
  if (before === undefined || before < BASELINE_ITEMS_PER_SECOND_MIN || now === null) return null;
  return 100 - (100 * now) / before;
}
