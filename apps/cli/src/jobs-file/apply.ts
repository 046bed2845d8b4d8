import type { Client, Job, JobCreate, Run } from "@flowplane/contract";
import { EXIT } from "../exit-codes.ts";
import { CliError, isApiError } from "../failure.ts";
import { findAgent, findPolicyRef } from "../find.ts";
import { listUpTo } from "../listing.ts";
import { findSite } from "../commands/sites.ts";
import { bad, type FileJob } from "./read.ts";

const JOBS_MAX = 10_000;
const ACTIVE_RUNS_MAX = 1_000;

/** What became of one job. */
export interface Applied {
  readonly name: string;
  readonly did: "created" | "changed" | "unchanged" | "archived";
  /** What became of its run, when something did. */
  readonly run: "started" | "restarted" | "stopped" | null;
}

/**
 * Makes the control plane's jobs those of a file: creates, changes, and archives those that the same file kept before and no
 * longer names. Everything that can be judged beforehand is, so that a bad file changes nothing.
 */
export async function applyJobs(
  client: Client,
  jobs: readonly FileJob[],
  managedBy: string,
  told: (applied: Applied) => void,
): Promise<Applied[]> {
  const existing = await listUpTo((page) => client.jobList({ query: page }), JOBS_MAX);
  const byName = new Map(existing.items.map((job) => [job.name, job]));
  const wanted: { job: FileJob; body: JobCreate; old: Job | undefined }[] = [];
  for (const job of jobs) {
    const old = byName.get(job.name);
    if (old !== undefined && old.managed_by !== managedBy)
      throw bad(
        job.where(),
        `there is a job named ${job.name} already, kept ${old.managed_by === null ? "by hand" : `by ${old.managed_by}`}; rename one of the two`,
      );
    wanted.push({ job, body: keepPaused(job, await resolved(client, job, managedBy), old), old });
  }

  const done: Applied[] = [];
  const note = (applied: Applied) => {
    done.push(applied);
    told(applied);
  };
  const reason = `${managedBy} was applied`;
  for (const { job, body, old } of wanted) note(await applyOne(client, job, body, old, reason));
  const names = new Set(jobs.map(({ name }) => name));
  for (const job of existing.items.filter((each) => each.managed_by === managedBy && !names.has(each.name))) {
    await client.jobArchive({ params: { job_id: job.id } });
    // What ends by itself may; a service would go on for ever with nobody to keep it.
    const isService = job.schedule_policy === null && job.retry !== null;
    const stopped = isService ? await stopRuns(client, job.id, `${managedBy} no longer names it`) : 0;
    note({ name: job.name, did: "archived", run: stopped === 0 ? null : "stopped" });
  }
  return done;
}

/** What somebody paused stays paused, unless the file says otherwise: applying it again is no reason to go on. */
function keepPaused(job: FileJob, body: JobCreate, old: Job | undefined): JobCreate {
  const paused = old?.schedule_policy?.paused;
  if (job.paused !== undefined || paused === undefined || body.schedule_policy === undefined) return body;
  return { ...body, schedule_policy: { ...body.schedule_policy, paused } };
}

/** The job with ids for names, judged by the control plane as far as that changes nothing. */
async function resolved(client: Client, job: FileJob, managedBy: string): Promise<JobCreate> {
  const look = async <T>(key: string, find: () => Promise<T>): Promise<T> => {
    try {
      return await find();
    } catch (error) {
      if (error instanceof CliError && error.exitCode !== EXIT.unreachable)
        throw bad(job.where(key), `jobs.${job.name}.${key}: ${error.message}`);
      if (isApiError(error) && (error.problem.status === 400 || error.problem.status === 404))
        throw bad(
          job.where(key),
          `jobs.${job.name}.${key}: ${error.problem.errors?.[0]?.message ?? error.problem.detail}`,
        );
      throw error;
    }
  };
  const { schedule_policy: schedule } = job.body;
  if (schedule !== undefined && schedule.at === undefined) {
    const key = schedule.cron === undefined ? "every" : "schedule";
    await look(key, () => client.schedulePreview({ body: { schedule_policy: schedule, count: 1 } }));
  }
  const { agent, site, policy } = job;
  return {
    ...job.body,
    managed_by: managedBy,
    ...(site === undefined ? {} : { site_id: (await look("site", () => findSite(client, site))).id }),
    ...(agent === undefined
      ? {}
      : {
          placement: {
            ...job.body.placement,
            agent_id: (await look("agent", () => findAgent(client, agent))).id,
          },
        }),
    ...(policy === undefined ? {} : { policy: await look("policy", () => findPolicyRef(client, policy)) }),
  };
}

async function applyOne(
  client: Client,
  job: FileJob,
  body: JobCreate,
  old: Job | undefined,
  reason: string,
): Promise<Applied> {
  if (old === undefined) {
    const made = await client.jobCreate({ body });
    if (job.isService) await client.jobRun({ params: { job_id: made.id }, body: { reason } });
    return { name: job.name, did: "created", run: job.isService ? "started" : null };
  }
  const now = await client.jobReplace({ params: { job_id: old.id }, body });
  const isChanged = now.revision !== old.revision;
  const did = isChanged ? "changed" : "unchanged";
  if (!job.isService) return { name: job.name, did, run: null };
  // The new run waits until the old one has ended: the job's limit is one unless the file says more.
  const stopped = isChanged ? await stopRuns(client, old.id, reason) : 0;
  const isDown = (await activeRuns(client, old.id)).length === 0;
  if (stopped === 0 && !isDown) return { name: job.name, did, run: null };
  await client.jobRun({ params: { job_id: old.id }, body: { reason } });
  return { name: job.name, did, run: stopped > 0 ? "restarted" : "started" };
}

async function activeRuns(client: Client, jobId: string): Promise<Run[]> {
  const query = { job_id: jobId, active: "true" as const };
  return (await listUpTo((page) => client.runList({ query: { ...query, ...page } }), ACTIVE_RUNS_MAX)).items;
}

async function stopRuns(client: Client, jobId: string, reason: string): Promise<number> {
  const runs = await activeRuns(client, jobId);
  for (const run of runs) {
    try {
      await client.runStop({ params: { run_id: run.id }, body: { reason } });
    } catch (error) {
      // It ended by itself meanwhile.
      if (!isApiError(error) || error.problem.status !== 409) throw error;
    }
  }
  return runs.length;
}

/** `web created, started`. */
export function appliedWords({ name, did, run }: Applied): string {
  return `${name} ${did}${run === null ? "" : `, ${run}`}`;
}
