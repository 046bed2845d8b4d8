import type { Generated } from "kysely";
import type { ActorRef, Incident, PolicyComparison, PolicyDocument, PolicyMode } from "@flowplane/contract";
import type { GeneratedJson, Json, Tenant } from "./columns.ts";

/** Policies, what was found by them, and its evidence. */
export interface DetectionTables {
  policies: Tenant & {
    id: string;
    name: string;
    description: Generated<string>;
    current_version: number;
    is_default: Generated<boolean>;
    created_by: Json<ActorRef>;
    created_at: Date;
    updated_at: Date;
    archived_at: Date | null;
  };
  policy_versions: Tenant & {
    policy_id: string;
    version: number;
    document: Json<PolicyDocument>;
    hash: string;
    message: string;
    created_by: Json<ActorRef>;
    created_at: Date;
  };
  policy_comparisons: Tenant & {
    id: string;
    policy_id: string;
    request: Json<Record<string, unknown>>;
    state: "waiting" | "running" | "done" | "failed";
    done: Generated<number>;
    total: Generated<number>;
    result: Json<Pick<PolicyComparison, "summary" | "runs">> | null;
    error: string | null;
    created_by: Json<ActorRef>;
    created_at: Date;
    finished_at: Date | null;
  };
  incidents: Tenant & {
    id: string;
    site_id: string;
    run_id: string;
    job_id: string | null;
    agent_id: string;
    agent_name: string;
    run_name: string;
    category: Incident["category"];
    severity: Incident["severity"];
    state: Incident["state"];
    score: number;
    title: string;
    line: number;
    evidence: Json<Record<string, unknown>>;
    policy_id: string | null;
    policy_name: string | null;
    policy_version: number | null;
    policy_mode: PolicyMode | null;
    interventions: GeneratedJson<Incident["interventions"]>;
    intervened_at: Date | null;
    feedback: Json<NonNullable<Incident["feedback"]>> | null;
    acknowledged_by: Json<ActorRef> | null;
    opened_at: Date;
    closed_at: Date | null;
    closed_because: string | null;
  };
  evidence_chunks: Tenant & {
    run_id: string;
    chunk: number;
    object_key: string;
    bytes: number;
    stored_bytes: number;
    checksum: string;
    created_at: Generated<Date>;
  };
}
