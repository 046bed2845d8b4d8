import { useMemo } from "react";
import { comparedAmount, type ComparedFigureName, type RolloutComparison } from "@flowplane/contract";
import { ChartStack, type Chart } from "../../chart/ChartStack.tsx";
import { counted } from "../../lib/units.ts";

const LABEL_PX = 168;
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
  const charts = useMemo(
    () =>
      CHARTS.map(({ word, series, figure }): Chart => ({
        word,
        amount: (value) => comparedAmount(figure, value),
        parts: [
          { word: sides.version.name, line: { values: sides.version.series[series], token: "accent" } },
          {
            word: sides.baseline.name,
            line: { values: sides.baseline.series[series], token: "attention", dashed: true },
          },
        ],
      })),
    [sides],
  );
  return (
    <ChartStack
      at={at}
      charts={charts}
      range={[Date.parse(from), Date.parse(to)]}
      labelPx={LABEL_PX}
      height={HEIGHT_PX}
      caption={(point) =>
        [sides.version, sides.baseline]
          .map(({ name, series }) => `${name}: ${counted(series.agents[point] ?? 0, "agent")}`)
          .join(" · ")
      }
    />
  );
}
