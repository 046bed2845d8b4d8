import { useQuery } from "@tanstack/react-query";
import { useMemo, useState, useSyncExternalStore } from "react";
import { isTerminal, type Run } from "@flowplane/contract";
import { q } from "../../../api/query.ts";
import { AXIS_PX, Plot, TIMES_PX } from "../../../chart/Plot.tsx";
import { isNarrow, useNarrow } from "../../../lib/narrow.ts";
import { useNow } from "../../../lib/now.ts";
import { stored } from "../../../lib/stored.ts";
import { clockTime } from "../../../lib/time.ts";
import { CURVES, curvesOf, type CurveName, type Curves } from "./curves.ts";
import { CurveTable } from "./CurveTable.tsx";
import { CURVE_LOOK } from "./curveLook.ts";
import { Lanes } from "./Lanes.tsx";
import { marksOf, spansOf } from "./marks.ts";

const POINTS = 600;
const REREAD_MS = 5_000;
const EVENTS_MAX = 200;
const INCIDENTS_MAX = 100;
const PLOT_PX = 42;
/** Two samples. */
const CURVES_FROM_MS = 2 * REREAD_MS;
const LABEL_PX = 128;
const NARROW_LABEL_PX = 92;
/** A run's axis is never shorter than this, so that a quick one is still seen. */
const RANGE_SECONDS_MIN = 2;

/** Names with commas between; "none" when somebody wants none. */
const shownCurves = stored<string>("run.curves", isNarrow() ? "none" : "cpu,memory,output", (text) =>
  text === "" ? undefined : text,
);

interface RunAxisProps {
  readonly run: Run;
  readonly onMoment: (ms: number) => void;
  readonly onLine: (line: number) => void;
}

