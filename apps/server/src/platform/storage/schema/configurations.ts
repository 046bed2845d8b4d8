import type { ColumnType, Generated } from "kysely";
import type { ActorRef, ConfigurationAttempt } from "@flowplane/contract";
import type { Json, NullableJson, Tenant } from "./columns.ts";

/** What agents are to run as their configuration, and how far that has come. */
export interface ConfigurationTables {
  configurations: Tenant & {
    id: string;
    name: string;
    description: Generated<string>;
    current_version: number;
    created_by: Json<ActorRef>;
    created_at: Date;
    updated_at: Date;
    archived_at: Date | null;
    health_thresholds: NullableJson<{ healthy_ms: number; warning_ms: number }>;
  };
  configuration_versions: Tenant & {
    configuration_id: string;
    version: number;
    body: string;
    hash: string;
    bytes: number;
    warnings: number;
    message: string;
    overlays: ColumnType<{ name: string; selector: string; body: string }[], string | undefined, never>;
    created_by: Json<ActorRef>;
    created_at: Date;
  };
  configuration_drafts: Tenant & {
    configuration_id: string;
    user_id: string;
    user_name: string;
    body: string;
    overlays: Json<{ name: string; selector: string; body: string }[]>;
    based_on: number;
    revision: number;
    updated_at: Date;
  };
  agent_assignments: Tenant & {
    agent_id: string;
    configuration_id: string | null;
    version: number | null;
    rollout_id: string | null;
    offer_hash: string;
    ran_by_itself: boolean | null;
    held_reason: string | null;
    retry_id: string | null;
    assigned_at: Date;
    changed_at: Date;
  };
  configuration_attempts: Tenant & {
    agent_id: string;
    offer_hash: string;
    configuration_id: string | null;
    version: number | null;
    rollout_id: string | null;
    offered_at: Date | null;
    status: ConfigurationAttempt["status"];
    status_at: Date;
    error_message: Generated<string>;
    rolled_back_to: string | null;
    tries: Generated<number>;
  };
  variables: Tenant & {
    id: string;
    site_id: string | null;
    name: string;
    value: string;
    created_by: Json<ActorRef>;
    updated_at: Date;
  };
}
