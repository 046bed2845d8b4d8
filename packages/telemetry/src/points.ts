import {
  AggregationTemporality,
  type ExportMetricsServiceRequest,
  type KeyValue,
  type Metric,
} from "./gen/otlp_pb.ts";
import {
  ATTRIBUTE_KEY_CHARS_MAX,
  ATTRIBUTE_VALUE_CHARS_MAX,
  ATTRIBUTES_PER_SERIES_MAX,
  FUTURE_MS_MAX,
  METRIC_NAME_CHARS_MAX,
  PAST_MS_MAX,
  REPORT_SPREAD_MS,
  REPORTS_PER_BODY_MAX,
  SERIES_PER_REPORT_MAX,
  UNIT_CHARS_MAX,
} from "./limits.ts";
import { componentMeasure, totalsOf, type ComponentMeasure, type Totals } from "./measures.ts";
import { cut, storable, textOf } from "./values.ts";

/** `counter`: counts up since the process began. `delta`: the amount since the last report. `gauge`: a level. */
export const SERIES_KINDS = ["gauge", "counter", "delta"] as const;
export type SeriesKind = (typeof SERIES_KINDS)[number];

export interface Series {
  /** Name and attributes in one text, the same for the same series whoever reports it. */
  readonly key: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly kind: SeriesKind;
  readonly unit: string;
}

export interface Point {
  readonly series: Series;
  readonly measure: ComponentMeasure | null;
  readonly value: number;
}

/** What an agent measured of itself at one moment. */
export interface Report {
  /** ms since the epoch. */
  readonly atMs: number;
  /**
   * Since when the counted totals count; null when not said. A later one than in the report before means that they
   * began at 0 again. Amounts since the last report (delta) have the last report's moment here, so they need no case of
   * their own.
   */
  readonly startedAtMs: number | null;
  readonly totals: Totals;
  readonly points: readonly Point[];
}

export interface Normalised {
  /** In order of time. */
  readonly reports: readonly Report[];
  readonly rejected: number;
  /** Sentences about what was rejected or changed; empty when all was well. */
  readonly remarks: readonly string[];
}

interface Raw {
  atMs: number;
  startMs: number;
  value: number;
  series: Series;
  measure: ComponentMeasure | null;
}

/** The points of a request as reports, with everything odd about them rejected or mended. `now` in ms since the epoch. */
export function reportsOf(request: ExportMetricsServiceRequest, now: number): Normalised {
  const remarks = new Map<string, number>();
  let rejected = 0;
  const reject = (why: string, count = 1) => {
    rejected += count;
    remark(remarks, `${why}: not stored`, count);
  };
  const raws: Raw[] = [];
  for (const { scopeMetrics } of request.resourceMetrics)
    for (const { metrics } of scopeMetrics)
      for (const metric of metrics) readMetric(metric, now, raws, reject, remarks);
  raws.sort((left, right) => left.atMs - right.atMs);
  let reports = inReports(raws, reject);
  if (reports.length > REPORTS_PER_BODY_MAX) {
    for (const report of reports.slice(0, -REPORTS_PER_BODY_MAX))
      reject(`more than ${REPORTS_PER_BODY_MAX} moments in one body`, report.points.length);
    reports = reports.slice(-REPORTS_PER_BODY_MAX);
  }
  return {
    reports,
    rejected,
    remarks: [...remarks].map(([what, count]) => `${what} (${count})`),
  };
}

type Reject = (why: string, count?: number) => void;

