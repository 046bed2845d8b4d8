import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import {
  capitalized,
  comparedAmount,
  comparedDifference,
  comparedName,
  HEALTH_LEVELS,
  SIGNALS,
  type ComparedFigure,
  type ComparedSide,
  type Rollout,
  type RolloutComparison,
} from "@flowplane/contract";
import { q } from "../../api/query.ts";
import { COMPARISON_LOOK } from "../../api/rollouts.ts";
import { HEALTH_LOOK } from "../../api/states.ts";
import { counted, number } from "../../lib/units.ts";
import type { RolloutSearch } from "../../search.ts";
import { Section } from "../../ui/Page.tsx";
import { Problem } from "../../ui/Problem.tsx";
import { Scopes } from "../../ui/Scopes.tsx";
import { Scrolls } from "../../ui/Scrolls.tsx";
import { Rows } from "../../ui/Skeleton.tsx";
import { StateMark, StateShape } from "../../ui/StateMark.tsx";
import { Time } from "../../ui/Time.tsx";

const ComparisonCharts = lazy(() => import("./ComparisonCharts.tsx"));
/** Own telemetry is summed up by the minute, so more often would bring nothing new. */
const REREAD_MS = 30_000;
const SIGNAL_SCOPES = [
  { value: undefined, word: "All" },
  ...SIGNALS.map((signal) => ({ value: signal, word: capitalized(signal) })),
];

interface ComparisonProps {
  readonly rollout: Rollout;
  readonly search: RolloutSearch;
  readonly onFilter: (part: RolloutSearch) => void;
}

/** Agents with the version and those without it, or the two versions of a split, side by side since the rollout began. */
export function Comparison({ rollout, search, onFilter }: ComparisonProps) {
  const { signal } = search;
  const { data, error, refetch } = useQuery({
    ...q("rolloutComparison", {
      params: { rollout_id: rollout.id },
      query: signal === undefined ? {} : { signal },
    }),
    placeholderData: keepPreviousData,
    refetchInterval: REREAD_MS,
  });
  return (
    <div
      role="region"
      aria-label="Comparison"
      tabIndex={0}
      className="flex min-h-0 flex-1 flex-col gap-5 overflow-y-auto px-6 py-4 focus-visible:-outline-offset-2 max-md:overflow-visible max-md:px-4"
    >
      {data === undefined ? (
        error === null ? (
          <div className="late">
            <Rows count={8} />
          </div>
        ) : (
          <Problem error={error} onRetry={() => void refetch()} />
        )
      ) : (
        <>
          {error === null ? null : <Problem error={error} onRetry={() => void refetch()} />}
          <Basis comparison={data} />
          <Section title="Figures">
            <Figures comparison={data} />
            <p className="max-w-[90ch] text-sm text-n8">{needsWords(data)}</p>
          </Section>
          <Section
            title="Own telemetry, a second and agent"
            aside={
              data.telemetry_until === null ? null : (
                <>
                  up to <Time at={data.telemetry_until} />
                </>
              )
            }
          >
            <div className="flex">
              <Scopes
                label="Signal"
                scopes={SIGNAL_SCOPES}
                chosen={signal}
                onChoose={(next) => onFilter({ signal: next })}
              />
            </div>
            {hasSeries(data) ? (
              <Suspense fallback={<Rows count={6} />}>
                <ComparisonCharts comparison={data} />
              </Suspense>
            ) : (
              <p className="text-n8">
                No agent of either side has reported its own telemetry since the rollout began.
              </p>
            )}
          </Section>
        </>
      )}
    </div>
  );
}

/** The server's sentence, and who is compared. */
function Basis({ comparison }: { comparison: RolloutComparison }) {
  const { sentence, from, to, sides, other_side } = comparison;
  return (
    <div className="flex flex-col gap-3">
      <p className="max-w-[90ch]">{sentence}</p>
      <dl className="grid grid-cols-2 gap-x-6 gap-y-3 max-md:grid-cols-1">
        {[sides.version, sides.baseline].map((side) => (
          <div key={side.name} className="flex flex-col gap-1 border-l-2 border-n5 pl-3">
            <dt className="font-semibold">{side.name}</dt>
            <dd className="flex flex-col gap-0.5 text-n9">
              <span>{counted(side.agents, "agent")} now</span>
              <Levels side={side} />
              <GivenWords side={side} />
            </dd>
          </div>
        ))}
      </dl>
      <p className="max-w-[90ch] text-sm text-n8">
        From <Time at={from} /> to <Time at={to} />.{" "}
        {other_side === "split"
          ? "Each agent counts from when it was given its version."
          : "Each agent counts to the others until it is given the version, and to the version from then on."}
      </p>
    </div>
  );
}

