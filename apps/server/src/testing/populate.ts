import { randomBytes } from "node:crypto";
import { PolicyDocument, ROLES, ROLLOUT_AGENT_STATES, RolloutPlan, type Role } from "@flowplane/contract";
import { newTokenSecret, writeApiToken } from "../features/identity/token.ts";
import { ensureDays } from "../features/telemetry/days.ts";
import { insertSpans } from "../features/telemetry/span-store.ts";
import { newId } from "../platform/context.ts";
import { hashSecret } from "../platform/secrets/secrets.ts";
import type { Db } from "../platform/storage/database.ts";
import type { Things } from "./cases.ts";

export interface Population {
  readonly organization_id: string;
  readonly things: Things;
  /** An API token of each role. */
  readonly tokens: Readonly<Record<Role, string>>;
}

/** An organization with one of everything, written as the system role. */
export async function populate(db: Db, name: string): Promise<Population> {
  const organization_id = newId();
  const now = new Date();
  const later = new Date(now.getTime() + 86_400_000);
  const by = JSON.stringify({ type: "system", id: "test", name: "test" });
  const things: Things = {
    agent_id: newId(),
    gateway_id: newId(),
    instance_id: `${name}-gateway`,
    run_id: newId(),
    enrolment_token_id: newId(),
    bearer_id: newId(),
    api_token_id: newId(),
    user_id: newId(),
    site_id: newId(),
    job_id: newId(),
    incident_id: newId(),
    policy_id: newId(),
    comparison_id: newId(),
    configuration_id: newId(),
    rollout_id: newId(),
    secret_name: `SECRET_${name.toUpperCase()}`,
    variable_name: `VARIABLE_${name.toUpperCase()}`,
    view_id: newId(),
    package_id: newId(),
    release_id: newId(),
    release_file_id: newId(),
    trace_id: newId().replaceAll("-", ""),
  };
  const shared = { organization_id, site_id: things.site_id };
  await db.insertInto("organizations").values({ id: organization_id, name }).execute();
  await db
    .insertInto("sites")
    .values({ id: things.site_id, organization_id, name: `${name} site`, environment: "test" })
    .execute();
  for (const [id, role] of [
    [newId(), "owner"],
    [things.user_id, "viewer"],
  ] as const) {
    await db
      .insertInto("auth_users")
      .values({ id, name, email: `${id}@example.com`, image: null, last_signed_in_at: null })
      .execute();
    await db.insertInto("memberships").values({ organization_id, user_id: id, role }).execute();
  }
  for (const [id, kind, called] of [
    [things.agent_id, "site", "agent"],
    [things.gateway_id, "gateway", "gateway"],
  ] as const)
    await db
      .insertInto("agents")
      .values({
        ...shared,
        id,
        kind,
        name: `${name} ${called}`,
        instance_uid: newId(),
        approval: kind === "site" ? "pending" : "approved",
        labels: "{}",
        version: "1.0.0",
        os: "linux",
        hostname: `${name}.example`,
        healthy: true,
        health_status: null,
        sequence_num: null,
        transport: null,
        credential: null,
        remote_address: null,
        connection_id: null,
        connected_at: null,
        disconnected_at: null,
        last_seen_at: null,
        enrolment_token_id: null,
        public_key_hash: null,
        certificate_expires_at: null,
        revoked_at: null,
        revoked_reason: null,
      })
      .execute();
  await ensureDays(db, now.getTime());
  await insertSpans(db, [
    {
      organizationId: organization_id,
      agentId: things.agent_id,
      traceId: things.trace_id,
      spanId: "eee19b7ec3c1b174",
      parentSpanId: null,
      name: `${name} span`,
      kind: "internal",
      startUs: now.getTime() * 1_000,
      durationUs: 1_000,
      status: "ok",
      statusMessage: "",
      service: name,
      attributes: "{}",
    },
  ]);
  await db
    .insertInto("gateway_reports")
    .values({
      organization_id,
      agent_id: things.gateway_id,
      instance_id: things.instance_id,
      ip_address: null,
      metadata: "{}",
      metrics: null,
      metrics_at: null,
      config_version: null,
    })
    .execute();
  await db
    .insertInto("runs")
    .values({
      ...shared,
      id: things.run_id,
      agent_id: things.agent_id,
      agent_name: `${name} agent`,
      job_id: null,
      kind: "process",
      name: `${name} run`,
      command: "/bin/true",
      args: "[]",
      cwd: null,
      env_names: "[]",
      env_sealed: null,
      grace_ms: 1_000,
      max_runtime_ms: null,
      state: "SUCCEEDED",
      state_since: now,
      waiting_for: null,
      deadline: null,
      pid: 1,
      exit_code: 0,
      signal: null,
      reason: null,
      stop: null,
      restart_of: null,
      created_by: by,
      created_at: now,
      started_at: now,
      ended_at: now,
      log_last_seq: 0,
    })
    .execute();
  await db
    .insertInto("policies")
    .values({
      organization_id,
      id: things.policy_id,
      name: `${name} policy`,
      current_version: 1,
      created_by: by,
      created_at: now,
      updated_at: now,
    })
    .execute();
  await db
    .insertInto("policy_versions")
    .values({
      organization_id,
      policy_id: things.policy_id,
      version: 1,
      document: JSON.stringify(PolicyDocument.parse({})),
      hash: "1",
      message: "first",
      created_by: by,
      created_at: now,
    })
    .execute();
  await db
    .insertInto("policy_comparisons")
    .values({
      organization_id,
      id: things.comparison_id,
      policy_id: things.policy_id,
      request: JSON.stringify({ candidate: { version: 1 }, days: 14, runs_max: 200 }),
      state: "done",
      result: JSON.stringify({ summary: null, runs: [] }),
      created_by: by,
      created_at: now,
      finished_at: now,
    })
    .execute();
  await db
    .insertInto("configurations")
    .values({
      organization_id,
      id: things.configuration_id,
      name: `${name} configuration`,
      current_version: 1,
      created_by: by,
      created_at: now,
      updated_at: now,
    })
    .execute();
  await db
    .insertInto("configuration_versions")
    .values({
      organization_id,
      configuration_id: things.configuration_id,
      version: 1,
      body: "service: {}\n",
      hash: "1",
      bytes: 12,
      warnings: 0,
      message: "first",
      created_by: by,
      created_at: now,
    })
    .execute();
  await db
    .insertInto("packages")
    .values({
      organization_id,
      id: things.package_id,
      name: `${name}-package`,
      type: "top_level",
      description: "",
      created_by: by,
      created_at: now,
    })
    .execute();
  await db
    .insertInto("releases")
    .values({
      organization_id,
      id: things.release_id,
      package_id: things.package_id,
      version: "1.0.0",
      channel: "stable",
      message: "first",
      published_at: null,
      created_by: by,
      created_at: now,
    })
    .execute();
  await db
    .insertInto("release_files")
    .values({
      organization_id,
      id: things.release_file_id,
      release_id: things.release_id,
      os: "linux",
      arch: "amd64",
      bytes: 1,
      sha256: randomBytes(32),
      signature: Buffer.alloc(0),
      created_by: by,
      created_at: now,
    })
    .execute();
  await db
    .insertInto("rollouts")
    .values({
      organization_id,
      id: things.rollout_id,
      kind: "configuration",
      configuration_id: things.configuration_id,
      version: 1,
      split: null,
      selector: "true",
      plan: JSON.stringify(RolloutPlan.parse({})),
      message: "first",
      state: "paused",
      state_since: now,
      reason: "because a test says so",
      wave: 0,
      created_by: by,
      created_at: now,
      started_at: now,
      ended_at: null,
    })
    .execute();
  const counts = Object.fromEntries(
    ROLLOUT_AGENT_STATES.map((state) => [state, state === "waiting" ? 1 : 0]),
  );
  await db
    .insertInto("rollout_waves")
    .values({
      organization_id,
      rollout_id: things.rollout_id,
      index: 0,
      state: "running",
      agents: 1,
      counts: JSON.stringify(counts),
      started_at: now,
      ended_at: null,
    })
    .execute();
  await db
    .insertInto("rollout_agents")
    .values({
      organization_id,
      rollout_id: things.rollout_id,
      agent_id: things.agent_id,
      wave: 0,
      position: 0,
      variant: "version",
      state: "waiting",
      state_since: now,
      reason_code: null,
      reason: null,
      from_configuration_id: null,
      from_version: null,
      offer_hash: null,
      assigned_at: null,
      given_back_at: null,
      unwell_since: null,
      baseline: null,
    })
    .execute();
  await db
    .insertInto("jobs")
    .values({
      ...shared,
      id: things.job_id,
      name: `${name} job`,
      command: "/bin/true",
      args: "[]",
      grace_ms: 1_000,
      created_by: by,
      created_at: now,
      updated_at: now,
    })
    .execute();
  await db
    .insertInto("incidents")
    .values({
      ...shared,
      id: things.incident_id,
      run_id: things.run_id,
      agent_id: things.agent_id,
      agent_name: `${name} agent`,
      run_name: `${name} run`,
      category: "loop",
      severity: "warning",
      state: "open",
      score: 80,
      title: "The same error again and again",
      line: 10,
      evidence: JSON.stringify({
        families: [],
        signature: null,
        lines: { from: 1, to: 10 },
        since: { line: 1, at: now.getTime() },
        lastProgress: null,
        suppressions: [],
        configHash: "0",
      }),
      opened_at: now,
    })
    .execute();
  await db
    .insertInto("secrets")
    .values({
      organization_id,
      name: things.secret_name,
      value_sealed: randomBytes(64),
      created_by: by,
      created_at: now,
      updated_at: now,
    })
    .execute();
  await db
    .insertInto("variables")
    .values({
      id: newId(),
      organization_id,
      site_id: null,
      name: things.variable_name,
      value: "value",
      created_by: by,
      updated_at: now,
    })
    .execute();
  await db
    .insertInto("agent_views")
    .values({
      id: things.view_id,
      organization_id,
      user_id: things.user_id,
      name: `${name} view`,
      search: "{}",
      updated_at: now,
    })
    .execute();
  await db
    .insertInto("enrolment_tokens")
    .values({
      ...shared,
      id: things.enrolment_token_id,
      name: `${name} token`,
      secret_hash: randomBytes(32),
      labels: "{}",
      approval: "manual",
      uses_max: 5,
      expires_at: later,
      revoked_at: null,
      created_by: by,
    })
    .execute();
  await db
    .insertInto("bearers")
    .values({
      organization_id,
      id: things.bearer_id,
      agent_id: things.agent_id,
      created_by: by,
      expires_at: later,
      last_used_at: null,
      revoked_at: null,
    })
    .execute();
  const makeToken = async (role: Role, id = newId()) => {
    const secret = newTokenSecret();
    await db
      .insertInto("api_tokens")
      .values({
        id,
        organization_id,
        name: `${name} ${role}`,
        role,
        secret_hash: hashSecret(secret),
        created_by: by,
        expires_at: null,
        last_used_at: null,
        revoked_at: null,
      })
      .execute();
    return writeApiToken({ id, secret });
  };
  await makeToken("viewer", things.api_token_id);
  const tokens = Object.fromEntries(
    await Promise.all(ROLES.map(async (role) => [role, await makeToken(role)] as const)),
  );
  return { organization_id, things, tokens: tokens as Record<Role, string> };
}