function readMetric(
  metric: Metric,
  now: number,
  raws: Raw[],
  reject: Reject,
  remarks: Map<string, number>,
): void {
  const { data } = metric;
  if (data.case === undefined || data.value.dataPoints.length === 0) return;
  const name = storable(metric.name);
  if (name === "" || name.length > METRIC_NAME_CHARS_MAX) {
    reject(
      `a metric's name has no or more than ${METRIC_NAME_CHARS_MAX} characters`,
      data.value.dataPoints.length,
    );
    return;
  }
  const unit = cut(storable(metric.unit), UNIT_CHARS_MAX);
  const add = (
    name: string,
    kind: SeriesKind,
    point: { timeUnixNano: bigint; startTimeUnixNano: bigint; attributes: KeyValue[] },
    value: number | undefined,
  ) => {
    if (value === undefined || !Number.isFinite(value)) return reject("a value is missing or not finite");
    const attributes = attributesOf(point.attributes);
    if (attributes === null)
      return reject(`more than ${ATTRIBUTES_PER_SERIES_MAX} attributes, or a name of one too long`);
    const said = Number(point.timeUnixNano) / 1e6;
    const isSane = said <= now + FUTURE_MS_MAX && said >= now - PAST_MS_MAX;
    if (!isSane) remark(remarks, "a time far from now: taken as measured on arrival", 1);
    raws.push({
      atMs: Math.trunc(isSane ? said : now),
      startMs: kind === "gauge" ? 0 : Math.trunc(Number(point.startTimeUnixNano) / 1e6),
      value,
      series: { key: keyOf(name, attributes), name, attributes, kind, unit },
      measure: componentMeasure(name, attributes),
    });
  };
  switch (data.case) {
    case "gauge":
    case "sum": {
      const kind = data.case === "gauge" || !data.value.isMonotonic ? "gauge" : kindOf(data.value);
      for (const point of data.value.dataPoints) {
        if (hasNoValue(point.flags)) continue;
        add(name, kind, point, point.value.case === undefined ? undefined : Number(point.value.value));
      }
      return;
    }
    case "histogram":
    case "exponentialHistogram":
    case "summary": {
      const kind = data.case === "summary" ? "counter" : kindOf(data.value);
      for (const point of data.value.dataPoints) {
        if (hasNoValue(point.flags)) continue;
        add(`${name}_count`, kind, point, Number(point.count));
        if (point.sum !== undefined) add(`${name}_sum`, kind, point, point.sum);
      }
    }
  }
}

function kindOf({ aggregationTemporality }: { aggregationTemporality: AggregationTemporality }): SeriesKind {
  return aggregationTemporality === AggregationTemporality.DELTA ? "delta" : "counter";
}

/** DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK. */
function hasNoValue(flags: number): boolean {
  return (flags & 1) !== 0;
}

function attributesOf(pairs: readonly KeyValue[]): Record<string, string> | null {
  if (pairs.length > ATTRIBUTES_PER_SERIES_MAX) return null;
  const entries: [string, string][] = [];
  for (const { key, value } of pairs) {
    if (key.length > ATTRIBUTE_KEY_CHARS_MAX) return null;
    entries.push([storable(key), cut(textOf(value), ATTRIBUTE_VALUE_CHARS_MAX)]);
  }
  if (entries.length > 1) entries.sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(entries);
}

/** The attributes are sorted by name already. */
function keyOf(name: string, attributes: Readonly<Record<string, string>>): string {
  return `${name}${JSON.stringify(attributes)}`;
}

function inReports(raws: readonly Raw[], reject: Reject): Report[] {
  const reports: Report[] = [];
  let from = 0;
  for (let to = 1; to <= raws.length; to += 1) {
    const [first, next] = [raws[from], raws[to]];
    if (first === undefined || (next !== undefined && next.atMs - first.atMs < REPORT_SPREAD_MS)) continue;
    reports.push(reportOf(first.atMs, raws.slice(from, to), reject));
    from = to;
  }
  return reports;
}

function reportOf(atMs: number, raws: readonly Raw[], reject: Reject): Report {
  const byKey = new Map<string, Raw>();
  let twice = 0;
  // What is known of Collectors comes first, so that a flood of other series cannot push it out.
  for (const known of [true, false]) {
    for (const raw of raws) {
      if ((raw.measure !== null) !== known) continue;
      if (byKey.has(raw.series.key)) twice += 1;
      else byKey.set(raw.series.key, raw);
    }
  }
  if (twice > 0) reject("a series comes twice at one moment", twice);
  const kept = [...byKey.values()].slice(0, SERIES_PER_REPORT_MAX);
  if (kept.length < byKey.size)
    reject(`more than ${SERIES_PER_REPORT_MAX} series at one moment`, byKey.size - kept.length);
  const counted = kept.filter(({ measure, startMs }) => measure !== null && startMs > 0);
  const starts = (counted.length > 0 ? counted : kept).map(({ startMs }) => startMs).filter((ms) => ms > 0);
  return {
    atMs,
    startedAtMs: starts.length === 0 ? null : starts.reduce((least, ms) => Math.min(least, ms)),
    totals: totalsOf(kept),
    points: kept.map(({ series, measure, value }) => ({ series, measure, value })),
  };
}

function remark(remarks: Map<string, number>, what: string, count: number): void {
  remarks.set(what, (remarks.get(what) ?? 0) + count);
}
