// What of a Collector's own metrics says how much went through it. Names differ over versions and ways: with or without
// `_total`, with a unit in the name, with dots; what they mean does not.

export const OTLP_SIGNALS = ["traces", "metrics", "logs"] as const;
export type Signal = (typeof OTLP_SIGNALS)[number];

export const MEASURES = ["accepted", "refused", "sent", "failed", "queue_size", "queue_capacity"] as const;
export type Measure = (typeof MEASURES)[number];
/** Those that count up from the start of the process; the others are levels. */
export const COUNTED: readonly Measure[] = ["accepted", "refused", "sent", "failed"];

export type ComponentKind = "receiver" | "processor" | "exporter" | "scraper";

/** Whose figure a series is: of which component, for which signal. */
export interface ComponentMeasure {
  readonly kind: ComponentKind;
  /** Its id in the configuration, such as `otlp/2`. */
  readonly component: string;
  readonly signal: Signal;
  readonly measure: Measure;
}

const NAME =
  /^otelcol[._](receiver|processor|exporter|scraper)[._]([a-z_.]+?)(?:__[a-z_]+__)?(?:[._](?:batches|items))?(?:[._]*total)?$/;

const WHAT: Readonly<Record<ComponentKind, Readonly<Record<string, Measure>>>> = {
  receiver: { accepted: "accepted", refused: "refused", failed: "refused" },
  scraper: { scraped: "accepted", errored: "refused" },
  processor: {
    incoming: "accepted",
    outgoing: "sent",
    refused: "refused",
    dropped: "failed",
    // Before 0.110.
    accepted: "accepted",
  },
  exporter: { sent: "sent", send_failed: "failed", enqueue_failed: "failed" },
};

const SIGNAL_OF_ITEMS: Readonly<Record<string, Signal>> = {
  spans: "traces",
  metric_points: "metrics",
  log_records: "logs",
};

/**
 * What a series of a Collector measures, or null when it is about something else. Several may measure the same thing
 * (items that could not be queued and items that could not be sent both failed): add them.
 */
export function componentMeasure(
  name: string,
  attributes: Readonly<Record<string, string>>,
): ComponentMeasure | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  const kind = match[1] as ComponentKind;
  const what = (match[2] ?? "").replaceAll(".", "_");
  const component = attributes[kind] ?? attributes["otelcol.component.id"];
  if (component === undefined) return null;
  if (kind === "exporter" && (what === "queue_size" || what === "queue_capacity")) {
    const signal = signalNamed(attributes["data_type"] ?? attributes["otel.signal"]);
    return signal === null ? null : { kind, component, signal, measure: what };
  }
  const [, verb = what, items] = /^(.+?)_(spans|metric_points|log_records)$/.exec(what) ?? [];
  const measure = WHAT[kind][verb];
  const signal =
    items === undefined
      ? signalNamed(attributes["otel.signal"] ?? attributes["otel_signal"])
      : (SIGNAL_OF_ITEMS[items] ?? null);
  return measure === undefined || signal === null ? null : { kind, component, signal, measure };
}

function signalNamed(text: string | undefined): Signal | null {
  return OTLP_SIGNALS.find((signal) => signal === text) ?? null;
}

/** Figures of a whole agent, one for each signal and measure; null where nothing was reported. */
export type Totals = readonly (number | null)[];
export const TOTALS_LENGTH = OTLP_SIGNALS.length * MEASURES.length;

/** Where a signal's measure stands in `Totals`. Stored rows have this order: it must never change. */
export function totalIndex(signal: Signal, measure: Measure): number {
  return OTLP_SIGNALS.indexOf(signal) * MEASURES.length + MEASURES.indexOf(measure);
}

/** Whether a figure counts for the agent as a whole: what comes in at receivers and goes out at exporters. */
export function countsForAgent({ kind }: ComponentMeasure): boolean {
  return kind === "receiver" || kind === "exporter";
}

/** The sum over an agent's components of each figure. */
export function totalsOf(
  points: Iterable<{ readonly measure: ComponentMeasure | null; readonly value: number }>,
): Totals {
  const totals = Array.from<number | null>({ length: TOTALS_LENGTH }).fill(null);
  for (const { measure, value } of points) {
    if (measure === null || !countsForAgent(measure)) continue;
    const index = totalIndex(measure.signal, measure.measure);
    totals[index] = (totals[index] ?? 0) + value;
  }
  return totals;
}
