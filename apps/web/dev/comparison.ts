/** The mock's comparison of a rollout's two sides: one whose errors rose, with agents enough to say so where there are. */
import {
  COMPARED_FIGURES,
  comparedAmount,
  type ComparedFigure,
  type ComparedFigureName,
  type ComparedSeries,
  type ComparedSide,
  type RolloutComparison,
} from "@flowplane/contract";
import type { MockRollout } from "./rolloutWorld.ts";
import { iso } from "./random.ts";

const STEPS = 84;
const STEP_SECONDS = 60;
const ENOUGH = 5;

/** Version, baseline, and how far the range of the difference goes to each side. */
const VALUES: Readonly<Record<ComparedFigureName, readonly [number, number, number]>> = {
  failed_percent: [2.4, 0, 3.1],
  unhealthy_percent: [4.8, 1.2, 5.2],
  unhealthy_time_percent: [1.9, 0.4, 1.7],
  flaps_per_day: [3.1, 0.6, 2.9],
  accepted_per_second: [412, 409, 31],
  refused_per_second: [0, 0, 0],
  sent_per_second: [396, 407, 30],
  failed_per_second: [16.2, 0.8, 4.1],
  error_percent: [3.9, 0.2, 1.1],
  drop_percent: [0.6, -0.2, 2.2],
  queue_percent: [12.4, 3.1, 2.6],
};
const NEUTRAL: readonly ComparedFigureName[] = ["accepted_per_second", "sent_per_second"];

export function comparisonOf(
  { core, agents }: MockRollout,
  signal: RolloutComparison["signal"],
): RolloutComparison {
  const has = agents.filter(
    ({ state }) => state === "passed" || state === "soaking" || state === "failed" || state === "reverted",
  );
  const isOther = ({ variant }: (typeof agents)[number]) => variant === "baseline";
  const version = has.filter((agent) => !isOther(agent));
  const baseline =
    core.split === null ? agents.filter(({ state }) => state === "waiting") : has.filter(isOther);
  const start = Math.floor(Date.now() / 60_000 - STEPS) * 60_000;
  const names = {
    version: `v${core.version}`,
    baseline: core.split === null ? `not v${core.version} yet` : `v${core.split.baseline_version}`,
  };
  const figures = COMPARED_FIGURES.map((name) => figureOf(name, version.length, baseline.length, names));
  const worse = figures.filter(({ verdict }) => verdict === "worse");
  const others = core.split === null ? "agents that do not have it yet" : names.baseline;
  return {
    rollout_id: core.id,
    other_side: core.split === null ? "not_yet" : "split",
    from: iso(start),
    to: iso(Date.now()),
    telemetry_until: iso(Date.now() - 200_000),
    signal,
    start: iso(start),
    step_seconds: STEP_SECONDS,
    sides: {
      version: sideOf(names.version, core.version, version, 1),
      baseline: sideOf(names.baseline, core.split?.baseline_version ?? null, baseline, 0.05),
    },
    figures,
    sentence:
      worse.length === 0
        ? `${names.version} compared with ${others}: not enough data for a verdict yet.`
        : `${names.version} compared with ${others}: worse in items refused or failed (3.9 % against 0.2 %), queue use (12.4 % against 3.1 %). 11 of 11 figures have enough data.`,
    needs: { agents: ENOUGH, minutes: 5 },
  };
}

function sideOf(
  name: string,
  version: number | null,
  agents: MockRollout["agents"],
  wrong: number,
): ComparedSide {
  const failed = agents.filter(({ state }) => state === "failed" || state === "reverted").length;
  const unhealthy = Math.min(agents.length, failed);
  return {
    name,
    version,
    agents: agents.length,
    looked_at: Math.min(200, agents.length),
    given: version === null ? 0 : agents.length,
    failed: version === null ? 0 : failed,
    rolled_itself_back: 0,
    given_back: agents.filter(({ state }) => state === "reverted").length,
    levels: { healthy: agents.length - unhealthy, warning: 0, unhealthy, offline: 0, unknown: 0 },
    series: seriesOf(agents.length, wrong),
  };
}

function seriesOf(agents: number, wrong: number): ComparedSeries {
  const over = (value: (step: number) => number) =>
    Array.from({ length: STEPS }, (_, step) =>
      agents === 0 || step > STEPS - 4 ? null : Math.round(value(step) * 100) / 100,
    );
  const wave = (step: number) => 1 + 0.2 * Math.sin(step / 7);
  return {
    agents: Array.from({ length: STEPS }, (_, step) => (step > STEPS - 4 ? 0 : agents)),
    accepted: over((step) => 410 * wave(step)),
    refused: over(() => 0),
    sent: over((step) => (410 - 16 * wrong) * wave(step)),
    failed: over((step) => 16 * wrong * wave(step)),
    error_percent: over((step) => 3.9 * wrong * wave(step + 9)),
    queue_percent: over((step) => 3 + 9 * wrong * wave(step + 3)),
  };
}

function figureOf(
  figure: ComparedFigureName,
  version: number,
  baseline: number,
  names: { readonly version: string; readonly baseline: string },
): ComparedFigure {
  const [one, other, half] = VALUES[figure];
  const minutes = figure === "failed_percent" || figure === "unhealthy_percent" ? null : 80;
  const side = (value: number, agents: number) => ({
    value: agents === 0 ? null : value,
    agents,
    minutes: minutes === null ? null : agents * minutes,
  });
  const sides = { version: side(one, version), baseline: side(other, baseline) };
  if (Math.min(version, baseline) < ENOUGH)
    return {
      figure,
      ...sides,
      difference: null,
      verdict: "not_enough_data",
      sentence: `Not enough data: ${version < ENOUGH ? `${version} agents (${names.version})` : `${baseline} agents (${names.baseline})`}; ${ENOUGH} a side are needed.`,
    };
  const difference = { value: one - other, low: one - other - half, high: one - other + half };
  const isCertain = difference.low > 0;
  const values = `${comparedAmount(figure, one)} with ${names.version}, ${comparedAmount(figure, other)} with ${names.baseline}`;
  return {
    figure,
    ...sides,
    difference,
    verdict: !isCertain ? "no_difference_seen" : NEUTRAL.includes(figure) ? "higher" : "worse",
    sentence: isCertain ? `Worse: ${values}.` : `No certain difference: ${values}.`,
  };
}
