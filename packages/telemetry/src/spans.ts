import type { ExportTraceServiceRequest, KeyValue, Span } from "./gen/otlp_pb.ts";
import {
  FUTURE_MS_MAX,
  METRIC_NAME_CHARS_MAX,
  PAST_MS_MAX,
  SPAN_ATTRIBUTES_CHARS_MAX,
  SPAN_MS_MAX,
  SPAN_NAME_CHARS_MAX,
  SPAN_STATUS_CHARS_MAX,
  SPANS_PER_BODY_MAX,
} from "./limits.ts";
import { boundedAttributes, cut, storable, textOf } from "./values.ts";

/** By the numbers that OTLP gives them. */
export const SPAN_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
export type SpanKind = (typeof SPAN_KINDS)[number];
export const SPAN_STATUSES = ["unset", "ok", "error"] as const;
export type SpanStatus = (typeof SPAN_STATUSES)[number];

/** One span of an agent's own work. */
export interface OwnSpan {
  /** 32 and 16 characters of lower-case hex. */
  readonly traceId: string;
  readonly spanId: string;
  /** null: the trace began here. */
  readonly parentSpanId: string | null;
  readonly name: string;
  readonly kind: SpanKind;
  /** Microseconds since the epoch. */
  readonly startUs: number;
  readonly durationUs: number;
  readonly status: SpanStatus;
  readonly statusMessage: string;
  /** `service.name` of the resource; empty when not said. */
  readonly service: string;
  /** A JSON object. */
  readonly attributes: string;
}

export interface NormalisedSpans {
  /** In order of their beginning, the newest last; at most `SPANS_PER_BODY_MAX`. */
  readonly spans: readonly OwnSpan[];
  readonly rejected: number;
  /** What was left out or mended, in words. */
  readonly remarks: readonly string[];
}

/** The spans of a request, bounded; those without ids are rejected. Secrets are still in them. `now` in ms since the epoch. */
export function ownSpansOf(request: ExportTraceServiceRequest, now: number): NormalisedSpans {
  const spans: OwnSpan[] = [];
  let nameless = 0;
  let odd = 0;
  for (const { resource, scopeSpans } of request.resourceSpans) {
    const service = serviceOf(resource?.attributes ?? []);
    for (const { scope, spans: list } of scopeSpans) {
      for (const span of list) {
        const traceId = idOf(span.traceId, 16);
        const spanId = idOf(span.spanId, 8);
        if (traceId === null || spanId === null) {
          nameless += 1;
          continue;
        }
        const times = timesOf(span, now);
        if (!times.isSane) odd += 1;
        spans.push({
          traceId,
          spanId,
          parentSpanId: idOf(span.parentSpanId, 8),
          name: cut(storable(span.name), SPAN_NAME_CHARS_MAX),
          kind: SPAN_KINDS[span.kind] ?? "unspecified",
          startUs: times.startUs,
          durationUs: times.durationUs,
          status: SPAN_STATUSES[span.status?.code ?? 0] ?? "unset",
          statusMessage: cut(storable(span.status?.message ?? ""), SPAN_STATUS_CHARS_MAX),
          service,
          attributes: boundedAttributes(scope?.name ?? "", span.attributes, SPAN_ATTRIBUTES_CHARS_MAX),
        });
      }
    }
  }
  spans.sort((left, right) => left.startUs - right.startUs);
  const over = Math.max(0, spans.length - SPANS_PER_BODY_MAX);
  return {
    spans: spans.slice(-SPANS_PER_BODY_MAX),
    rejected: nameless + over,
    remarks: [
      ...(nameless === 0 ? [] : [`a span without a trace id or a span id: not stored (${nameless})`]),
      ...(over === 0
        ? []
        : [`more than ${SPANS_PER_BODY_MAX} spans in one body, the newest were kept: not stored (${over})`]),
      ...(odd === 0 ? [] : [`a time far from now: taken as begun on arrival (${odd})`]),
    ],
  };
}

/** Hex of an id of so many bytes; null for one of another length or of zeros alone, which OTLP calls invalid. */
function idOf(bytes: Uint8Array, length: number): string | null {
  return bytes.length === length && bytes.some((byte) => byte !== 0) ? bytes.toHex() : null;
}

function timesOf({ startTimeUnixNano: start, endTimeUnixNano: end }: Span, now: number) {
  const startMs = Number(start) / 1e6;
  const isSane = startMs <= now + FUTURE_MS_MAX && startMs >= now - PAST_MS_MAX;
  const took = end > start ? Number((end - start) / 1_000n) : 0;
  return {
    isSane,
    startUs: isSane ? Number(start / 1_000n) : Math.trunc(now) * 1_000,
    durationUs: Math.min(took, SPAN_MS_MAX * 1_000),
  };
}

function serviceOf(attributes: readonly KeyValue[]): string {
  const said = attributes.findLast(({ key }) => key === "service.name");
  return cut(textOf(said?.value), METRIC_NAME_CHARS_MAX);
}