/** One time axis for everything about a run: state, what it used, what was seen in it and what was done. */
export default function RunAxis({ run, onMoment, onLine }: RunAxisProps) {
  const isLive = !isTerminal(run.state);
  const params = { run_id: run.id };
  const { data: samples, isPending: areSamplesPending } = useQuery({
    ...q("runSamples", { params, query: { points: POINTS } }),
    ...(isLive ? { refetchInterval: REREAD_MS } : {}),
  });
  const events = useQuery(q("runEvents", { params, query: { limit: EVENTS_MAX } })).data?.items;
  const incidents = useQuery({
    ...q("incidentList", { query: { run_id: run.id, limit: INCIDENTS_MAX } }),
    enabled: run.incidents.total > 0,
  }).data?.items;
  const [wantsDecisions, setWantsDecisions] = useState(false);
  const replay = useQuery({
    ...q("runReplay", { params, body: {} }),
    enabled: wantsDecisions,
    staleTime: "static",
    retry: false,
  });
  const [zoom, setZoom] = useState<readonly [number, number] | undefined>(undefined);
  const [point, setPoint] = useState<number | undefined>(undefined);
  const [asTable, setAsTable] = useState(false);
  const chosen = useSyncExternalStore(shownCurves.subscribe, shownCurves.get).split(",");
  const labelPx = useNarrow() ? NARROW_LABEL_PX : LABEL_PX;
  const curves = useMemo(() => curvesOf(samples?.items ?? [], samples?.every_ms ?? 0), [samples]);
  const now = useNow();
  const end = run.ended_at === null ? now : Date.parse(run.ended_at);
  const whole = useWholeRange(run, isLive ? Math.ceil(end / REREAD_MS) * REREAD_MS : end);
  const range = zoom ?? whole;
  const spans = spansOf(run, events ?? [], end);
  const marks = marksOf(run, incidents ?? [], replay.data?.decisions ?? []);
  const shown = CURVES.filter((name) => chosen.includes(name));
  const hasCurves = curves.at.length > 1;
  // A run of some length has curves; their place is kept while they come, so that the log below does not move.
  const expectsCurves =
    areSamplesPending && run.started_at !== null && end - Date.parse(run.started_at) > CURVES_FROM_MS;
  const toggle = (name: CurveName) =>
    shownCurves.set(
      (chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]).join(),
    );
  return (
    <section aria-label="Over time" className="border-t border-n4 px-6 pt-1 pb-1 max-md:px-4">
      <div className="flex flex-wrap items-center gap-x-1 gap-y-0.5 text-sm">
        <div role="group" aria-label="Curves" className="flex flex-wrap gap-0.5">
          {hasCurves
            ? CURVES.map((name) => (
                <Toggle key={name} isOn={chosen.includes(name)} onToggle={() => toggle(name)}>
                  {CURVE_LOOK[name].word}
                </Toggle>
              ))
            : null}
        </div>
        <span className="ml-auto flex flex-wrap items-center gap-0.5">
          {point === undefined || curves.at[point] === undefined ? null : (
            <span className="pr-2 text-n8">{clockTime(curves.at[point] * 1_000).slice(0, 8)}</span>
          )}
          {zoom === undefined ? null : (
            <Toggle isOn={false} onToggle={() => setZoom(undefined)}>
              Whole run
            </Toggle>
          )}
          {run.started_at === null ? null : (
            <Toggle isOn={wantsDecisions} onToggle={() => setWantsDecisions(!wantsDecisions)}>
              {replay.isFetching ? "Replaying…" : "Decisions"}
            </Toggle>
          )}
          {hasCurves ? (
            <Toggle isOn={asTable} onToggle={() => setAsTable(!asTable)}>
              As a table
            </Toggle>
          ) : null}
        </span>
      </div>
      {replay.error === null ? null : (
        <p role="alert" className="text-sm text-bad">
          {replay.error.message}
        </p>
      )}
      <Lanes
        spans={spans}
        marks={marks}
        range={range}
        labelPx={labelPx}
        axisPx={AXIS_PX}
        showTimes={!(hasCurves || expectsCurves) || shown.length === 0}
        onMoment={onMoment}
        onLine={onLine}
      />
      {expectsCurves && shown.length > 0 ? (
        <div aria-hidden="true" style={{ height: shown.length * PLOT_PX + TIMES_PX }} />
      ) : null}
      {hasCurves && !asTable
        ? shown.map((name, index) => (
            <div
              key={name}
              className="grid items-center"
              style={{ gridTemplateColumns: `${labelPx}px minmax(0, 1fr)` }}
            >
              <CurveLabel name={name} curves={curves} point={point} />
              <Plot
                at={curves.at}
                lines={CURVE_LOOK[name].lines(curves)}
                range={range}
                height={PLOT_PX}
                label={CURVE_LOOK[name].summary(curves)}
                amount={CURVE_LOOK[name].amount}
                ofBytes={CURVE_LOOK[name].ofBytes === true}
                showTimes={index === shown.length - 1}
                onMoment={onMoment}
                onZoom={setZoom}
                onPoint={setPoint}
              />
            </div>
          ))
        : null}
      {hasCurves && asTable ? <CurveTable curves={curves} onMoment={onMoment} /> : null}
    </section>
  );
}

/** While a run lives its axis grows in steps, so that curves do not crawl with every second. */
function useWholeRange(run: Run, end: number): readonly [number, number] {
  const start = Date.parse(run.created_at) / 1_000;
  return useMemo(() => [start, Math.max(end / 1_000, start + RANGE_SECONDS_MIN)] as const, [start, end]);
}

function CurveLabel({ name, curves, point }: { name: CurveName; curves: Curves; point: number | undefined }) {
  const look = CURVE_LOOK[name];
  return (
    <span className="flex min-w-0 flex-col pr-2 text-sm leading-4">
      <span className="text-n8">{look.word}</span>
      <span className="truncate font-medium" title={look.value(curves, point ?? curves.at.length - 1)}>
        {look.value(curves, point ?? curves.at.length - 1)}
      </span>
    </span>
  );
}

function Toggle({
  isOn,
  onToggle,
  children,
}: {
  isOn: boolean;
  onToggle: () => void;
  children: React.ReactNode;
}) {
  return (
    <button
      type="button"
      aria-pressed={isOn}
      onClick={onToggle}
      className="h-6 rounded-sm px-1.5 text-n8 hover:bg-n2 hover:text-n10 aria-pressed:bg-n3 aria-pressed:text-n10 max-md:h-8"
    >
      {children}
    </button>
  );
}
