import { useMemo } from "react";
import type { ThroughputSeries } from "@flowplane/contract";
import { ChartStack, type Chart } from "../../chart/ChartStack.tsx";
import { number } from "../../lib/units.ts";
import { rate, timesOf } from "./throughput.ts";

const LABEL_PX = 148;
const HEIGHT_PX = 92;

interface ThroughputChartsProps {
  readonly series: ThroughputSeries;
  /** Milliseconds since the epoch. */
  readonly range: readonly [number, number];
}

/** What came in, what went out and what waits, one below the other over one time. */
export default function ThroughputCharts({ series, range }: ThroughputChartsProps) {
  const at = useMemo(() => timesOf(series), [series]);
  const charts = useMemo(() => chartsOf(series), [series]);
  return <ChartStack at={at} charts={charts} range={range} labelPx={LABEL_PX} height={HEIGHT_PX} />;
}

function chartsOf(series: ThroughputSeries): Chart[] {
  const count = (value: number | null) => (value === null ? "–" : number(Math.round(value)));
  return [
    {
      word: "Received",
      amount: rate,
      parts: [
        { word: "accepted", line: { values: series.accepted, token: "accent", filled: true } },
        { word: "refused", line: { values: series.refused, token: "bad" } },
      ],
    },
    {
      word: "Sent on",
      amount: rate,
      parts: [
        { word: "sent", line: { values: series.sent, token: "ok", filled: true } },
        { word: "failed", line: { values: series.failed, token: "bad" } },
      ],
    },
    {
      word: "Queue",
      amount: count,
      parts: [
        { word: "waiting", line: { values: series.queue_size, token: "busy", filled: true } },
        { word: "capacity", line: { values: series.queue_capacity, token: "n8", dashed: true } },
      ],
    },
  ];
}
