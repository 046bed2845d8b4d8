/** OTLP as agents send it about themselves: bodies in, bounded points, log records and spans out. Pure: no IO, no clock. */
export {
  decodeOtlp,
  encodeAnswer,
  encodeStatus,
  OTLP_FORMATS,
  type OtlpDecoded,
  type OtlpFormat,
  type OtlpRequest,
  type PartialSuccess,
} from "./decode.ts";
export * from "./limits.ts";
export { ownLogsOf, type NormalisedLogs, type OwnLog } from "./logs.ts";
export {
  componentMeasure,
  COUNTED,
  countsForAgent,
  MEASURES,
  OTLP_SIGNALS,
  totalIndex,
  TOTALS_LENGTH,
  totalsOf,
  type ComponentKind,
  type ComponentMeasure,
  type Measure,
  type Signal,
  type Totals,
} from "./measures.ts";
export {
  reportsOf,
  SERIES_KINDS,
  type Normalised,
  type Point,
  type Report,
  type Series,
  type SeriesKind,
} from "./points.ts";
export {
  ownSpansOf,
  SPAN_KINDS,
  SPAN_STATUSES,
  type NormalisedSpans,
  type OwnSpan,
  type SpanKind,
  type SpanStatus,
} from "./spans.ts";
export { errorPercent, type Counts } from "./rates.ts";
