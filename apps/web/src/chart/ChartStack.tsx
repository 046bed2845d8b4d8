import { useMemo, useState } from "react";
import { useNarrow } from "../lib/narrow.ts";
import { clockTime } from "../lib/time.ts";
import { last } from "./last.ts";
import { Plot, type Line } from "./Plot.tsx";

export interface Chart {
  readonly word: string;
  /** A value with its unit; null where nothing was reported. */
  readonly amount: (value: number | null) => string;
  readonly parts: readonly { readonly word: string; readonly line: Line }[];
}

interface ChartStackProps {
  /** Seconds since the epoch of each point. */
  readonly at: readonly number[];
  readonly charts: readonly Chart[];
  /** Milliseconds since the epoch at both ends, unless somebody draws a shorter range with the pointer. */
  readonly range: readonly [number, number];
  readonly labelPx: number;
  readonly height: number;
  /** What else is to be said of the point under the cursor, after its time. */
  readonly caption?: (point: number) => string;
}

/** Charts one below the other over one time, with one cursor; each with its lines' names and values, and gaps as gaps. */
export function ChartStack({ at, charts, range, labelPx, height, caption }: ChartStackProps) {
  const [zoom, setZoom] = useState<readonly [number, number] | undefined>(undefined);
  const [point, setPoint] = useState<number | undefined>(undefined);
  const isNarrow = useNarrow();
  const [from, to] = range;
  const shown = useMemo(() => zoom ?? ([from / 1_000, to / 1_000] as const), [zoom, from, to]);
  const moment = point === undefined ? undefined : at[point];
  return (
    <div className="flex flex-col gap-2">
      <p className="flex min-h-5 flex-wrap items-center justify-end gap-x-3 text-sm text-n8">
        {point === undefined || moment === undefined
          ? null
          : [clockTime(moment * 1_000).slice(0, 8), ...(caption === undefined ? [] : [caption(point)])].join(
              " · ",
            )}
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
      {charts.map(({ word, amount, parts }, index) => (
        <div
          key={word}
          className="grid items-start gap-y-1"
          style={{ gridTemplateColumns: isNarrow ? "minmax(0, 1fr)" : `${labelPx}px minmax(0, 1fr)` }}
        >
          <dl className="flex flex-col gap-0.5 pr-2 text-sm max-md:flex-row max-md:flex-wrap max-md:gap-x-3">
            <dt className="font-medium">{word}</dt>
            {parts.map((part) => (
              <dd key={part.word} className="flex min-w-0 items-center gap-1.5">
                <span
                  aria-hidden="true"
                  className={`w-3 shrink-0 border-t-2 ${part.line.dashed === true ? "border-dashed" : ""}`}
                  style={{ borderColor: `var(--${part.line.token})` }}
                />
                <span className="truncate text-n8">{part.word}</span>
                <span className="ml-auto">
                  {amount(point === undefined ? last(part.line.values) : (part.line.values[point] ?? null))}
                </span>
              </dd>
            ))}
          </dl>
          <Plot
            at={at}
            lines={parts.map(({ line }) => line)}
            range={shown}
            height={height}
            label={`${word}: ${parts.map((part) => `${part.word} ${amount(last(part.line.values))}`).join(", ")} at the end`}
            amount={amount}
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
