import type { Placement, Run } from "@flowplane/contract";
import { inTransaction, notify, type Ctx, type Tx } from "../../platform/context.ts";
import { checkArguments, policyOf, runtimeOf } from "../runs/create.ts";
import { queueRun, type RunRequest } from "../runs/launch.ts";
import { checkSecrets } from "../secrets/secrets.ts";
import { runOf } from "../runs/view.ts";
import { openJobEnv } from "./definition.ts";
import { lockLive } from "./jobs.ts";
import type { JobRow } from "./store.ts";

/** Starts a run of a job because somebody asks; it waits when the job is at its limit. */
export async function runJob(
  ctx: Ctx,
  id: string,
  input: { args_add?: string[] | undefined; reason?: string | undefined },
): Promise<Run> {
  return inTransaction(ctx, async (ctx) => {
    const job = await lockLive(ctx, id);
    const args = [...job.args, ...(input.args_add ?? [])];
    checkArguments(job.command, args);
    await checkSecrets(ctx, job.env_policy.secrets ?? {}, placementOf(job).site_id ?? null, "");
    const row = await startJob(ctx, job, {
      args,
      origin: "job",
      scheduled_for: null,
      reason: input.reason ?? null,
    });
    return runOf(row, ctx.now());
  });
}

/** Queues a run of a job, whoever asks. */
export async function startJob(
  ctx: Tx,
  job: JobRow,
  start: Pick<RunRequest, "args" | "origin" | "scheduled_for" | "reason">,
) {
  const overlap = job.schedule_policy?.overlap;
  const isAlone = start.origin === "schedule" && (overlap === "queue" || overlap === "replace");
  const row = await queueRun(ctx, {
    ...start,
    name: job.name,
    command: job.command,
    cwd: job.cwd,
    grace_ms: job.grace_ms,
    max_runtime_ms: runtimeOf(null, job.resource_policy.max_runtime_seconds),
    env: openJobEnv(ctx, job.env_sealed),
    inherit: job.env_policy.inherit ?? [],
    secrets: job.env_policy.secrets ?? {},
    resource_policy: job.resource_policy,
    user: job.run_as_user,
    group: job.run_as_group,
    isolation: job.isolation,
    retry: job.retry,
    progress: job.progress,
    policy: await policyOf(
      ctx,
      job.policy_id === null
        ? undefined
        : { policy_id: job.policy_id, version: job.policy_version ?? undefined },
    ),
    placement: placementOf(job),
    job: { id: job.id, runsMax: job.concurrency_max, isAlone },
    restart_of: null,
    note: null,
  });
  notify(ctx, { topic: "job", id: job.id });
  return row;
}

/** A job's own placement, within its site. */
function placementOf(job: JobRow): Placement {
  return job.site_id === null ? job.placement : { ...job.placement, site_id: job.site_id };
}
