import { every, type Task } from "@flowplane/runtime";
import type { SchedulePolicy } from "@flowplane/contract";
import { subjects } from "../../platform/bus/bus.ts";
import { inTransaction, notify, timestamp, type Base, type Tx } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { plural } from "../../platform/words.ts";
import { stopRun } from "../runs/stop.ts";
import { systemContext } from "../runs/system-context.ts";
import { drawnBack, judgeDue } from "./due.ts";
import {
  DUE_JOBS_MAX,
  HEAL_EVERY_MS,
  HEAL_JOBS_MAX,
  LOOK_EVERY_MS,
  RETRY_FORGOTTEN_MS,
  WAITING_STARTS_MAX,
} from "./limits.ts";
import { startJob } from "./start.ts";
import {
  findDueJobs,
  findFarJobs,
  isStarted,
  listActiveRuns,
  lockDueJob,
  lockJob,
  updateJob,
  type JobRow,
} from "./store.ts";

/** The worker's task: what schedules ask for is started soon after its time. */
export function jobScheduler(base: Base): Task {
  let healedAt = Number.NEGATIVE_INFINITY;
  const look = async () => {
    try {
      await startDueJobs(base);
      const now = base.now();
      if (Math.abs(now - healedAt) < HEAL_EVERY_MS) return;
      healedAt = now;
      await drawBackJobs(base);
    } catch (error) {
      // The database may be away for a while; a later look finds the same jobs.
      base.log.error({ err: error }, "starting what is due failed");
    }
  };
  return {
    name: "job schedules",
    run: (signal) => every(LOOK_EVERY_MS, signal, look),
  };
}

/**
 * Starts every job that is due, of all organizations. Idempotent, and without input: what is due is read, and judged again
 * under each job's lock; the starts and the job's next time are one transaction. So each start is made once, whoever
 * is killed and however many look at a time. Returns how many runs it made.
 */
export async function startDueJobs(base: Base): Promise<number> {
  const due = await findDueJobs(base.storage.system, new Date(base.now()), DUE_JOBS_MAX);
  let made = 0;
  for (const { id, organization_id } of due) {
    try {
      made += await inTransaction(systemContext(base, organization_id), (ctx) => startDue(ctx, id));
    } catch (error) {
      // One job that cannot be started holds up no other.
      base.log.error({ err: error, job_id: id }, "starting a job by its schedule failed");
    }
  }
  return made;
}

async function startDue(ctx: Tx, id: string): Promise<number> {
  const job = await lockDueJob(ctx.db, id, new Date(ctx.now()));
  const schedule = job?.schedule_policy;
  if (job === undefined || schedule == null || job.next_run_at === null) return 0;
  const { starts, left, next } = judgeDue(schedule, job.next_run_at.getTime(), ctx.now());
  const notes = left === null ? [] : [left];
  let made = 0;
  for (const time of starts) {
    const note = await startOne(ctx, job, schedule, new Date(time));
    if (note === null) made += 1;
    else notes.push(note);
  }
  const note = notes.at(-1);
  await updateJob(ctx.db, job.id, {
    next_run_at: next === null ? null : new Date(next),
    ...(note === undefined ? {} : { note, note_at: new Date(ctx.now()) }),
  });
  notify(ctx, { topic: "job", id: job.id });
  if (made > 0) ctx.afterCommit(() => ctx.bus.publish(subjects.runsWaiting, {}));
  return made;
}

/** Makes one start, or says why it is left out. */
async function startOne(
  ctx: Tx,
  job: JobRow,
  schedule: SchedulePolicy,
  scheduledFor: Date,
): Promise<string | null> {
  // It was made before, by a clock that ran ahead then.
  if (await isStarted(ctx.db, job.id, scheduledFor))
    return `the start of ${timestamp(scheduledFor)} had been made already`;
  const active = await listActiveRuns(ctx.db, job.id, new Date(ctx.now() - RETRY_FORGOTTEN_MS));
  const leftOut = `the start of ${timestamp(scheduledFor)} was left out`;
  if (active.length > 0) {
    const waiting = active.filter((run) => run.agent_id === null && run.origin === "schedule");
    switch (schedule.overlap) {
      case "skip":
        return `${leftOut}: ${active.length === 1 ? "the run before had" : `${active.length} runs before had`} not ended`;
      case "replace":
        for (const run of active)
          await stopRun({ ...ctx, transaction: ctx }, run.id, {
            mode: "stop",
            reason: `The schedule of ${job.name} starts it again, instead of this run`,
            isLenient: true,
          });
        break;
      case "queue":
      case "allow":
        if (waiting.length >= WAITING_STARTS_MAX)
          return `${leftOut}: ${plural(waiting.length, "start")} before it wait already`;
        break;
    }
  }
  try {
    await startJob(ctx, job, {
      args: job.args,
      origin: "schedule",
      scheduled_for: scheduledFor,
      reason: null,
    });
    return null;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `${leftOut}: ${error.message}`;
  }
}

/** Puts right what a clock that ran ahead left behind: next starts farther off than their schedules say. */
export async function drawBackJobs(base: Base): Promise<number> {
  let after: string | undefined;
  let drawn = 0;
  for (;;) {
    const jobs = await findFarJobs(base.storage.system, new Date(base.now()), after, HEAL_JOBS_MAX);
    for (const { id, organization_id, schedule_policy: schedule, next_run_at: next } of jobs) {
      if (schedule === null || next === null) continue;
      if (drawnBack(schedule, next.getTime(), base.now()) === null) continue;
      if (await inTransaction(systemContext(base, organization_id), (ctx) => drawBack(ctx, id))) drawn += 1;
    }
    after = jobs.at(-1)?.id;
    if (jobs.length < HEAL_JOBS_MAX) return drawn;
  }
}

async function drawBack(ctx: Tx, id: string): Promise<boolean> {
  const job = await lockJob(ctx.db, id);
  if (job?.schedule_policy == null || job.next_run_at === null || job.archived_at !== null) return false;
  const next = drawnBack(job.schedule_policy, job.next_run_at.getTime(), ctx.now());
  if (next === null) return false;
  await updateJob(ctx.db, id, { next_run_at: new Date(next) });
  notify(ctx, { topic: "job", id });
  return true;
}
