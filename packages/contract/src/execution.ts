import { z } from "zod";
import { Id, Labels } from "./common.ts";

// How something is executed: what jobs and runs have in common.

export const ARGV_BYTES_MAX = 128 * 1024;
export const ARGS_MAX = 4_096;
export const GRACE_MS_DEFAULT = 10_000;
export const GRACE_MS_MAX = 600_000;
export const ENV_VALUE_CHARS_MAX = 32_768;
export const RETRIES_MAX = 1_000;

const noNul = (text: string) => !text.includes("\0");
export const Argument = z.string().refine(noNul, "must not hold a NUL byte");
export const EnvName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "letters, digits and _ only, no digit first");
/** Secrets are named like variables, so that the same name may serve as both. */
export const SecretName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, "letters, digits and _ only, no digit first, at most 64");
/** `name` or `uid`, as the host knows them. */
const Principal = z.string().regex(/^[A-Za-z0-9_.-]{1,64}$/, "a name or number the host knows");

/** What a process is given besides its arguments. Nothing of the agent's own environment but what is listed. */
export const EnvPolicy = z.object({
  inherit: z
    .array(EnvName)
    .max(100)
    .default([])
    .describe("variables taken over from the agent, when it has them"),
  set: z.record(EnvName, Argument.max(ENV_VALUE_CHARS_MAX)).default({}),
  secrets: z
    .record(EnvName, SecretName)
    .default({})
    .describe("variable -> name of a stored secret; its value reaches the process and nothing else"),
});
export type EnvPolicy = z.output<typeof EnvPolicy>;

/** Limits; absent means none. Those of memory, CPU and processes need cgroup v2 on the host, or are sampled and acted upon. */
export const ResourcePolicy = z.object({
  cpu_limit_millicores: z.number().int().min(10).max(1_024_000).optional(),
  memory_limit_mb: z.number().int().min(4).max(16_777_216).optional(),
  pids_limit: z.number().int().min(1).max(4_194_304).optional(),
  open_files_limit: z.number().int().min(3).max(1_048_576).optional(),
  file_size_limit_mb: z.number().int().min(1).max(1_073_741_824).optional(),
  nice: z.number().int().min(-20).max(19).optional(),
  umask: z
    .string()
    .regex(/^0?[0-7]{3}$/, "three octal digits")
    .optional(),
  max_runtime_seconds: z.number().int().min(1).max(31_536_000).optional(),
});
export type ResourcePolicy = z.output<typeof ResourcePolicy>;

export const ISOLATION_MODES = ["process", "idle", "container"] as const;
/** `idle`: only what nobody else wants of CPU and disk. `container`: rootless podman or docker, where the host has one. */
export const Isolation = z
  .object({
    mode: z.enum(ISOLATION_MODES),
    image: z.string().min(1).max(500).optional().describe("container only, and needed there"),
    network: z.enum(["none", "host", "bridge"]).optional().describe("container only; default none"),
  })
  .refine((isolation) => (isolation.mode === "container") === (isolation.image !== undefined), {
    message: "a container needs an image, and only a container has one",
    path: ["image"],
  });
export type Isolation = z.output<typeof Isolation>;

export const RETRY_REASONS = ["failed", "timed_out", "lost", "succeeded"] as const;
/**
 * What happens after an end that nobody asked for. The wait doubles from `backoff_ms` to `backoff_max_ms`, with jitter; an attempt
 * that ran for `reset_after_ms` starts the count afresh.
 */
export const RetryPolicy = z
  .object({
    retries_max: z.number().int().min(0).max(RETRIES_MAX).default(0),
    on: z.array(z.enum(RETRY_REASONS)).min(1).default(["failed", "timed_out", "lost"]),
    backoff_ms: z.number().int().min(100).max(3_600_000).default(1_000),
    backoff_max_ms: z.number().int().min(100).max(86_400_000).default(300_000),
    reset_after_ms: z.number().int().min(1_000).max(86_400_000).default(600_000),
  })
  .refine((retry) => retry.backoff_max_ms >= retry.backoff_ms, {
    message: "must not be below backoff_ms",
    path: ["backoff_max_ms"],
  });
export type RetryPolicy = z.output<typeof RetryPolicy>;

/** How a run shows that it gets on, besides what it prints. */
export const ProgressPolicy = z.object({
  heartbeat_ms: z
    .number()
    .int()
    .min(1_000)
    .max(86_400_000)
    .optional()
    .describe("a sign of life at least this often; without one the run counts as stalled"),
  file: z.string().min(1).max(4_096).optional().describe("a file whose change is a sign of progress"),
  pattern: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe("a regular expression; a line that matches is a sign of progress"),
});
export type ProgressPolicy = z.output<typeof ProgressPolicy>;

/** Where it runs: on one agent, or on the least loaded connected one that carries these labels. */
export const Placement = z.object({
  agent_id: Id.optional(),
  labels: Labels.optional(),
  site_id: Id.optional(),
});
export type Placement = z.output<typeof Placement>;

/** Which version of which detection policy; without a version the current one at launch. */
export const PolicyRef = z.object({ policy_id: Id, version: z.number().int().min(1).optional() });

/** The fields a job and a run share. */
export const executionFields = {
  command: Argument.min(1, "say which program to run").max(4_096),
  args: z.array(Argument).max(ARGS_MAX).default([]),
  cwd: Argument.min(1)
    .max(4_096)
    .startsWith("/", "an absolute path")
    .optional()
    .describe("default: the agent's work folder for runs"),
  grace_ms: z.number().int().min(0).max(GRACE_MS_MAX).default(GRACE_MS_DEFAULT),
  env_policy: EnvPolicy.optional(),
  resource_policy: ResourcePolicy.optional(),
  user: Principal.optional().describe("needs an agent that may change users"),
  group: Principal.optional(),
  isolation: Isolation.optional().describe("default: what the site says, else process"),
  retry: RetryPolicy.optional(),
  progress: ProgressPolicy.optional(),
} as const;

/** What may be started in a site at all. A host's own file may forbid more, never allow more. */
export const LaunchPolicy = z.object({
  allow: z
    .array(z.string().min(1).max(4_096))
    .max(500)
    .default([])
    .describe(
      "patterns of executables' absolute paths (`/usr/bin/*`, `/opt/etl/**`); empty: everything that is not denied",
    ),
  deny: z.array(z.string().min(1).max(4_096)).max(500).default([]).describe("wins over allow"),
  isolation: z
    .array(z.enum(ISOLATION_MODES))
    .min(1)
    .default(["process", "idle", "container"])
    .describe("modes a run may have"),
  isolation_default: Isolation.default({ mode: "process" }),
  inherit: z
    .array(EnvName)
    .max(100)
    .nullable()
    .default(null)
    .describe("variables a run may take over from the agent; null: any"),
  users: z
    .array(Principal)
    .max(100)
    .nullable()
    .default(null)
    .describe("users a run may be started as; null: any the agent can"),
  require_limits: z
    .boolean()
    .default(false)
    .describe("refuse runs whose limits the host cannot enforce in the kernel"),
});
export type LaunchPolicy = z.output<typeof LaunchPolicy>;