function Levels({ side }: { side: ComparedSide }) {
  const there = HEALTH_LEVELS.filter((level) => side.levels[level] > 0);
  if (there.length === 0) return null;
  return (
    <span className="flex flex-wrap gap-x-3">
      {there.map((level) => (
        <span key={level} className="inline-flex items-center gap-1.5">
          <StateShape tone={HEALTH_LOOK[level].tone} />
          {HEALTH_LOOK[level].word} {number(side.levels[level])}
        </span>
      ))}
    </span>
  );
}

function GivenWords({ side }: { side: ComparedSide }) {
  const parts = [
    ...(side.failed > 0
      ? [
          `${number(side.failed)} of ${number(side.given)} failed${side.rolled_itself_back > 0 ? `, ${number(side.rolled_itself_back)} of them went back by themselves` : ""}`,
        ]
      : []),
    ...(side.given_back > 0 ? [`${number(side.given_back)} given back what they had`] : []),
    ...(side.looked_at < side.agents ? [`history of a fixed sample of ${number(side.looked_at)}`] : []),
  ];
  return parts.length === 0 ? null : <span>{parts.join("; ")}</span>;
}

function Figures({ comparison: { figures, sides } }: { comparison: RolloutComparison }) {
  return (
    <Scrolls label="Figures of both sides">
      <table className="w-full border-collapse md:min-w-[560px]">
        <thead className="max-md:sr-only">
          <tr className="border-b border-n4 text-left text-sm text-n8">
            <th scope="col" className="px-3 py-1.5 font-normal">
              Figure
            </th>
            {[sides.version, sides.baseline].map(({ name }) => (
              <th key={name} scope="col" className="px-3 py-1.5 text-right font-normal">
                {name}
              </th>
            ))}
            <th scope="col" className="px-3 py-1.5 font-normal">
              Difference
            </th>
          </tr>
        </thead>
        <tbody>
          {figures.map((figure) => (
            <tr
              key={figure.figure}
              className="border-b border-n3 align-top last:border-b-0 max-md:grid max-md:grid-cols-2"
            >
              <th
                scope="row"
                className="px-3 py-1.5 text-left font-normal max-md:col-span-2 max-md:pb-0 max-md:font-medium"
              >
                {capitalized(comparedName(figure.figure))}
              </th>
              <Value figure={figure} of={figure.version} side={sides.version.name} />
              <Value figure={figure} of={figure.baseline} side={sides.baseline.name} />
              <td className="px-3 py-1.5 max-md:col-span-2 max-md:pt-0">
                <StateMark {...COMPARISON_LOOK[figure.verdict]} quiet={isQuiet(figure)} />
                <p className="max-w-[52ch] text-sm text-n8">{rangeWords(figure)}</p>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolls>
  );
}

/** How far apart the two sides are; both values stand beside it already. */
function rangeWords({ figure, difference, sentence }: ComparedFigure): string | null {
  if (difference === null) return sentence.replace(/^[^:]+: /, "");
  const [low, high] = [difference.low, difference.high].map((end) => comparedDifference(figure, end));
  if (low !== high) return `between ${low} and ${high}`;
  return difference.value === 0 ? null : `${low}`;
}

function isQuiet({ verdict }: ComparedFigure): boolean {
  return verdict === "not_enough_data" || verdict === "no_difference_seen";
}

function Value({
  figure,
  of,
  side,
}: {
  figure: ComparedFigure;
  of: ComparedFigure["version"];
  side: string;
}) {
  return (
    <td className="px-3 py-1.5 text-right whitespace-nowrap max-md:text-left">
      <span className="text-n8 md:hidden">{side} </span>
      {comparedAmount(figure.figure, of.value)}
      <span className="block text-sm text-n8">{counted(of.agents, "agent")}</span>
    </td>
  );
}

function needsWords({ needs }: RolloutComparison): string {
  return `Each agent counts the same, whatever goes through it. A verdict needs ${needs.agents} agents on both sides, for what is measured over time with ${needs.minutes} minutes each, and a difference that is certain by 99 %.`;
}

function hasSeries({ sides }: RolloutComparison): boolean {
  return [sides.version, sides.baseline].some(({ series }) => series.agents.some((agents) => agents > 0));
}
