import { useMemo, useState } from "react";
import type { ThroughputSeries } from "@flowplane/contract";
import { number } from "../../lib/units.ts";
import { clockTime } from "../../lib/time.ts";
import { useNarrow } from "../../lib/narrow.ts";
import { Plot, type Line } from "../run/axis/Plot.tsx";
import { last, rate, timesOf } from "./throughput.ts";

const LABEL_PX = 148;
const NARROW_LABEL_PX = 96;
const HEIGHT_PX = 92;

interface ThroughputChartsProps {
  readonly series: ThroughputSeries;
  /** Milliseconds since the epoch. */
  readonly range: readonly [number, number];
}

/** What came in, what went out and what waits, one below the other over one time. */
export default function ThroughputCharts({ series, range }: ThroughputChartsProps) {
  const at = useMemo(() => timesOf(series), [series]);
  const [zoom, setZoom] = useState<readonly [number, number] | undefined>(undefined);
  const [point, setPoint] = useState<number | undefined>(undefined);
  const labelPx = useNarrow() ? NARROW_LABEL_PX : LABEL_PX;
  const [from, to] = range;
  const shown = useMemo(() => zoom ?? ([from / 1_000, to / 1_000] as const), [zoom, from, to]);
  const charts = useMemo(() => chartsOf(series), [series]);
  const valueAt = (values: readonly (number | null)[]) =>
    point === undefined ? last(values) : (values[point] ?? null);
  return (
    <div className="flex flex-col gap-2">
      <p className="flex h-5 items-center justify-end gap-3 text-sm text-n8">
        {point === undefined || at[point] === undefined ? null : clockTime(at[point] * 1_000).slice(0, 8)}
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
      {charts.map(({ word, parts, amount }, index) => (
        <div
          key={word}
          className="grid items-start"
          style={{ gridTemplateColumns: `${labelPx}px minmax(0, 1fr)` }}
        >
          <dl className="flex flex-col gap-0.5 pr-2 text-sm">
            <dt className="font-medium">{word}</dt>
            {parts.map((part) => (
              <dd key={part.word} className="flex items-center gap-1.5">
                <span
                  aria-hidden="true"
                  className={`w-3 border-t-2 ${part.line.dashed === true ? "border-dashed" : ""}`}
                  style={{ borderColor: `var(--${part.line.token})` }}
                />
                <span className="text-n8">{part.word}</span>
                <span className="ml-auto">{amount(valueAt(part.line.values))}</span>
              </dd>
            ))}
          </dl>
          <Plot
            at={at}
            lines={parts.map(({ line }) => line)}
            range={shown}
            height={HEIGHT_PX}
            label={`${word}: ${parts.map((part) => `${part.word} ${amount(last(part.line.values))}`).join(", ")} at the end`}
            amount={(value) => amount(value)}
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

interface Chart {
  readonly word: string;
  readonly parts: readonly { readonly word: string; readonly line: Line }[];
  readonly amount: (value: number | null) => string;
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
