import type { Generated } from "kysely";
import type { ActorRef } from "@flowplane/contract";
import type { Json, Tenant } from "./columns.ts";

/** How agents are let in and prove who they are. */
export interface EnrolmentTables {
  enrolment_tokens: Tenant & {
    id: string;
    site_id: string;
    name: string;
    secret_hash: Buffer;
    labels: Json<Record<string, string>>;
    approval: "automatic" | "manual";
    uses: Generated<number>;
    uses_max: number | null;
    expires_at: Date;
    revoked_at: Date | null;
    created_by: Json<ActorRef>;
    created_at: Generated<Date>;
  };
  enrolment_attempts: Tenant & {
    id: string;
    token_id: string;
    at: Generated<Date>;
    outcome: "enrolled" | "connected" | "pending" | "refused";
    detail: string;
    agent_id: string | null;
    remote_address: string | null;
    hostname: string | null;
  };
  agent_certificates: Tenant & {
    serial: string;
    agent_id: string;
    fingerprint: string;
    not_before: Date;
    not_after: Date;
    revoked_at: Date | null;
    revoked_reason: string | null;
  };
  connection_offers: Tenant & {
    id: string;
    agent_id: string;
    bearer_id: string;
    endpoint: string;
    sealed: Buffer | null;
    hash: Buffer;
    retire_old: boolean;
    reason: string;
    created_by: Json<ActorRef>;
    created_at: Date;
    deadline_at: Date;
    state: "offered" | "applying" | "applied" | "failed" | "withdrawn";
    state_at: Date;
    detail: Generated<string>;
  };
  bearers: Tenant & {
    id: string;
    agent_id: string;
    created_by: Json<ActorRef>;
    created_at: Generated<Date>;
    expires_at: Date;
    last_used_at: Date | null;
    revoked_at: Date | null;
  };
}
