import { TEXT_CHARS_MAX, type RunCreated } from "@flowplane/link";
import {
  ARGV_BYTES_MAX,
  duration,
  endWords,
  EnvName,
  GRACE_MS_MAX,
  Isolation,
  NAME_LENGTH_MAX,
  PolicyDocument,
  ProgressPolicy,
  ResourcePolicy,
  RetryPolicy,
} from "@flowplane/contract";
import { isUuid } from "../../platform/ids.ts";
import type { AgentIdentity } from "../gateway/agent-http.ts";
import { agentActor } from "../gateway/agent-http.ts";
import { readTraceparent } from "../../platform/traces/traceparent.ts";
import { storableText } from "./sanitize.ts";
import type { NewRunRow, RunRow } from "./store.ts";

// Runs that an agent made by itself: the next attempt of one, a restart by a policy, one that was asked for on its host. What
// it says of them is taken as far as it can be true and stored; nothing in it makes the batch it came in fail.

/** Variables of one run whose names are kept. */
const ENV_NAMES_MAX = 1_000;
const COMMAND_CHARS_MAX = 4_096;
const MIB = 1024 * 1024;
const INT32_MAX = 2 ** 31 - 1;

export interface AgentMade {
  readonly id: string;
  readonly created: RunCreated;
  /** The run it follows, when that is one of the same agent. */
  readonly previous: RunRow | undefined;
  /** The job it says it is of, when there is such a job. */
  readonly jobId: string | null;
  readonly at: Date;
}

/** The row of a run an agent made. Its variables' values are known only when the run before had the same. */
export function agentMadeRow(identity: AgentIdentity, made: AgentMade): NewRunRow {
  const { created, previous, at } = made;
  const { spec } = created;
  const isNextAttempt = created.origin !== "local" && previous !== undefined;
  const names = spec.env_names.filter((name) => EnvName.safeParse(name).success).slice(0, ENV_NAMES_MAX);
  const inherited = (spec.inherit_env ?? []).filter((name) => EnvName.safeParse(name).success);
  const policy = PolicyDocument.safeParse(spec.detection?.document);
  const policyId = spec.detection?.policy_id ?? null;
  return {
    id: made.id,
    organization_id: identity.organization_id,
    site_id: identity.site_id,
    agent_id: identity.agent_id,
    agent_name: identity.name,
    job_id: previous?.job_id ?? made.jobId,
    kind: "process",
    name: text(created.name, NAME_LENGTH_MAX) || "run",
    command: text(spec.command, COMMAND_CHARS_MAX),
    args: JSON.stringify(boundedArgs(spec.args)),
    cwd: spec.cwd === null ? null : text(spec.cwd, COMMAND_CHARS_MAX),
    env_names: JSON.stringify([...new Set([...names, ...inherited])].toSorted()),
    env_sealed: isNextAttempt ? previous.env_sealed : null,
    inherit_env: JSON.stringify(inherited.slice(0, 100)),
    secret_env: JSON.stringify(isNextAttempt ? previous.secret_env : {}),
    grace_ms: Math.min(spec.grace_ms, GRACE_MS_MAX),
    max_runtime_ms: spec.max_runtime_ms ?? null,
    resource_policy: JSON.stringify(resourcesOf(spec.limits)),
    isolation: json(Isolation.safeParse(spec.isolation)),
    run_as_user: spec.user === undefined ? null : text(spec.user, 64),
    run_as_group: spec.group === undefined ? null : text(spec.group, 64),
    retry: json(RetryPolicy.safeParse(spec.retry)),
    progress: json(ProgressPolicy.safeParse(spec.progress)),
    placement: JSON.stringify({ agent_id: identity.agent_id, site_id: identity.site_id }),
    policy_id: policy.success && policyId !== null && isUuid(policyId) ? policyId : null,
    policy_name: policy.success ? text(spec.detection?.policy_name ?? "", NAME_LENGTH_MAX) : null,
    policy_version: policy.success ? Math.min(spec.detection?.version ?? 0, INT32_MAX) : null,
    policy_mode: policy.success ? policy.data.mode : null,
    policy_document: json(policy),
    origin: created.origin,
    attempt: Math.min(created.attempt, INT32_MAX),
    retry_of: isNextAttempt ? previous.id : null,
    restart_of: created.origin === "local" ? (previous?.id ?? null) : null,
    lineage: isNextAttempt ? (previous.lineage ?? previous.id) : made.id,
    traceparent: readTraceparent(spec.traceparent) === undefined ? null : (spec.traceparent ?? null),
    scheduled_for: null,
    retry_at: null,
    state: "QUEUED",
    state_since: at,
    created_by: JSON.stringify(agentCreator(identity)),
    created_at: at,
  };
}

/** `Attempt 3 of 5, started by the agent 10 s after attempt 2 failed with exit code 1`. */
export function agentMadeTitle({ created, previous, at }: AgentMade): string {
  switch (created.origin) {
    case "retry": {
      const total = (created.spec.retry?.retries_max ?? 0) + 1;
      const of = created.attempt <= total ? ` of ${total}` : "";
      if (previous === undefined) return `Attempt ${created.attempt}${of}, started by the agent`;
      const wait =
        previous.ended_at === null ? "" : ` ${duration(at.getTime() - previous.ended_at.getTime())}`;
      return `Attempt ${created.attempt}${of}, started by the agent${wait} after attempt ${previous.attempt} ${endWords(previous)}`;
    }
    case "intervention":
      return `Started by the agent in place of attempt ${previous?.attempt ?? created.attempt - 1}, which ${text(created.actor, 100) || "a policy"} ended`;
    case "local":
      return `Started on its host by ${text(created.actor, 200) || "somebody"}`;
  }
}

function agentCreator(identity: AgentIdentity) {
  const { type, id, name } = agentActor(identity);
  return { type, id, name };
}

function text(value: string, lengthMax: number): string {
  return storableText(value, Math.min(lengthMax, Math.max(TEXT_CHARS_MAX, COMMAND_CHARS_MAX)));
}

/** As many arguments as one command line may have. */
function boundedArgs(args: readonly string[]): string[] {
  const kept: string[] = [];
  let bytes = 0;
  for (const each of args) {
    bytes += Buffer.byteLength(each) + 1;
    if (bytes > ARGV_BYTES_MAX) return [...kept, "…"];
    kept.push(storableText(each, each.length + 1));
  }
  return kept;
}

function resourcesOf(limits: RunCreated["spec"]["limits"]): ResourcePolicy {
  const policy = ResourcePolicy.safeParse({
    cpu_limit_millicores: limits?.cpu_millicores,
    memory_limit_mb: limits?.memory_bytes === undefined ? undefined : Math.ceil(limits.memory_bytes / MIB),
    pids_limit: limits?.pids,
    open_files_limit: limits?.open_files,
    file_size_limit_mb: limits?.file_bytes === undefined ? undefined : Math.ceil(limits.file_bytes / MIB),
    nice: limits?.nice,
    umask: limits?.umask,
  });
  return policy.success ? policy.data : {};
}

function json(parsed: { success: boolean; data?: unknown }): string | null {
  return parsed.success && parsed.data !== undefined ? JSON.stringify(parsed.data) : null;
}
