import type { ColumnType, Generated } from "kysely";
import type {
  ActorRef,
  AgentViewSearch,
  AgentState,
  ConfigurationAttempt,
  EnvPolicy,
  GatewayCounts,
  GatewayMetadata,
  Health,
  HealthLevel,
  Incident,
  Isolation,
  LaunchPolicy,
  OwnTelemetrySettings,
  PackageStatusName,
  PackageType,
  Placement,
  PolicyComparison,
  PolicyDocument,
  PolicyMode,
  ProgressPolicy,
  ResourcePolicy,
  ReleaseChannel,
  Retention,
  RetryPolicy,
  Role,
  Rollout,
  RolloutAgent,
  RolloutAgentState,
  RolloutCounts,
  RolloutPlan,
  RolloutReason,
  RolloutState,
  RolloutWave,
  Run,
  RUN_ORIGINS,
  RunState,
  SchedulePolicy,
} from "@flowplane/contract";

/** Rows as the migrations define them; the names are those of the API. Times come as `Date`, bigints as numbers (see database.ts). */
export interface Database {
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
  secrets: Tenant & {
    name: string;
    site_id: string | null;
    value_sealed: Buffer;
    created_by: Json<ActorRef>;
    created_at: Date;
    updated_at: Date;
    last_used_at: Date | null;
  };
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
  rollouts: Tenant & {
    id: string;
    kind: Rollout["kind"];
    configuration_id: string;
    version: number;
    split: Json<{ baseline_version: number; percent: number }> | null;
    selector: string;
    plan: Json<RolloutPlan>;
    message: string;
    state: RolloutState;
    state_since: Date;
    reason: string | null;
    wave: number | null;
    approved_wave: Generated<number>;
    accepted_failures: Generated<number>;
    created_by: Json<ActorRef>;
    created_at: Date;
    started_at: Date | null;
    ended_at: Date | null;
  };
  rollout_waves: Tenant & {
    rollout_id: string;
    index: number;
    state: RolloutWave["state"];
    agents: number;
    counts: Json<RolloutCounts>;
    started_at: Date | null;
    ended_at: Date | null;
  };
  rollout_agents: Tenant & {
    rollout_id: string;
    agent_id: string;
    wave: number;
    position: number;
    variant: RolloutAgent["variant"];
    state: RolloutAgentState;
    state_since: Date;
    reason_code: RolloutReason | null;
    reason: string | null;
    from_configuration_id: string | null;
    from_version: number | null;
    offer_hash: string | null;
    attempts: Generated<number>;
    assigned_at: Date | null;
    given_back_at: Date | null;
    unwell_since: Date | null;
    unwell_times: Generated<number>;
    baseline: Json<{
      healthy: boolean | null;
      rates: { accepted_per_second: number; error_percent: number } | null;
    }> | null;
  };
  agent_views: Tenant & {
    id: string;
    user_id: string;
    name: string;
    search: Json<AgentViewSearch>;
    updated_at: Date;
  };
  variables: Tenant & {
    id: string;
    site_id: string | null;
    name: string;
    value: string;
    created_by: Json<ActorRef>;
    updated_at: Date;
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
  object_garbage: Tenant & { object_key: string; created_at: Date };
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
  agent_certificates: Tenant & {
    serial: string;
    agent_id: string;
    fingerprint: string;
    not_before: Date;
    not_after: Date;
    revoked_at: Date | null;
    revoked_reason: string | null;
  };
  packages: Tenant & {
    id: string;
    name: string;
    type: PackageType;
    description: string;
    created_by: Json<ActorRef>;
    created_at: Date;
  };
  releases: Tenant & {
    id: string;
    package_id: string;
    version: string;
    channel: ReleaseChannel;
    message: string;
    published_at: Date | null;
    created_by: Json<ActorRef>;
    created_at: Date;
  };
  release_files: Tenant & {
    id: string;
    release_id: string;
    os: string;
    arch: string;
    bytes: number;
    sha256: Buffer;
    signature: Buffer;
    created_by: Json<ActorRef>;
    created_at: Date;
  };
  package_sets: Tenant & {
    agent_id: string;
    reason: string;
    retry_id: string | null;
    set_by: Json<ActorRef>;
    set_at: Date;
    withdrawn_at: Date | null;
    changed_at: Date;
  };
  package_set_releases: Tenant & {
    agent_id: string;
    package_id: string;
    release_id: string;
  };
  reported_packages: Tenant & {
    agent_id: string;
    name: string;
    has_version: string;
    offered_version: string;
    offered_hash: string;
    status: PackageStatusName;
    error: string;
    percent: number | null;
    bytes_per_second: number | null;
    reported_at: Date;
  };
  package_attempts: Tenant & {
    id: string;
    agent_id: string;
    name: string;
    version: string;
    hash: string;
    status: PackageStatusName;
    error: string;
    started_at: Date;
    status_at: Date;
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
  idempotency_keys: Tenant & {
    key: string;
    endpoint: string;
    request_hash: Buffer;
    response_sealed: Buffer;
    created_at: Generated<Date>;
  };
  agent_health: Tenant & { agent_id: string; level: HealthLevel; reason: string; since: Date };
  agent_health_changes: Tenant & {
    agent_id: string;
    from_at: Date;
    to_at: Date;
    level: HealthLevel;
    reason: string;
  };
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
  own_rollup: { one: Generated<boolean>; minutes_until: Date };
  auth_users: {
    id: string;
    name: string;
    email: string;
    email_verified: Generated<boolean>;
    image: string | null;
    created_at: Generated<Date>;
    updated_at: Generated<Date>;
    last_signed_in_at: Date | null;
  };
  auth_sessions: {
    id: string;
    user_id: string;
    token: string;
    expires_at: Date;
    ip_address: string | null;
    user_agent: string | null;
    created_at: Generated<Date>;
    updated_at: Generated<Date>;
  };
  auth_verifications: { id: string; identifier: string; value: string; expires_at: Date };
  auth_device_codes: { id: string; device_code: string; user_code: string; expires_at: Date };
  installation: { key: string; value: Buffer; created_at: Generated<Date> };
  gateway_beats: { id: string; beat_at: Date; returning_until: Date | null };
}

export type { AgentState };

interface Tenant {
  organization_id: string;
}

/** jsonb: read as a value, written as JSON text (arrays would else become PostgreSQL arrays). */
export type Json<T> = ColumnType<T, string, string>;
/** The same, null when nothing is said. */
export type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>;
/** The same with a default in the database. */
export type GeneratedJson<T> = ColumnType<T, string | undefined, string>;
