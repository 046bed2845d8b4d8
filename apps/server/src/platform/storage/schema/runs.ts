import type { Generated } from "kysely";
import type {
  ActorRef,
  EnvPolicy,
  Isolation,
  Placement,
  PolicyDocument,
  PolicyMode,
  ProgressPolicy,
  ResourcePolicy,
  RetryPolicy,
  Run,
  RUN_ORIGINS,
  RunState,
  SchedulePolicy,
} from "@flowplane/contract";
import type { GeneratedJson, Json, Tenant } from "./columns.ts";

/** Jobs, runs, their logs, and the orders that are on their way to agents. */
export interface RunTables {
  jobs: Tenant & {
    id: string;
    site_id: string | null;
    name: string;
    description: Generated<string>;
    command: string;
    args: Json<string[]>;
    cwd: string | null;
    grace_ms: number;
    /** Without values: those of `set` are in `env_sealed`. */
    env_policy: GeneratedJson<Partial<EnvPolicy>>;
    env_sealed: Buffer | null;
    resource_policy: GeneratedJson<ResourcePolicy>;
    run_as_user: string | null;
    run_as_group: string | null;
    isolation: Json<Isolation> | null;
    retry: Json<RetryPolicy> | null;
    progress: Json<ProgressPolicy> | null;
    schedule_policy: Json<SchedulePolicy> | null;
    placement: GeneratedJson<Placement>;
    concurrency_max: Generated<number>;
    policy_id: string | null;
    policy_version: number | null;
    detection_policy_version: string | null;
    managed_by: string | null;
    revision: Generated<number>;
    next_run_at: Date | null;
    note: string | null;
    note_at: Date | null;
    created_by: Json<ActorRef>;
    created_at: Date;
    updated_at: Date;
    archived_at: Date | null;
  };
  runs: Tenant & {
    id: string;
    site_id: string;
    agent_id: string | null;
    agent_name: string | null;
    job_id: string | null;
    kind: "process" | "check" | "assistant";
    name: string;
    command: string;
    args: Json<string[]>;
    cwd: string | null;
    env_names: Json<string[]>;
    env_sealed: Buffer | null;
    grace_ms: number;
    max_runtime_ms: number | null;
    state: RunState;
    state_since: Date;
    waiting_for: string | null;
    deadline: Date | null;
    pid: number | null;
    exit_code: number | null;
    signal: string | null;
    reason: string | null;
    stop: Json<{ mode: "stop" | "kill"; actor: ActorRef; reason: string; requested_at: string }> | null;
    restart_of: string | null;
    created_by: Json<ActorRef>;
    created_at: Date;
    started_at: Date | null;
    ended_at: Date | null;
    log_bytes: Generated<number>;
    log_lines: Generated<number>;
    log_stored_seq: Generated<number>;
    log_last_seq: number | null;
    origin: Generated<(typeof RUN_ORIGINS)[number]>;
    attempt: Generated<number>;
    retry_of: string | null;
    lineage: string | null;
    traceparent: string | null;
    scheduled_for: Date | null;
    retry_at: Date | null;
    resource_policy: GeneratedJson<ResourcePolicy>;
    isolation: Json<Isolation> | null;
    run_as_user: string | null;
    run_as_group: string | null;
    retry: Json<RetryPolicy> | null;
    progress: Json<ProgressPolicy> | null;
    placement: Json<Placement> | null;
    inherit_env: GeneratedJson<string[]>;
    /** Variable -> name of the secret. */
    secret_env: GeneratedJson<Record<string, string>>;
    policy_id: string | null;
    policy_name: string | null;
    policy_version: number | null;
    policy_mode: PolicyMode | null;
    policy_document: Json<PolicyDocument> | null;
    enforced: GeneratedJson<string[]>;
    frozen_since: Date | null;
    incidents_open: Generated<number>;
    incidents_total: Generated<number>;
    intervention: Json<NonNullable<Run["intervention"]>> | null;
    usage: Json<NonNullable<Run["usage"]>> | null;
    log_redactions: Generated<number>;
    log_expired_at: Date | null;
    /** Of a run under way: lines up to this one, of segments up to that one, have expired; the time of the last of them. */
    log_expired_seq: Generated<number>;
    log_expired_segment: Generated<number>;
    log_expired_until: Date | null;
    evidence_last: number | null;
    evidence_expired_at: Date | null;
    evidence_expired_chunk: Generated<number>;
    evidence_expired_until: Date | null;
    log_packed_at: Date | null;
    /** Which of an agent's hosts has it, when there was more than one. */
    holder: string | null;
  };
  run_events: Tenant & {
    id: string;
    run_id: string;
    at: Date;
    type: string;
    actor: Json<ActorRef>;
    title: string;
    reason: string | null;
    payload: Json<Record<string, unknown>>;
    print: string | null;
  };
  run_samples: Tenant & {
    run_id: string;
    at: Date;
    cpu_ms: number | null;
    memory_bytes: number | null;
    memory_limit_bytes: number | null;
    read_bytes: number | null;
    write_bytes: number | null;
    processes: number | null;
    log_bytes: number;
  };
  log_segments: Tenant & {
    run_id: string;
    segment_seq: number;
    object_key: string;
    first_seq: number;
    last_seq: number;
    bytes: number;
    stored_bytes: number;
    lines: number;
    checksum: string;
    first_at: Date;
    last_at: Date;
    created_at: Generated<Date>;
    pack_offset: number | null;
    pack_length: number | null;
  };
  intents: Tenant & {
    id: string;
    agent_id: string;
    type: string;
    run_id: string | null;
    payload_sealed: Buffer;
    created_at: Generated<Date>;
    acknowledged_at: Date | null;
    holder: string | null;
    boot_id: string | null;
  };
  agent_spools: Tenant & {
    agent_id: string;
    spool_id: string;
    events_up_to: number;
    holder: string;
    token: string | null;
    offered: string | null;
    followed_by: string | null;
    copy_of: string | null;
    inherited_up_to: Generated<number>;
    created_at: Generated<Date>;
    given_up_at: Date | null;
    last_print: string | null;
    boot_id: string | null;
  };
}
