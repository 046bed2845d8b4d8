import type { Job, JobCreate } from "@flowplane/contract";
import { actorRef, inTransaction, newId, notify, type Ctx, type Tx } from "../../platform/context.ts";
import { subjects } from "../../platform/bus/bus.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { pageOf, readCursor } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import { stopRun } from "../runs/stop.ts";
import { defineJob, isSameDefinition } from "./definition.ts";
import { firstTime } from "./schedule.ts";
import {
  findJob,
  insertJob,
  isJobNameTaken,
  listJobs,
  listWaitingRuns,
  lockJob,
  updateJob,
  type JobRow,
} from "./store.ts";
import { jobOf } from "./view.ts";

/** Words one filter may hold. */
const WORDS_MAX = 20;

export interface JobListInput {
  readonly cursor?: string | undefined;
  readonly limit: number;
  readonly q?: string | undefined;
  readonly archived: "true" | "false";
  readonly managed_by?: string | undefined;
}

export async function listJobPage(ctx: Ctx, input: JobListInput) {
  const [name, id] = readCursor(input.cursor, 2) ?? [];
  if (input.cursor !== undefined && !(typeof name === "string" && typeof id === "string" && isUuid(id)))
    throw new AppError("invalid_input", "The cursor is not one of this list. Start again without it.");
  const words = (input.q ?? "").split(/\s+/).filter((word) => word !== "");
  if (words.length > WORDS_MAX)
    throw new AppError(
      "invalid_input",
      `The filter has ${words.length} words; at most ${WORDS_MAX} are possible.`,
    );
  const filter = {
    archived: input.archived === "true",
    words: words.map((word) => word.toWellFormed().replaceAll("\0", "\uFFFD")),
    managedBy: input.managed_by,
  };
  const after = input.cursor === undefined ? undefined : ([String(name), String(id)] as const);
  return inTransaction(ctx, async (ctx) => {
    const rows = await listJobs(ctx.db, filter, after, input.limit + 1);
    return pageOf(
      rows,
      input.limit,
      (row) => [row.name, row.id],
      (row) => jobOf(row, ctx.now()),
    );
  });
}

export async function readJob(ctx: Ctx, id: string): Promise<Job> {
  return inTransaction(ctx, (ctx) => shownJob(ctx, id));
}

export async function createJob(ctx: Ctx, input: JobCreate): Promise<Job> {
  return inTransaction(ctx, async (ctx) => {
    const id = newId();
    const now = new Date(ctx.now());
    const isMade = await insertJob(ctx.db, {
      ...(await defineJob(ctx, input, null)),
      id,
      organization_id: ctx.actor.organization_id,
      created_by: JSON.stringify(actorRef(ctx.actor)),
      created_at: now,
      updated_at: now,
    });
    if (!isMade) throw nameTaken(input.name);
    told(ctx, id, "job.create", { name: input.name, command: input.command, managed_by: input.managed_by });
    return shownJob(ctx, id);
  });
}

/** Replaces the definition, unless it is the same. Runs under way keep theirs; a schedule that stays the same goes on where it was. */
export async function replaceJob(
  ctx: Ctx,
  id: string,
  { revision, ...input }: JobCreate & { revision?: number | undefined },
): Promise<Job> {
  return inTransaction(ctx, async (ctx) => {
    const old = await lockLive(ctx, id);
    if (revision !== undefined && revision !== old.revision)
      throw new AppError(
        "conflict",
        `The job was changed meanwhile: it has revision ${old.revision}, not ${revision}. Read it again, then change that.`,
      );
    if (await isJobNameTaken(ctx.db, input.name, old.id)) throw nameTaken(input.name);
    const definition = await defineJob(ctx, input, old);
    // Whoever keeps jobs by a file says the same again and again.
    if (isSameDefinition(ctx, definition, old)) return shownJob(ctx, old.id);
    const next = old.revision + 1;
    await updateJob(ctx.db, old.id, {
      ...definition,
      revision: next,
      updated_at: new Date(ctx.now()),
    });
    told(ctx, old.id, "job.replace", { name: input.name, revision: next });
    return shownJob(ctx, old.id);
  });
}

/** Takes a job out of use: nothing starts any more, and what waited for an agent is withdrawn. */
export async function archiveJob(ctx: Ctx, id: string): Promise<undefined> {
  return inTransaction(ctx, async (ctx) => {
    const job = await lockLive(ctx, id);
    const now = new Date(ctx.now());
    await updateJob(ctx.db, job.id, { archived_at: now, next_run_at: null, updated_at: now });
    for (const runId of await listWaitingRuns(ctx.db, job.id))
      await stopRun({ ...ctx, transaction: ctx }, runId, { mode: "stop", reason: "The job was archived" });
    told(ctx, job.id, "job.archive", { name: job.name });
    return undefined;
  });
}

/** Turns the schedule off; starts by hand stay possible. */
export async function pauseJob(ctx: Ctx, id: string, reason: string): Promise<Job> {
  return setPaused(ctx, id, true, reason);
}

/** Turns the schedule on again, from now: what was left out meanwhile was left out on purpose. */
export async function resumeJob(ctx: Ctx, id: string): Promise<Job> {
  return setPaused(ctx, id, false, null);
}

async function setPaused(ctx: Ctx, id: string, paused: boolean, reason: string | null): Promise<Job> {
  return inTransaction(ctx, async (ctx) => {
    const job = await lockLive(ctx, id);
    const schedule = job.schedule_policy;
    if (schedule === null)
      throw new AppError(
        "conflict",
        `The job ${job.name} has no schedule to ${paused ? "pause" : "resume"}; it starts when somebody asks.`,
      );
    if (schedule.paused !== paused) {
      const next = paused ? null : firstTime(schedule, ctx.now());
      await updateJob(ctx.db, job.id, {
        schedule_policy: JSON.stringify({ ...schedule, paused }),
        next_run_at: next === null ? null : new Date(next),
        updated_at: new Date(ctx.now()),
      });
      told(ctx, job.id, paused ? "job.pause" : "job.resume", { name: job.name }, reason);
    }
    return shownJob(ctx, job.id);
  });
}

/** The job, locked; archived ones are refused. */
export async function lockLive(ctx: Tx, id: string): Promise<JobRow> {
  const job = isUuid(id) ? await lockJob(ctx.db, id) : undefined;
  if (job === undefined) throw notFound("job", id);
  if (job.archived_at !== null)
    throw new AppError("conflict", `The job ${job.name} is archived. Create it again to use it.`);
  return job;
}

async function shownJob(ctx: Tx, id: string): Promise<Job> {
  const row = isUuid(id) ? await findJob(ctx.db, id) : undefined;
  if (row === undefined) throw notFound("job", id);
  return jobOf(row, ctx.now());
}

function told(
  ctx: Tx,
  id: string,
  action: string,
  metadata: Record<string, unknown>,
  reason: string | null = null,
): void {
  record(ctx, { action, target_type: "job", target_id: id, reason, metadata });
  notify(ctx, { topic: "job", id });
  ctx.afterCommit(() => ctx.bus.publish(subjects.jobsDue, {}));
}

function nameTaken(name: string): AppError {
  return new AppError(
    "conflict",
    `There is a job named ${name} already. Choose another name, or change that one.`,
  );
}
