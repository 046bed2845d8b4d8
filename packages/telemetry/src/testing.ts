// Bodies as a Collector sends them, for tests and benchmarks.

import { create, toBinary, toJson, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AggregationTemporality,
  ExportLogsServiceRequestSchema,
  ExportMetricsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  type ExportMetricsServiceRequest,
  type ExportTraceServiceRequest,
} from "./gen/otlp_pb.ts";

type MetricInit = NonNullable<
  NonNullable<
    NonNullable<
      MessageInitShape<typeof ExportMetricsServiceRequestSchema>["resourceMetrics"]
    >[number]["scopeMetrics"]
  >[number]["metrics"]
>[number];

/** A counter or level to be reported: name, value, attributes. */
export interface TestMetric {
  readonly name: string;
  readonly value: number;
  readonly attributes?: Readonly<Record<string, string>>;
  readonly kind?: "counter" | "delta" | "gauge";
}

const nanos = (ms: number) => BigInt(Math.round(ms)) * 1_000_000n;

export function metricsRequest(
  atMs: number,
  startMs: number,
  metrics: readonly TestMetric[],
): ExportMetricsServiceRequest {
  const inits = metrics.map(({ name, value, attributes = {}, kind = "counter" }): MetricInit => {
    const point = {
      timeUnixNano: nanos(atMs),
      startTimeUnixNano: kind === "gauge" ? 0n : nanos(startMs),
      value: Number.isInteger(value)
        ? { case: "asInt" as const, value: BigInt(value) }
        : { case: "asDouble" as const, value },
      attributes: Object.entries(attributes).map(([key, text]) => ({
        key,
        value: { value: { case: "stringValue" as const, value: text } },
      })),
    };
    if (kind === "gauge") return { name, data: { case: "gauge", value: { dataPoints: [point] } } };
    const aggregationTemporality =
      kind === "delta" ? AggregationTemporality.DELTA : AggregationTemporality.CUMULATIVE;
    return {
      name,
      data: { case: "sum", value: { dataPoints: [point], isMonotonic: true, aggregationTemporality } },
    };
  });
  return create(ExportMetricsServiceRequestSchema, {
    resourceMetrics: [{ scopeMetrics: [{ metrics: inits }] }],
  });
}

export function metricsBody(request: ExportMetricsServiceRequest): Uint8Array {
  return toBinary(ExportMetricsServiceRequestSchema, request);
}

export function metricsJson(request: ExportMetricsServiceRequest): string {
  return JSON.stringify(toJson(ExportMetricsServiceRequestSchema, request));
}

/** Records as `[time, severity, text, attributes]`. */
/** A span to be sent: ids in hex, times in ms since the epoch. */
export interface TestSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly kind?: number;
  readonly status?: { readonly code: number; readonly message: string };
  readonly attributes?: Readonly<Record<string, string>>;
}

export function spansRequest(service: string, spans: readonly TestSpan[]): ExportTraceServiceRequest {
  const text = (key: string, value: string) => ({
    key,
    value: { value: { case: "stringValue" as const, value } },
  });
  return create(ExportTraceServiceRequestSchema, {
    resourceSpans: [
      {
        resource: { attributes: [text("service.name", service)] },
        scopeSpans: [
          {
            scope: { name: "test" },
            spans: spans.map(({ traceId, spanId, parentSpanId = "", attributes = {}, ...span }) => ({
              traceId: Uint8Array.fromHex(traceId),
              spanId: Uint8Array.fromHex(spanId),
              parentSpanId: Uint8Array.fromHex(parentSpanId),
              name: span.name,
              kind: span.kind ?? 1,
              startTimeUnixNano: nanos(span.startMs),
              endTimeUnixNano: nanos(span.endMs),
              ...(span.status === undefined ? {} : { status: span.status }),
              attributes: Object.entries(attributes).map(([key, value]) => text(key, value)),
            })),
          },
        ],
      },
    ],
  });
}

export function spansBody(service: string, spans: readonly TestSpan[]): Uint8Array {
  return toBinary(ExportTraceServiceRequestSchema, spansRequest(service, spans));
}

export function logsBody(
  records: readonly (readonly [number, number, string, Readonly<Record<string, string>>?])[],
): Uint8Array {
  return toBinary(
    ExportLogsServiceRequestSchema,
    create(ExportLogsServiceRequestSchema, {
      resourceLogs: [
        {
          scopeLogs: [
            {
              scope: { name: "test" },
              logRecords: records.map(([at, severityNumber, text, attributes = {}]) => ({
                timeUnixNano: nanos(at),
                severityNumber,
                body: { value: { case: "stringValue" as const, value: text } },
                attributes: Object.entries(attributes).map(([key, value]) => ({
                  key,
                  value: { value: { case: "stringValue" as const, value } },
                })),
              })),
            },
          ],
        },
      ],
    }),
  );
}

/** What a Collector with one otlp receiver and one otlp_http exporter counts, by its own names. */
export function collectorMetrics(counts: {
  accepted: number;
  refused?: number;
  sent: number;
  failed?: number;
  queue?: number;
}): TestMetric[] {
  const receiver = { receiver: "otlp", transport: "http" };
  const exporter = { exporter: "otlp_http" };
  return [
    { name: "otelcol_receiver_accepted_spans", value: counts.accepted, attributes: receiver },
    { name: "otelcol_receiver_refused_spans", value: counts.refused ?? 0, attributes: receiver },
    { name: "otelcol_exporter_sent_spans", value: counts.sent, attributes: exporter },
    { name: "otelcol_exporter_send_failed_spans", value: counts.failed ?? 0, attributes: exporter },
    {
      name: "otelcol_exporter_queue_size",
      value: counts.queue ?? 0,
      attributes: { ...exporter, data_type: "traces" },
      kind: "gauge",
    },
    {
      name: "otelcol_exporter_queue_capacity",
      value: 1_000,
      attributes: { ...exporter, data_type: "traces" },
      kind: "gauge",
    },
    { name: "otelcol_process_uptime", value: 12.5 },
  ];
}
