import { useMemo, useState } from "react";
import { comparedAmount, type ComparedFigureName, type RolloutComparison } from "@flowplane/contract";
import { useNarrow } from "../../lib/narrow.ts";
import { clockTime } from "../../lib/time.ts";
import { counted } from "../../lib/units.ts";
import { last } from "../agent/throughput.ts";
import { Plot, type Line } from "../run/axis/Plot.tsx";

const LABEL_PX = 168;
const NARROW_LABEL_PX = 112;
const HEIGHT_PX = 84;

const CHARTS = [
  { word: "Accepted", series: "accepted", figure: "accepted_per_second" },
  { word: "Sent", series: "sent", figure: "sent_per_second" },
  { word: "Refused", series: "refused", figure: "refused_per_second" },
  { word: "Could not be sent", series: "failed", figure: "failed_per_second" },
  { word: "Refused or failed", series: "error_percent", figure: "error_percent" },
  { word: "Queue use", series: "queue_percent", figure: "queue_percent" },
] as const satisfies readonly { word: string; series: string; figure: ComparedFigureName }[];

/** Both sides as two lines in each chart, over the time of the rollout; nobody reporting is a gap. */
export default function ComparisonCharts({ comparison }: { comparison: RolloutComparison }) {
  const { sides, start, step_seconds, from, to } = comparison;
  const at = useMemo(() => {
    const first = Date.parse(start) / 1_000;
    return sides.version.series.agents.map((_, index) => first + index * step_seconds);
  }, [sides, start, step_seconds]);
  const [zoom, setZoom] = useState<readonly [number, number] | undefined>(undefined);
  const [point, setPoint] = useState<number | undefined>(undefined);
  const labelPx = useNarrow() ? NARROW_LABEL_PX : LABEL_PX;
  const shown = useMemo(
    () => zoom ?? ([Date.parse(from) / 1_000, Date.parse(to) / 1_000] as const),
    [zoom, from, to],
  );
  const charts = useMemo(
    () =>
      CHARTS.map((chart) => ({
        ...chart,
        parts: [
          { side: sides.version, line: { values: sides.version.series[chart.series], token: "accent" } },
          {
            side: sides.baseline,
            line: { values: sides.baseline.series[chart.series], token: "attention", dashed: true },
          },
        ] satisfies { side: typeof sides.version; line: Line }[],
      })),
    [sides],
  );
  return (
    <div className="flex flex-col gap-2">
      <p className="flex min-h-5 flex-wrap items-center justify-end gap-x-3 text-sm text-n8">
        {point === undefined || at[point] === undefined
          ? null
          : `${clockTime(at[point] * 1_000).slice(0, 8)} · ${[sides.version, sides.baseline]
              .map(({ name, series }) => `${name}: ${counted(series.agents[point] ?? 0, "agent")}`)
              .join(" · ")}`}
        {zoom === undefined ? null : (
          <button
            type="button"
            onClick={() => setZoom(undefined)}
            className="rounded-sm text-accent hover:underline"
          >
            Whole range
          </button>
        )}
      </p>
      {charts.map(({ word, figure, parts }, index) => (
        <div
          key={word}
          className="grid items-start"
          style={{ gridTemplateColumns: `${labelPx}px minmax(0, 1fr)` }}
        >
          <dl className="flex flex-col gap-0.5 pr-2 text-sm">
            <dt className="font-medium">{word}</dt>
            {parts.map(({ side, line }) => (
              <dd key={side.name} className="flex items-center gap-1.5">
                <span
                  aria-hidden="true"
                  className={`w-3 shrink-0 border-t-2 ${"dashed" in line ? "border-dashed" : ""}`}
                  style={{ borderColor: `var(--${line.token})` }}
                />
                <span className="truncate text-n8">{side.name}</span>
                <span className="ml-auto">
                  {comparedAmount(
                    figure,
                    point === undefined ? last(line.values) : (line.values[point] ?? null),
                  )}
                </span>
              </dd>
            ))}
          </dl>
          <Plot
            at={at}
            lines={parts.map(({ line }) => line)}
            range={shown}
            height={HEIGHT_PX}
            label={`${word}: ${parts.map(({ side, line }) => `${side.name} ${comparedAmount(figure, last(line.values))}`).join(", ")} at the end`}
            amount={(value) => comparedAmount(figure, value)}
            showTimes={index === charts.length - 1}
            onMoment={() => undefined}
            onZoom={setZoom}
            onPoint={setPoint}
          />
        </div>
      ))}
    </div>
  );
}
