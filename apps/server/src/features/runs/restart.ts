import type { Placement, Run } from "@flowplane/contract";
import { inTransaction, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { resolvePolicy } from "../policies/resolve.ts";
import { requireAgent } from "./choose-agent.ts";
import { queueRun, type LaunchedPolicy } from "./launch.ts";
import { openEnv } from "./order.ts";
import { describeEnd } from "./refusals.ts";
import { findJobRunsMax, lockRun, type RunRow } from "./store.ts";
import { addToTimeline, timelineRow } from "./timeline.ts";
import { standingOf } from "./transitions.ts";
import { runOf } from "./view.ts";

/** Launches what an ended run launched, on the same agent, with the same environment and today's secrets and policy. */
export async function restartRun(ctx: Ctx, id: string, reason: string): Promise<Run> {
  return inTransaction(ctx, async (ctx) => {
    // Locked, so that the run cannot be found alive by its agent between the look and the launch.
    const old = isUuid(id) ? await lockRun(ctx.db, id) : undefined;
    if (old === undefined) throw notFound("run", id);
    const standing = standingOf(old);
    if (standing !== "ENDED" && standing !== "PRESUMED")
      throw new AppError("conflict", `The run ${describeEnd(old)}. Stop it first, then restart it.`);
    const env = openEnv(ctx, old.env_sealed);
    const row = await queueRun(ctx, {
      name: old.name,
      command: old.command,
      args: old.args,
      cwd: old.cwd,
      grace_ms: old.grace_ms,
      max_runtime_ms: old.max_runtime_ms,
      env,
      inherit: old.inherit_env,
      secrets: old.secret_env,
      resource_policy: old.resource_policy,
      user: old.run_as_user,
      group: old.run_as_group,
      isolation: old.isolation,
      retry: old.retry,
      progress: old.progress,
      policy: await policyAgain(ctx, old),
      placement: await placementAgain(ctx, old),
      origin: "restart",
      job: old.job_id === null ? null : await jobAgain(ctx, old.job_id),
      scheduled_for: null,
      restart_of: old.id,
      reason,
      note: forgottenWords(old, env),
    });
    await addToTimeline(ctx, [
      timelineRow(ctx, old.id, ctx.actor, {
        type: "run.restarted",
        title: "Restarted as a new run",
        reason,
        payload: { run_id: row.id },
        at: new Date(ctx.now()),
      }),
    ]);
    return runOf(row, ctx.now());
  });
}

async function placementAgain(ctx: Tx, old: RunRow): Promise<Placement> {
  if (old.agent_id === null) return old.placement ?? {};
  const agent = await requireAgent(ctx, old.agent_id);
  return { agent_id: agent.id, site_id: agent.site_id };
}

async function jobAgain(ctx: Tx, jobId: string) {
  const runsMax = await findJobRunsMax(ctx.db, jobId);
  return runsMax === undefined ? null : { id: jobId, runsMax, isAlone: false };
}

/** The policy's current version; what the run had when the policy is no more, or was its own. */
async function policyAgain(ctx: Tx, old: RunRow): Promise<LaunchedPolicy | null> {
  if (old.policy_id !== null) {
    try {
      return await resolvePolicy(ctx, { policy_id: old.policy_id });
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
    }
  }
  if (old.policy_document === null) return null;
  return {
    policy_id: null,
    policy_name: old.policy_name ?? "its own",
    version: old.policy_version ?? 0,
    document: old.policy_document,
  };
}

/** A run begun on its host keeps the values of its variables there. */
function forgottenWords(old: RunRow, env: Readonly<Record<string, string>>): string | null {
  const known = new Set([...Object.keys(env), ...old.inherit_env, ...Object.keys(old.secret_env)]);
  const unknown = old.env_names.filter((name) => !known.has(name));
  if (unknown.length === 0) return null;
  return `Launched without ${unknown.join(", ")}: set on the host, and not known here.`;
}
