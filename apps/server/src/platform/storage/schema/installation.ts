import type { Generated } from "kysely";
import type { Tenant } from "./columns.ts";

/** What belongs to the program rather than to what it manages. */
export interface InstallationTables {
  installation: { key: string; value: Buffer; created_at: Generated<Date> };
  idempotency_keys: Tenant & {
    key: string;
    endpoint: string;
    request_hash: Buffer;
    response_sealed: Buffer;
    created_at: Generated<Date>;
  };
  object_garbage: Tenant & { object_key: string; created_at: Date };
  gateway_beats: { id: string; beat_at: Date; returning_until: Date | null };
}
