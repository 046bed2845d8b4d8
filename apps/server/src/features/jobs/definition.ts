import { isDeepStrictEqual } from "node:util";
import type { JobCreate, PolicyVersion, SchedulePolicy } from "@flowplane/contract";
import type { Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { checkArguments, requireSite } from "../runs/create.ts";
import { requireAgent } from "../runs/choose-agent.ts";
import { listVersions } from "../policies/policies.ts";
import { resolvePolicy } from "../policies/resolve.ts";
import { VERSIONS_NAMED_MAX } from "./limits.ts";
import { firstTime, isSameTiming, problemOf } from "./schedule.ts";
import type { JobRow, NewJobRow } from "./store.ts";

/** Purpose under which the values of a job's variables are sealed. */
const ENV_SECRET = "job-env";

/** The columns that a definition fills; the others are the job's history. */
export type Definition = Pick<
  NewJobRow,
  | "site_id"
  | "name"
  | "description"
  | "command"
  | "args"
  | "cwd"
  | "grace_ms"
  | "env_policy"
  | "env_sealed"
  | "resource_policy"
  | "run_as_user"
  | "run_as_group"
  | "isolation"
  | "retry"
  | "progress"
  | "schedule_policy"
  | "placement"
  | "concurrency_max"
  | "policy_id"
  | "policy_version"
  | "detection_policy_version"
  | "managed_by"
  | "next_run_at"
>;

/**
 * Judges a definition and turns it into columns. `old` is what the job was: a variable set to "" keeps its value there, for
 * values are never shown, and a schedule that stays the same goes on where it was.
 */
export async function defineJob(ctx: Tx, input: JobCreate, old: JobRow | null): Promise<Definition> {
  checkArguments(input.command, input.args);
  const siteId = await siteOf(ctx, input);
  const schedule = input.schedule_policy ?? null;
  const nextRunAt = schedule === null ? null : judgeSchedule(ctx, schedule, input.concurrency_max, old);
  const policy = await policyOf(ctx, input);
  const env = { ...input.env_policy?.set };
  const kept = old === null ? {} : openJobEnv(ctx, old.env_sealed);
  for (const [name, value] of Object.entries(env)) if (value === "") env[name] = kept[name] ?? "";
  return {
    site_id: siteId,
    name: input.name,
    description: input.description,
    command: input.command,
    args: JSON.stringify(input.args),
    cwd: input.cwd ?? null,
    grace_ms: input.grace_ms,
    env_policy: JSON.stringify({
      inherit: input.env_policy?.inherit ?? [],
      set: Object.fromEntries(Object.keys(env).map((name) => [name, ""])),
      secrets: input.env_policy?.secrets ?? {},
    }),
    env_sealed: Object.keys(env).length === 0 ? null : ctx.secrets.seal(ENV_SECRET, JSON.stringify(env)),
    resource_policy: JSON.stringify(input.resource_policy ?? {}),
    run_as_user: input.user ?? null,
    run_as_group: input.group ?? null,
    isolation: json(input.isolation),
    retry: json(input.retry),
    progress: json(input.progress),
    schedule_policy: json(schedule ?? undefined),
    placement: JSON.stringify(input.placement),
    concurrency_max: input.concurrency_max,
    ...policy,
    managed_by: input.managed_by,
    next_run_at: nextRunAt === null ? null : new Date(nextRunAt),
  };
}

export function openJobEnv(ctx: Tx, sealed: Buffer | null): Record<string, string> {
  if (sealed === null) return {};
  return JSON.parse(ctx.secrets.open(ENV_SECRET, sealed).toString("utf8")) as Record<string, string>;
}

/** Whether a definition is what the job has already, values of variables included. */
export function isSameDefinition(ctx: Tx, definition: Definition, old: JobRow): boolean {
  const { env_sealed: sealed, next_run_at: _next, ...columns } = definition;
  if (!isDeepStrictEqual(openJobEnv(ctx, sealed ?? null), openJobEnv(ctx, old.env_sealed))) return false;
  return Object.entries(columns).every(([name, value]) => {
    const stored: unknown = old[name as keyof JobRow];
    const isJson = typeof stored === "object" && stored !== null && typeof value === "string";
    return isDeepStrictEqual(isJson ? (JSON.parse(value) as unknown) : (value ?? null), stored ?? null);
  });
}

async function siteOf(ctx: Tx, input: JobCreate): Promise<string | null> {
  const { site_id, project_id, placement } = input;
  if (site_id !== undefined && project_id !== undefined && site_id !== project_id)
    refuse("/project_id", "it is another name of site_id, but the two name different sites");
  const siteId = site_id ?? project_id;
  await requireSite(ctx, siteId);
  await requireSite(ctx, placement.site_id);
  if (siteId !== undefined && placement.site_id !== undefined && placement.site_id !== siteId)
    refuse("/placement/site_id", "it must be the job's own site, or be left out");
  if (placement.agent_id !== undefined) {
    const agent = await requireAgent(ctx, placement.agent_id);
    if (siteId !== undefined && agent.site_id !== siteId)
      refuse("/placement/agent_id", `the agent ${agent.name} is in another site than the job`);
  }
  return siteId ?? placement.site_id ?? null;
}

/** The next start, in ms; null when it has none now. */
function judgeSchedule(
  ctx: Tx,
  schedule: SchedulePolicy,
  concurrencyMax: number,
  old: JobRow | null,
): number | null {
  const now = ctx.now();
  if (schedule.overlap === "allow" && concurrencyMax < 2)
    refuse(
      "/schedule_policy/overlap",
      "`allow` runs several at once, but concurrency_max is 1; raise that, or choose another overlap",
    );
  const isSame = old?.schedule_policy != null && isSameTiming(old.schedule_policy, schedule);
  // A time that is over is refused only when it is new: what was done once stays part of the definition.
  const problem = isSame && schedule.at !== undefined ? null : problemOf(schedule, now);
  if (problem !== null) refuse(`/schedule_policy/${problem.field}`, problem.message);
  if (schedule.paused) return null;
  if (isSame && old?.schedule_policy?.paused === false) return old.next_run_at?.getTime() ?? null;
  return firstTime(schedule, now);
}

/** Checks schedules for who only asks what they would do. */
export function requireSchedule(schedule: SchedulePolicy, now: number): void {
  const problem = problemOf(schedule, now);
  if (problem !== null) refuse(`/schedule_policy/${problem.field}`, problem.message);
}

/**
 * Which policy a job names. `3` and `v3` are versions of the default policy and must be there. A version written otherwise,
 * such as `v3.2.1`, cannot be one of ours: it is kept as a label, and the job says that it runs under the current version.
 */
async function policyOf(
  ctx: Tx,
  { policy, detection_policy_version: label }: JobCreate,
): Promise<Pick<Definition, "policy_id" | "policy_version" | "detection_policy_version">> {
  if (policy !== undefined) {
    if (label !== undefined) refuse("/detection_policy_version", "say either this or policy, not both");
    await resolvePolicy(ctx, policy);
    return {
      policy_id: policy.policy_id,
      policy_version: policy.version ?? null,
      detection_policy_version: null,
    };
  }
  const number = /^v?(\d{1,9})$/.exec(label ?? "")?.[1];
  if (label === undefined || number === undefined)
    return { policy_id: null, policy_version: null, detection_policy_version: label ?? null };
  const current = await resolvePolicy(ctx);
  const version = Number(number);
  if (version < 1 || version > current.version) {
    const { items } = await listVersions({ ...ctx, transaction: ctx }, current.policy_id, {
      limit: VERSIONS_NAMED_MAX,
    });
    const known = items.map((each: PolicyVersion) => each.version).join(", ");
    refuse(
      "/detection_policy_version",
      `the policy ${current.policy_name} has no version ${version}; it has ${known}${items.length === VERSIONS_NAMED_MAX ? ", …" : ""}`,
    );
  }
  return { policy_id: current.policy_id, policy_version: version, detection_policy_version: label };
}

function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

function refuse(pointer: string, message: string): never {
  throw new AppError("invalid_input", `The body is not valid: ${pointer}: ${message}.`, {
    fields: [{ pointer, message }],
  });
}
