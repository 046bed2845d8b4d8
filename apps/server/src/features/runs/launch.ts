import type {
  ActorRef,
  Isolation,
  Placement,
  PolicyDocument,
  ProgressPolicy,
  ResourcePolicy,
  RetryPolicy,
  RunState,
} from "@flowplane/contract";
import type { RunStart } from "@flowplane/link";
import { actorRef, newId, type Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { subjects } from "../../platform/bus/bus.ts";
import { record } from "../audit/audit.ts";
import { addIntent } from "../gateway/intents.ts";
import { findSpot } from "./find-spot.ts";
import { makeOrder, sealEnv } from "./order.ts";
import type { Candidate } from "./placement.ts";
import { firstSiteId, readSites } from "./placement-store.ts";
import { findRun, insertRun, type NewRunRow, type RunRow, type ShownRunRow } from "./store.ts";
import { addToTimeline, timelineRow } from "./timeline.ts";

/** A policy as a run takes it along; without an id and version it is the run's own. */
export interface LaunchedPolicy {
  readonly policy_id: string | null;
  readonly policy_name: string;
  readonly version: number;
  readonly document: PolicyDocument;
}

/** What is launched, whoever asks for it. */
export interface RunRequest {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string | null;
  readonly grace_ms: number;
  readonly max_runtime_ms: number | null;
  readonly env: Readonly<Record<string, string>>;
  readonly inherit: readonly string[];
  /** Variable -> name of a secret. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly resource_policy: ResourcePolicy;
  readonly user: string | null;
  readonly group: string | null;
  readonly isolation: Isolation | null;
  readonly retry: RetryPolicy | null;
  readonly progress: ProgressPolicy | null;
  readonly policy: LaunchedPolicy | null;
  readonly placement: Placement;
  readonly origin: "api" | "schedule" | "job" | "restart";
  readonly job: { readonly id: string; readonly runsMax: number; readonly isAlone: boolean } | null;
  readonly scheduled_for: Date | null;
  readonly restart_of: string | null;
  readonly reason: string | null;
  /** What else the first entry of its timeline says. */
  readonly note: string | null;
}

/**
 * Makes a run, and gives it to an agent at once when one fits and limits allow; else it waits. The run, its order and the
 * audit event are the caller's transaction. When it can be launched nowhere it is refused; a schedule has nobody to refuse,
 * so its run is made and has FAILED with the reason.
 */
export async function queueRun(ctx: Tx, request: RunRequest): Promise<ShownRunRow> {
  const id = newId();
  const run = runOf(ctx, id, request);
  const spot = await findSpot(ctx, {
    id,
    job_id: request.job?.id ?? null,
    jobRunsMax: request.job?.runsMax ?? 1,
    isAlone: request.job?.isAlone ?? false,
    placement: request.placement,
  });
  switch (spot.kind) {
    case "impossible":
      return failed(ctx, run, request, { reason: spot.reason, pointer: "" });
    case "wait":
      await insert(ctx, run, request, { waiting_for: spot.waitsFor }, "Queued until an agent fits");
      ctx.afterCommit(() => ctx.bus.publish(subjects.runsWaiting, {}));
      return shown(ctx, id);
    case "agent": {
      const site = (await readSites(ctx.db, [spot.agent.site_id])).get(spot.agent.site_id);
      if (site === undefined) throw new Error(`agent ${spot.agent.id} has no site`);
      const order = await makeOrder(ctx, run, site);
      if (!order.ok) return failed(ctx, run, request, order);
      await insertPlaced(ctx, run, request, spot.agent, order);
      return shown(ctx, id);
    }
  }
}

async function insertPlaced(
  ctx: Tx,
  run: PlannedRun,
  request: RunRequest,
  agent: Candidate,
  order: { start: RunStart; isolation: Isolation },
): Promise<void> {
  const place = {
    agent_id: agent.id,
    agent_name: agent.name,
    site_id: agent.site_id,
    isolation: JSON.stringify(order.isolation),
  };
  await insert(ctx, run, request, place, `Queued for ${agent.name}`);
  await addIntent(ctx, { agent_id: agent.id, type: "run.start", run_id: run.id, payload: order.start });
}

/** The run as `makeOrder` takes it and as it is stored, but for where it goes. */
type PlannedRun = ReturnType<typeof runOf>;

function runOf(ctx: Tx, id: string, request: RunRequest) {
  return {
    id,
    name: request.name,
    job_id: request.job?.id ?? null,
    command: request.command,
    args: [...request.args],
    cwd: request.cwd,
    env_sealed: sealEnv(ctx, request.env),
    inherit_env: [...request.inherit],
    secret_env: { ...request.secrets },
    grace_ms: request.grace_ms,
    max_runtime_ms: request.max_runtime_ms,
    resource_policy: request.resource_policy,
    isolation: request.isolation,
    run_as_user: request.user,
    run_as_group: request.group,
    retry: request.retry,
    progress: request.progress,
    policy_id: request.policy?.policy_id ?? null,
    policy_name: request.policy?.policy_name ?? null,
    policy_version: request.policy?.version ?? null,
    policy_document: request.policy?.document ?? null,
    attempt: 1,
    lineage: id,
    traceparent: ctx.traceparent ?? null,
  } satisfies Partial<RunRow>;
}

async function insert(
  ctx: Tx,
  run: PlannedRun,
  request: RunRequest,
  where: Partial<NewRunRow>,
  title: string,
): Promise<void> {
  const now = new Date(ctx.now());
  const actor: ActorRef = actorRef(ctx.actor);
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  await insertRun(ctx.db, {
    ...run,
    organization_id: ctx.actor.organization_id,
    site_id: where.site_id ?? request.placement.site_id ?? (await anySite(ctx)),
    agent_id: null,
    agent_name: null,
    kind: "process",
    args: JSON.stringify(run.args),
    env_names: JSON.stringify(namesOf(request)),
    inherit_env: JSON.stringify(run.inherit_env),
    secret_env: JSON.stringify(run.secret_env),
    resource_policy: JSON.stringify(run.resource_policy),
    isolation: json(run.isolation),
    retry: json(run.retry),
    progress: json(run.progress),
    policy_document: json(run.policy_document),
    policy_mode: run.policy_document?.mode ?? null,
    placement: JSON.stringify(request.placement),
    origin: request.origin,
    scheduled_for: request.scheduled_for,
    retry_at: null,
    state: "QUEUED",
    state_since: now,
    restart_of: request.restart_of,
    created_by: JSON.stringify(actor),
    created_at: now,
    ...where,
  });
  await addToTimeline(ctx, [
    timelineRow(ctx, run.id, actor, {
      type: "run.queued",
      title,
      reason: [request.reason, request.note].filter((part) => part !== null).join(" · ") || null,
      payload: {
        ...(request.restart_of === null ? {} : { restart_of: request.restart_of }),
        ...(request.scheduled_for === null ? {} : { scheduled_for: request.scheduled_for.toISOString() }),
      },
      at: now,
    }),
  ]);
  record(ctx, {
    action: request.restart_of === null ? "run.create" : "run.restart",
    target_type: "run",
    target_id: run.id,
    reason: request.reason,
    metadata: {
      agent_id: where.agent_id ?? null,
      name: run.name,
      command: run.command,
      ...(run.job_id === null ? {} : { job_id: run.job_id }),
      ...(request.restart_of === null ? {} : { restart_of: request.restart_of }),
    },
  });
}

async function failed(
  ctx: Tx,
  run: PlannedRun,
  request: RunRequest,
  { reason, pointer }: { reason: string; pointer: string },
): Promise<ShownRunRow> {
  if (request.origin !== "schedule")
    throw new AppError("invalid_input", reason, { fields: [{ pointer, message: reason }] });
  const end = { state: "FAILED" as RunState, reason, ended_at: new Date(ctx.now()), log_last_seq: 0 };
  await insert(ctx, run, request, end, "Could not be launched");
  return shown(ctx, run.id);
}

async function anySite(ctx: Tx): Promise<string> {
  const id = await firstSiteId(ctx);
  if (id !== undefined) return id;
  throw new AppError("conflict", "The organization has no site. Create one first.");
}

/** Names of the variables a run gets, in order: its own, those taken over and those of secrets. */
function namesOf(request: RunRequest): string[] {
  return [
    ...new Set([...Object.keys(request.env), ...request.inherit, ...Object.keys(request.secrets)]),
  ].toSorted();
}

async function shown(ctx: Tx, id: string): Promise<ShownRunRow> {
  const row = await findRun(ctx.db, id, ctx.now());
  if (row === undefined) throw new Error(`run ${id} is not there right after it was inserted`);
  return row;
}
