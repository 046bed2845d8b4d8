import type { ColumnType, Generated } from "kysely";
import type {
  AgentViewSearch,
  GatewayCounts,
  GatewayMetadata,
  Health,
  HealthLevel,
} from "@flowplane/contract";
import type { Json, Tenant } from "./columns.ts";

/** Agents, what they say of themselves, and how they are. */
export interface FleetTables {
  agents: Tenant & {
    id: string;
    site_id: string;
    kind: "site" | "collector" | "gateway";
    name: string;
    instance_uid: string | null;
    approval: "expected" | "pending" | "approved";
    labels: Json<Record<string, string>>;
    version: string | null;
    os: string | null;
    hostname: string | null;
    healthy: boolean | null;
    health_status: string | null;
    health_at: Date | null;
    settings_offered_at: Date | null;
    capabilities: Generated<number>;
    sequence_num: number | null;
    message_digest: number | null;
    next_instance_uid: string | null;
    transport: "websocket" | "http" | null;
    credential: "certificate" | "bearer" | "token" | null;
    remote_address: string | null;
    reached_url: string | null;
    token_retired_at: Date | null;
    connection_id: string | null;
    connected_at: Date | null;
    disconnected_at: Date | null;
    last_seen_at: Date | null;
    heartbeat_ms: Generated<number>;
    enrolment_token_id: string | null;
    public_key_hash: Buffer | null;
    certificate_expires_at: Date | null;
    revoked_at: Date | null;
    revoked_reason: string | null;
    telemetry_epoch: Generated<number>;
    created_at: Generated<Date>;
    /** When something changed by which it is selected, written by the database. */
    changed_at: ColumnType<Date, never, never>;
    /** Name, host name and labels in lower case, made by the database. */
    search: ColumnType<string, never, never>;
  };
  agent_reports: Tenant & {
    agent_id: string;
    identifying_attributes: Json<Record<string, unknown>>;
    non_identifying_attributes: Json<Record<string, unknown>>;
    health: Json<Health> | null;
    effective_config: Json<{ name: string; content_type: string; body: string }[]> | null;
    effective_config_at: Date | null;
    remote_config_status: Json<{ status: string; hash: string; error_message: string }> | null;
    package_statuses: Json<Record<string, unknown>> | null;
    connection_settings_status: Json<Record<string, unknown>> | null;
    custom_capabilities: Json<string[]>;
    available_components_hash: Buffer | null;
    session: Json<Record<string, unknown>> | null;
  };
  gateway_reports: Tenant & {
    agent_id: string;
    instance_id: string;
    ip_address: string | null;
    metadata: Json<GatewayMetadata>;
    metrics: Json<GatewayCounts> | null;
    metrics_at: Date | null;
    config_version: number | null;
  };
  available_components: Tenant & { hash: Buffer; components: Json<Record<string, unknown>> };
  agent_views: Tenant & {
    id: string;
    user_id: string;
    name: string;
    search: Json<AgentViewSearch>;
    updated_at: Date;
  };
  agent_health: Tenant & { agent_id: string; level: HealthLevel; reason: string; since: Date };
  agent_health_changes: Tenant & {
    agent_id: string;
    from_at: Date;
    to_at: Date;
    level: HealthLevel;
    reason: string;
  };
}
