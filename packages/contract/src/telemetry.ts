import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { Id, Timestamp } from "./common.ts";

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
  traces: z.boolean().default(false).describe("they are counted and not kept"),
  sites_off: z.array(Id).max(1_000).default([]).describe("sites whose agents are offered nothing"),
});
export type OwnTelemetrySettings = z.output<typeof OwnTelemetrySettings>;

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
