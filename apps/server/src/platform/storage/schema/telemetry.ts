import type { Generated } from "kysely";
import type { OwnTelemetrySettings } from "@flowplane/contract";
import type { Json, Tenant } from "./columns.ts";

/** What agents send about themselves. */
export interface TelemetryTables {
  own_telemetry_settings: Tenant & { settings: Json<Partial<OwnTelemetrySettings>>; changed_at: Date };
  own_series: Tenant & {
    id: Generated<number>;
    key_hash: Buffer;
    name: string;
    attributes: Json<Record<string, string>>;
    kind: "gauge" | "counter" | "delta";
    unit: string;
    component_kind: "receiver" | "processor" | "exporter" | "scraper" | null;
    component: string | null;
    signal: "traces" | "metrics" | "logs" | null;
    measure: "accepted" | "refused" | "sent" | "failed" | "queue_size" | "queue_capacity" | null;
    first_agent_id: string;
    seen_at: Date;
  };
  own_reports: Tenant & {
    agent_id: string;
    at: Date;
    started_at: Date | null;
    totals: (number | null)[];
    series: number[];
    amounts: number[];
  };
  own_minutes: Tenant & { agent_id: string; at: Date; seconds: number; amounts: (number | null)[] };
  own_ten_minutes: Tenant & { agent_id: string; at: Date; seconds: number; amounts: (number | null)[] };
  own_fleet_minutes: Tenant & { at: Date; agents: number; rates: (number | null)[] };
  own_logs: Tenant & {
    agent_id: string;
    at: Date;
    digest: string;
    severity: number;
    body: string;
    attributes: Json<Record<string, unknown>>;
  };
  own_spans: Tenant & {
    agent_id: string;
    at: Date;
    trace_id: Buffer;
    span_id: Buffer;
    parent_span_id: Buffer | null;
    name: string;
    kind: number;
    status: number;
    status_message: string;
    service: string;
    duration_us: string;
    attributes: Json<Record<string, unknown>>;
  };
  own_rollup: { one: Generated<boolean>; minutes_until: Date };
}
