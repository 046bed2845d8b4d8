import type { ThroughputSeries } from "@flowplane/contract";
import { found, paged, type Handlers } from "./answer.ts";
import { iso } from "./random.ts";

const STEP_SECONDS = 60;
const STEPS = 60;

/** An hour that goes up and down, with a few failures in its middle. */
function hour(scale: number): ThroughputSeries {
  const start = Math.floor(Date.now() / 1_000 / STEP_SECONDS - STEPS) * STEP_SECONDS * 1_000;
  const wave = (height: number) =>
    Array.from({ length: STEPS }, (_, step) =>
      step === STEPS - 1 ? null : Math.round(scale * height * (1 + 0.3 * Math.sin(step / 6)) * 10) / 10,
    );
  const failing = wave(12).map((value, step) => (step > 24 && step < 33 ? value : value === null ? null : 0));
  return {
    step_seconds: STEP_SECONDS,
    start: iso(start),
    accepted: wave(400),
    refused: wave(0),
    sent: wave(396),
    failed: failing,
    queue_size: wave(30),
    queue_capacity: wave(0).map((value) => (value === null ? null : 1_000)),
  };
}

const nothing = {
  accepted_per_second: null,
  refused_per_second: null,
  sent_per_second: null,
  failed_per_second: null,
  queue_size: null,
  queue_capacity: null,
};

const span = {
  kind: "internal",
  service: "otelcol",
  status: "unset",
  status_message: "",
  attributes: {},
} as const;
const SPANS = [
  {
    ...span,
    span_id: "0a",
    parent_span_id: null,
    name: "receiver/otlp/TraceDataReceived",
    kind: "server" as const,
    start_us: 0,
    duration_us: 48_000,
  },
  {
    ...span,
    span_id: "0b",
    parent_span_id: "0a",
    name: "processor/batch/traces",
    start_us: 1_200,
    duration_us: 640,
  },
  {
    ...span,
    span_id: "0c",
    parent_span_id: "0a",
    name: "exporter/otlp_http/traces",
    start_us: 2_100,
    duration_us: 45_300,
    status: "error" as const,
    status_message: "connection refused",
    attributes: { exporter: "otlp_http", items: 412 },
  },
  {
    ...span,
    span_id: "0d",
    parent_span_id: "0c",
    name: "HTTP POST",
    kind: "client" as const,
    start_us: 2_400,
    duration_us: 44_100,
  },
];

export const telemetry: Pick<
  Handlers,
  | "agentThroughput"
  | "agentOwnLogs"
  | "agentOwnTraces"
  | "agentOwnTraceRead"
  | "telemetryMetrics"
  | "telemetrySeries"
  | "fleetThroughput"
  | "ownTelemetryRead"
  | "ownTelemetryChange"
  | "agentHealthHistory"
> = {
  agentThroughput: ({ world }, { params }) => {
    found(world.agents.find(({ id }) => id === params.agent_id));
    return {
      ...hour(1),
      last_reported_at: iso(Date.now() - 20_000),
      components: [
        {
          ...nothing,
          kind: "receiver",
          component: "otlp",
          signal: "traces",
          accepted_per_second: 412.5,
          refused_per_second: 0,
        },
        {
          ...nothing,
          kind: "processor",
          component: "batch",
          signal: "traces",
          accepted_per_second: 412.5,
          sent_per_second: 412.5,
        },
        {
          ...nothing,
          kind: "exporter",
          component: "otlp_http",
          signal: "traces",
          sent_per_second: 408.2,
          failed_per_second: 4.3,
          queue_size: 31,
          queue_capacity: 1_000,
        },
      ],
    };
  },
  agentOwnLogs: ({ world }, { params, query }) => {
    found(world.agents.find(({ id }) => id === params.agent_id));
    const records = [
      { severity: 9, body: "Everything is ready. Begin running and processing data." },
      { severity: 13, body: "Exporting failed. Will retry the request after interval." },
    ].map((record, index) => ({ at: iso(Date.now() - index * 60_000), attributes: {}, ...record }));
    return paged(
      records.filter(({ severity }) => severity >= query.severity_min),
      query,
    );
  },
  agentOwnTraces: ({ world }, { params, query }) => {
    found(world.agents.find(({ id }) => id === params.agent_id));
    const traces = [1, 2, 3].map((number) => ({
      trace_id: `5b8efff798038103d269b633813fc60${number}`,
      at: iso(Date.now() - number * 45_000),
      duration_us: 48_000,
      spans: SPANS.length,
      errors: number === 2 ? 0 : 1,
      name: "receiver/otlp/TraceDataReceived",
      service: "otelcol",
    }));
    return paged(
      traces.filter(({ errors }) => errors > 0 || !query.errors),
      query,
    );
  },
  agentOwnTraceRead: ({ world }, { params }) => {
    found(world.agents.find(({ id }) => id === params.agent_id));
    return {
      trace_id: params.trace_id,
      at: iso(Date.now() - 45_000),
      duration_us: 48_000,
      spans: SPANS,
      left_out: 0,
    };
  },
  telemetryMetrics: () => ({
    reported_at: iso(Date.now() - 20_000),
    items: [
      { name: "otelcol_process_uptime", attributes: {}, kind: "counter", unit: "s", value: 86_400 },
      { name: "otelcol_process_memory_rss", attributes: {}, kind: "gauge", unit: "By", value: 93_000_000 },
    ],
  }),
  telemetrySeries: () => {
    const { step_seconds, start, accepted } = hour(1);
    return {
      step_seconds,
      start,
      series: [{ attributes: {}, kind: "gauge", unit: "By", values: accepted }],
      left_out: 0,
    };
  },
  fleetThroughput: ({ world }) => {
    const collectors = world.agents.filter(({ kind }) => kind === "collector").length;
    return { ...hour(collectors), agents: collectors };
  },
  ownTelemetryRead: () => ({ metrics: true, logs: true, traces: false, endpoint: null, sites_off: [] }),
  ownTelemetryChange: (_context, { body }) => body,
  agentHealthHistory: ({ world }, { params }) => {
    found(world.agents.find(({ id }) => id === params.agent_id));
    const at = (hours: number) => iso(Date.now() - hours * 3_600_000);
    return {
      level: "healthy",
      score: 100,
      since: at(2),
      reason: "",
      spans: [
        { from: at(24), to: at(5), level: "healthy", reason: "" },
        {
          from: at(5),
          to: at(4),
          level: "unhealthy",
          reason: "It says that it is not healthy: pipeline:traces",
        },
        { from: at(4), to: at(2), level: "warning", reason: "Nothing was heard of it for more than 60 s." },
        { from: at(2), to: null, level: "healthy", reason: "" },
      ],
      seconds: { healthy: 21 * 3_600, warning: 2 * 3_600, unhealthy: 3_600, offline: 0, unknown: 0 },
      flaps: 2,
    };
  },
};
