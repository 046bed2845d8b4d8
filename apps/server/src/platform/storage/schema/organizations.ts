import type { Generated } from "kysely";
import type { ActorRef, LaunchPolicy, Retention, Role } from "@flowplane/contract";
import type { GeneratedJson, Json, Tenant } from "./columns.ts";

/** Who there is and who may do what. */
export interface OrganizationTables {
  organizations: {
    id: string;
    name: string;
    retention: GeneratedJson<Partial<Retention>>;
    created_at: Generated<Date>;
  };
  sites: Tenant & {
    id: string;
    name: string;
    environment: string;
    launch_policy: GeneratedJson<Partial<LaunchPolicy>>;
    detection_fallback_until: Date | null;
    detection_fallback_since: Date | null;
    detection_fallback_reason: string | null;
    created_at: Generated<Date>;
  };
  memberships: Tenant & { user_id: string; role: Role; created_at: Generated<Date> };
  api_tokens: Tenant & {
    id: string;
    name: string;
    role: Role;
    secret_hash: Buffer;
    created_by: Json<ActorRef>;
    created_at: Generated<Date>;
    expires_at: Date | null;
    last_used_at: Date | null;
    revoked_at: Date | null;
  };
  secrets: Tenant & {
    name: string;
    site_id: string | null;
    value_sealed: Buffer;
    created_by: Json<ActorRef>;
    created_at: Date;
    updated_at: Date;
    last_used_at: Date | null;
  };
}
