import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { Id, ListQuery, page, Timestamp } from "./common.ts";

const tag = "Telemetry";

export const SIGNALS = ["traces", "metrics", "logs"] as const;
export const Signal = z.enum(SIGNALS);

/** Steps of a series are at most this many; a longer range gets wider steps. */
export const TELEMETRY_STEPS_MAX = 1_000;

/** Rates of items a second; null where nothing was reported. */
export const ThroughputSeries = z.object({
  step_seconds: z.number().int(),
  start: Timestamp,
  accepted: z.array(z.number().nullable()),
  refused: z.array(z.number().nullable()),
  sent: z.array(z.number().nullable()),
  failed: z.array(z.number().nullable()),
  queue_size: z.array(z.number().nullable()),
  queue_capacity: z.array(z.number().nullable()),
});
export type ThroughputSeries = z.output<typeof ThroughputSeries>;

const Range = z.object({
  from: Timestamp.optional().describe("default: an hour ago"),
  to: Timestamp.optional().describe("default: now"),
  signal: Signal.optional().describe("default: all three together"),
});

export const ComponentThroughput = z.object({
  kind: z.enum(["receiver", "processor", "exporter", "scraper"]),
  component: z.string(),
  signal: Signal,
  accepted_per_second: z.number().nullable(),
  refused_per_second: z.number().nullable(),
  sent_per_second: z.number().nullable(),
  failed_per_second: z.number().nullable(),
  queue_size: z.number().nullable(),
  queue_capacity: z.number().nullable(),
});
export type ComponentThroughput = z.output<typeof ComponentThroughput>;

/** Which signals agents are offered to send here about themselves. An agent gets those it says it can send. */
export const OwnTelemetrySettings = z.object({
  metrics: z.boolean().default(true),
  logs: z.boolean().default(true),
  traces: z
    .boolean()
    .default(false)
    .describe("an agent's own spans; what it handles for others is not in them"),
  endpoint: z
    .url({ protocol: /^https?$/ })
    .max(2_000)
    .nullable()
    .default(null)
    .describe(
      "where agents are told to send; null: where they reach Flowplane. `/v1/metrics` and the like are appended",
    ),
  sites_off: z.array(Id).max(1_000).default([]).describe("sites whose agents are offered nothing"),
});
export type OwnTelemetrySettings = z.output<typeof OwnTelemetrySettings>;

export const OwnLogRecord = z.object({
  at: Timestamp,
  severity: z.number().int().describe("OTLP severity number; 0 when not said"),
  body: z.string(),
  attributes: z.record(z.string(), z.unknown()),
});
export type OwnLogRecord = z.output<typeof OwnLogRecord>;

export const SPAN_KINDS = ["unspecified", "internal", "server", "client", "producer", "consumer"] as const;
export const SPAN_STATUSES = ["unset", "ok", "error"] as const;
/** Of one trace an answer shows so many spans, in the order of their beginning. */
export const SPANS_SHOWN_MAX = 1_000;

/** A trace of an agent's own work, by its spans that are kept. */
export const OwnTrace = z.object({
  trace_id: z.string(),
  at: Timestamp.describe("when its first span began"),
  duration_us: z.number().int().describe("to the end of its last span, microseconds"),
  spans: z.number().int(),
  errors: z.number().int().describe("spans that ended with an error"),
  name: z.string().describe("of the span it began with, or of the earliest that is kept"),
  service: z.string(),
});
export type OwnTrace = z.output<typeof OwnTrace>;

export const OwnSpan = z.object({
  span_id: z.string(),
  parent_span_id: z.string().nullable(),
  name: z.string(),
  kind: z.enum(SPAN_KINDS),
  service: z.string(),
  status: z.enum(SPAN_STATUSES),
  status_message: z.string(),
  start_us: z.number().int().describe("after the beginning of the trace, microseconds"),
  duration_us: z.number().int(),
  attributes: z.record(z.string(), z.unknown()),
});
export type OwnSpan = z.output<typeof OwnSpan>;

export const MetricSeries = z.object({
  name: z.string(),
  attributes: z.record(z.string(), z.string()),
  kind: z.enum(["gauge", "counter", "delta"]),
  unit: z.string(),
});

export const HEALTH_LEVELS = ["healthy", "warning", "unhealthy", "offline", "unknown"] as const;
export const HealthLevel = z.enum(HEALTH_LEVELS);
export type HealthLevel = z.output<typeof HealthLevel>;

