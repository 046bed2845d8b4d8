import type { ActorRef } from "@flowplane/contract";
import type { Json, Tenant } from "./columns.ts";

/** What was done, and by whom. */
export interface AuditTables {
  audit_events: Tenant & {
    seq: number;
    at: Date;
    actor: Json<ActorRef>;
    action: string;
    target_type: string;
    target_id: string;
    reason: string | null;
    request_id: string | null;
    remote_address: string | null;
    metadata: Json<Record<string, unknown>>;
    previous_hash: string;
    hash: string;
  };
  audit_heads: Tenant & { seq: number; hash: string };
}
