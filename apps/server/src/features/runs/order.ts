import { INTENT_BYTES_MAX, type RunLimitsSpec, type RunStart } from "@flowplane/link";
import { LaunchPolicy, type Isolation, type ResourcePolicy, type RetryPolicy } from "@flowplane/contract";
import type { Tx } from "../../platform/context.ts";
import { resolveSecrets } from "../secrets/secrets.ts";
import type { RunRow } from "./store.ts";

/** Purpose under which a run's environment is sealed. */
const ENV_SECRET = "run-env";
const MIB = 1024 * 1024;

/** What an order is made of: the run as it was asked for, before it has an agent. */
export type OrderedRun = Pick<
  RunRow,
  | "id"
  | "name"
  | "job_id"
  | "command"
  | "args"
  | "cwd"
  | "env_sealed"
  | "inherit_env"
  | "secret_env"
  | "grace_ms"
  | "max_runtime_ms"
  | "resource_policy"
  | "isolation"
  | "run_as_user"
  | "run_as_group"
  | "retry"
  | "progress"
  | "policy_id"
  | "policy_name"
  | "policy_version"
  | "policy_document"
  | "attempt"
  | "lineage"
  | "traceparent"
>;

/** The site a run is about to be started in. */
export interface LaunchSite {
  readonly id: string;
  readonly launch_policy: LaunchPolicy;
}

export type Order =
  | { readonly ok: true; readonly start: RunStart; readonly isolation: Isolation }
  /** Why it cannot be launched there, as a sentence, and which part of it is to blame. */
  | { readonly ok: false; readonly reason: string; readonly pointer: string };

/** The order that starts a run in a site: its own wishes, the site's launch policy, and the secrets' values as they are now. */
export async function makeOrder(ctx: Tx, run: OrderedRun, site: LaunchSite): Promise<Order> {
  const isolation = run.isolation ?? site.launch_policy.isolation_default;
  const refusal = refusalOf(run, isolation, site.launch_policy);
  if (refusal !== null) return { ok: false, reason: refusal, pointer: "" };
  const secrets = await resolveSecrets(ctx, run.secret_env, site.id);
  if (!secrets.ok) return { ...secrets, pointer: "/env_policy/secrets" };
  const secretNames = Object.keys(run.secret_env).toSorted();
  const limits = limitsOf(run.resource_policy);
  const { isolation_default: _default, ...launchPolicy } = site.launch_policy;
  const start: RunStart = {
    run_id: run.id,
    spec: {
      command: run.command,
      args: run.args,
      env: { ...openEnv(ctx, run.env_sealed), ...secrets.env },
      cwd: run.cwd,
      grace_ms: run.grace_ms,
      ...(run.max_runtime_ms === null ? {} : { max_runtime_ms: run.max_runtime_ms }),
      ...(secretNames.length === 0 ? {} : { secret_env: secretNames }),
      ...(run.inherit_env.length === 0 ? {} : { inherit_env: run.inherit_env }),
      ...(Object.keys(limits).length === 0 ? {} : { limits }),
      ...(run.run_as_user === null ? {} : { user: run.run_as_user }),
      ...(run.run_as_group === null ? {} : { group: run.run_as_group }),
      isolation,
      launch_policy: launchPolicy,
      ...(run.retry === null ? {} : { retry: run.retry satisfies RetryPolicy }),
      ...(run.progress === null ? {} : { progress: run.progress }),
      ...(run.policy_document === null
        ? {}
        : {
            detection: {
              policy_id: run.policy_id,
              policy_name: run.policy_name ?? "",
              version: run.policy_version ?? 0,
              document: run.policy_document,
            },
          }),
      name: run.name,
      ...(run.job_id === null ? {} : { job_id: run.job_id }),
      attempt: run.attempt,
      lineage: run.lineage ?? run.id,
      ...(run.traceparent === null ? {} : { traceparent: run.traceparent }),
    },
  };
  const bytes = Buffer.byteLength(JSON.stringify(start));
  if (bytes > INTENT_BYTES_MAX)
    return {
      ok: false,
      pointer: "/env",
      reason: `Command, arguments, environment and policy take ${bytes} bytes as JSON, at most ${INTENT_BYTES_MAX} are possible. Put large input into a file.`,
    };
  return { ok: true, start, isolation };
}

/** What a site forbids a run, as a sentence; null when it may be. Whether the executable may be is judged by the agent. */
export function refusalOf(
  run: Pick<OrderedRun, "inherit_env" | "run_as_user">,
  isolation: Isolation,
  policy: LaunchPolicy,
): string | null {
  if (!policy.isolation.includes(isolation.mode))
    return `The site allows runs the isolation ${policy.isolation.join(" or ")}; this one asks for ${isolation.mode}. Change one of the two.`;
  const inherited = policy.inherit;
  const foreign = inherited === null ? [] : run.inherit_env.filter((name) => !inherited.includes(name));
  if (foreign.length > 0)
    return `The site does not let a run take over ${foreign.join(", ")} from the agent. Set ${foreign.length === 1 ? "it" : "them"} for the run, or change the site's launch policy.`;
  if (policy.users !== null && run.run_as_user !== null && !policy.users.includes(run.run_as_user))
    return `The site lets runs be started as ${policy.users.join(", ") || "nobody but the agent's own user"}, not as ${run.run_as_user}.`;
  return null;
}

export function limitsOf(policy: ResourcePolicy): RunLimitsSpec {
  return {
    ...(policy.cpu_limit_millicores === undefined ? {} : { cpu_millicores: policy.cpu_limit_millicores }),
    ...(policy.memory_limit_mb === undefined ? {} : { memory_bytes: policy.memory_limit_mb * MIB }),
    ...(policy.pids_limit === undefined ? {} : { pids: policy.pids_limit }),
    ...(policy.open_files_limit === undefined ? {} : { open_files: policy.open_files_limit }),
    ...(policy.file_size_limit_mb === undefined ? {} : { file_bytes: policy.file_size_limit_mb * MIB }),
    ...(policy.nice === undefined ? {} : { nice: policy.nice }),
    ...(policy.umask === undefined ? {} : { umask: policy.umask }),
  };
}

export function sealEnv(ctx: Tx, env: Readonly<Record<string, string>>): Buffer | null {
  return Object.keys(env).length === 0 ? null : ctx.secrets.seal(ENV_SECRET, JSON.stringify(env));
}

/** The values of the variables a run was given, apart from secrets. */
export function openEnv(ctx: Tx, sealed: Buffer | null): Record<string, string> {
  if (sealed === null) return {};
  return JSON.parse(ctx.secrets.open(ENV_SECRET, sealed).toString("utf8")) as Record<string, string>;
}

/** A site's launch policy as it is stored, with its defaults. */
export function launchPolicyOf(stored: Partial<LaunchPolicy>): LaunchPolicy {
  return LaunchPolicy.parse(stored);
}