export const telemetryApi = {
  agentThroughput: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/throughput",
    tag,
    summary: "What a Collector accepted, refused, sent and failed to send, over time, by its own telemetry",
    access: "agent:read",
    params: z.object({ agent_id: Id }),
    query: Range,
    response: ThroughputSeries.extend({
      last_reported_at: Timestamp.nullable(),
      components: z.array(ComponentThroughput).describe("over the last five minutes"),
    }),
  }),
  agentOwnLogs: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/own-logs",
    tag,
    summary: "What an agent logged about itself, newest first; secrets redacted",
    access: "agent:read",
    params: z.object({ agent_id: Id }),
    query: ListQuery.extend({
      severity_min: z.coerce
        .number()
        .int()
        .min(0)
        .max(24)
        .default(0)
        .describe("OTLP severity number: 9 is INFO, 13 WARN, 17 ERROR"),
    }),
    response: page(OwnLogRecord),
  }),
  agentOwnTraces: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/own-traces",
    tag,
    summary: "Traces of an agent's own work, the newest first",
    access: "agent:read",
    params: z.object({ agent_id: Id }),
    query: ListQuery.extend({
      errors: z.stringbool().default(false).describe("only those with a span that ended with an error"),
    }),
    response: page(OwnTrace),
  }),
  agentOwnTraceRead: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/own-traces/{trace_id}",
    tag,
    summary: "One trace of an agent's own work with its spans, secrets redacted",
    access: "agent:read",
    params: z.object({ agent_id: Id, trace_id: Id }),
    response: z.object({
      trace_id: z.string(),
      at: Timestamp,
      duration_us: z.number().int(),
      spans: z.array(OwnSpan).max(SPANS_SHOWN_MAX),
      left_out: z.number().int().describe(`spans beyond the first ${SPANS_SHOWN_MAX}`),
    }),
  }),
  telemetryMetrics: endpoint({
    method: "GET",
    path: "/telemetry/metrics",
    tag,
    summary: "Every series of an agent's last report, with its value",
    access: "agent:read",
    query: z.object({ agent_id: Id }),
    response: z.object({
      reported_at: Timestamp.nullable(),
      items: z.array(MetricSeries.extend({ value: z.number() })),
    }),
  }),
  telemetrySeries: endpoint({
    method: "GET",
    path: "/telemetry/series",
    tag,
    summary:
      "The series of one metric of an agent over time: levels as their mean, counters as a rate per second",
    access: "agent:read",
    query: z.object({
      agent_id: Id,
      name: z.string().min(1).max(260),
      from: Timestamp.optional().describe("default: an hour ago"),
      to: Timestamp.optional().describe("default: now"),
    }),
    response: z.object({
      step_seconds: z.number().int(),
      start: Timestamp,
      series: z.array(MetricSeries.omit({ name: true }).extend({ values: z.array(z.number().nullable()) })),
      left_out: z.number().int().describe("series beyond those an answer shows"),
    }),
  }),
  ownTelemetryRead: endpoint({
    method: "GET",
    path: "/telemetry/settings",
    tag,
    summary: "What agents are offered to send here about themselves",
    access: "organization:read",
    response: OwnTelemetrySettings,
  }),
  ownTelemetryChange: endpoint({
    method: "PUT",
    path: "/telemetry/settings",
    tag,
    summary: "Say what agents are offered to send here about themselves",
    access: "organization:write",
    body: OwnTelemetrySettings,
    response: OwnTelemetrySettings,
  }),
  fleetThroughput: endpoint({
    method: "GET",
    path: "/telemetry/throughput",
    tag,
    summary: "Throughput of many Collectors together",
    access: "agent:read",
    query: Range.extend({
      q: z.string().max(500).optional().describe("filter of the fleet's query bar"),
      configuration_id: Id.optional(),
      version: z.coerce.number().int().optional(),
    }),
    response: ThroughputSeries.extend({ agents: z.number().int().describe("that report") }),
  }),
  agentHealthHistory: endpoint({
    method: "GET",
    path: "/agents/{agent_id}/health-history",
    tag,
    summary: "Levels of health over time, the time spent in each, and flaps",
    access: "agent:read",
    params: z.object({ agent_id: Id }),
    query: z.object({ from: Timestamp.optional().describe("default: a day ago"), to: Timestamp.optional() }),
    response: z.object({
      level: HealthLevel,
      score: z.number().int().nullable(),
      since: Timestamp,
      reason: z.string(),
      spans: z.array(
        z.object({ from: Timestamp, to: Timestamp.nullable(), level: HealthLevel, reason: z.string() }),
      ),
      seconds: z.record(HealthLevel, z.number()),
      flaps: z.number().int().describe("changes to and from healthy"),
    }),
  }),
} as const;
