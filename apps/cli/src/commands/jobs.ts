import { randomUUID } from "node:crypto";
import { hostname, userInfo } from "node:os";
import type { Job } from "@flowplane/contract";
import type { Command } from "commander";
import {
  apiCommand,
  defaultCommand,
  openApi,
  plainCommand,
  type ApiOptions,
  type Context,
} from "../context.ts";
import { findJob } from "../find.ts";
import { formatCommand, formatLabels, formatWhen, shortId } from "../format.ts";
import { parseCount } from "../input.ts";
import { listUpTo } from "../listing.ts";
import { printable } from "../text-width.ts";

const JOBS_MAX = 10_000;
const DAYS_DEFAULT = 7;
/** Times of one job that the calendar prints. */
const TIMES_SHOWN = 5;

export function declareJobs(program: Command, context: Context): void {
  const jobs = plainCommand(program, "jobs", "Keep jobs: what runs when, and with which limits");
  defaultCommand(jobs, "ls", "List jobs")
    .alias("list")
    .option("-q, --query <words>", "words in name, description or command")
    .option("--archived", "the archived ones instead")
    .action((options: ListOptions) => listJobs(context, options));
  apiCommand(jobs, "show", "Show one job")
    .argument("<job>", "name, id or a part of it")
    .action((wanted: string, options: ApiOptions) => showJob(context, wanted, options));
  apiCommand(jobs, "apply", "Make jobs those of a file: create, change, archive what it no longer names")
    .option("-f, --file <file>", "the file", "flowplane.yaml")
    .action((options: ApiOptions & { file: string }) => applyFile(context, options));
  apiCommand(jobs, "run", "Start a run of a job now; it waits when the job is at its limit")
    .argument("<job>", "name, id or a part of it")
    .argument("[args...]", "further arguments for the program; put -- before them")
    .option("-r, --reason <text>", "why; it is shown on the run")
    .passThroughOptions()
    .action((wanted: string, args: string[], options: ReasonOptions) =>
      runJob(context, wanted, args, options),
    );
  apiCommand(jobs, "pause", "Pause a job's schedule")
    .argument("<job>", "name, id or a part of it")
    .option("-r, --reason <text>", "why; it is kept in the audit log")
    .action((wanted: string, options: ReasonOptions) => pauseJob(context, wanted, options));
  apiCommand(jobs, "resume", "Resume a job's schedule, from now on")
    .argument("<job>", "name, id or a part of it")
    .action((wanted: string, options: ApiOptions) => resumeJob(context, wanted, options));
  apiCommand(jobs, "archive", "Archive a job: it starts no more, its history stays")
    .argument("<job>", "name, id or a part of it")
    .action((wanted: string, options: ApiOptions) => archiveJob(context, wanted, options));
  apiCommand(jobs, "calendar", "Show which jobs start when")
    .option("--days <n>", `days to look ahead (default: ${DAYS_DEFAULT}, at most 31)`, parseCount)
    .action((options: ApiOptions & { days?: number }) => showCalendar(context, options));
}

interface ListOptions extends ApiOptions {
  query?: string;
  archived?: true;
}

interface ReasonOptions extends ApiOptions {
  reason?: string;
}

async function listJobs(context: Context, options: ListOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const filter = {
    ...(options.query === undefined ? {} : { q: options.query }),
    ...(options.archived === true ? { archived: "true" as const } : {}),
  };
  const { items } = await listUpTo((page) => client.jobList({ query: { ...filter, ...page } }), JOBS_MAX);
  if (options.json === true) return output.json(items);
  if (items.length === 0) {
    output.print("No jobs.");
    output.note("Write some into a flowplane.yaml and apply it with: flowplane jobs apply");
    return;
  }
  const now = context.now();
  output.table<Job>(
    [
      { title: "NAME", value: (job) => job.name, shrinkTo: 8 },
      { title: "STATUS", value: (job) => job.status },
      { title: "STARTS", value: (job) => job.schedule_in_words ?? "when asked", shrinkTo: 12 },
      { title: "NEXT", value: (job) => formatWhen(job.next_run_at, now) },
      { title: "ACTIVE", align: "right", value: (job) => String(job.runs_active) },
      { title: "LAST", value: (job) => job.last_run?.state ?? "-" },
      { title: "COMMAND", value: (job) => formatCommand(job.command, job.args), shrinkTo: 12 },
    ],
    items,
  );
}

async function showJob(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const job = await findJob(client, wanted);
  if (options.json === true) return output.json(job);
  output.print(output.style("bold", printable(job.name)));
  output.print(printable(job.sentence));
  for (const [title, value] of linesOf(job)) output.print(printable(`  ${title.padEnd(12)}${value}`));
}

function linesOf(job: Job): [string, string][] {
  const lines: [string, string | null][] = [
    ["id", job.id],
    ["command", formatCommand(job.command, job.args)],
    ["folder", job.cwd],
    ["starts", job.schedule_in_words],
    ["next", job.next_run_at],
    ["at once", String(job.concurrency_max)],
    ["where", whereWords(job)],
    ["variables", Object.keys(job.env_policy.set).join(" ") || null],
    [
      "secrets",
      Object.entries(job.env_policy.secrets)
        .map((pair) => pair.join("="))
        .join(" ") || null,
    ],
    [
      "limits",
      Object.entries(job.resource_policy)
        .map((pair) => pair.join("="))
        .join(" ") || null,
    ],
    ["retries", job.retry === null ? null : `${job.retry.retries_max}, on ${job.retry.on.join(", ")}`],
    [
      "policy",
      job.policy === null
        ? null
        : `${job.policy.name}${job.policy.version === null ? "" : ` version ${job.policy.version}`}`,
    ],
    ["kept by", job.managed_by],
    ["last run", job.last_run === null ? null : `${shortId(job.last_run.id)} ${job.last_run.state}`],
  ];
  return lines.filter((line): line is [string, string] => line[1] !== null);
}

function whereWords({ placement }: Job): string | null {
  if (placement.agent_id !== undefined) return `agent ${shortId(placement.agent_id)}`;
  if (placement.labels !== undefined) return `agents with ${formatLabels(placement.labels)}`;
  return null;
}

async function applyFile(context: Context, options: ApiOptions & { file: string }): Promise<void> {
  // Not loaded for other commands: the parser of YAML takes its time.
  const { applyJobsFile, loadJobsFile } = await import("../jobs-file/file.ts");
  const { appliedWords } = await import("../jobs-file/apply.ts");
  const file = await loadJobsFile(options.file);
  const { client, output } = await openApi(context, options);
  const applied = await applyJobsFile(client, file, (each) => {
    if (options.json !== true) output.print(printable(appliedWords(each)));
  });
  if (options.json === true) output.json(applied);
  else if (applied.length === 0) output.note(`${options.file} names no jobs.`);
}

async function runJob(
  context: Context,
  wanted: string,
  args: readonly string[],
  options: ReasonOptions,
): Promise<void> {
  const { client, output } = await openApi(context, options);
  const job = await findJob(client, wanted);
  const body = {
    ...(args.length === 0 ? {} : { args_add: [...args] }),
    reason: options.reason ?? defaultReason("run"),
  };
  const run = await client.jobRun({ params: { job_id: job.id }, body }, { idempotencyKey: randomUUID() });
  if (options.json === true) return output.json(run);
  output.print(run.id);
  if (!output.interactive) return;
  output.note(output.style("dim", `${run.sentence} Watch it with: flowplane logs -f ${shortId(run.id)}`));
}

async function pauseJob(context: Context, wanted: string, options: ReasonOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const job = await findJob(client, wanted);
  const reason = options.reason ?? defaultReason("pause");
  const paused = await client.jobPause({ params: { job_id: job.id }, body: { reason } });
  if (options.json === true) output.json(paused);
  else output.print(printable(`${job.name}: ${paused.sentence}`));
}

async function resumeJob(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const job = await findJob(client, wanted);
  const resumed = await client.jobResume({ params: { job_id: job.id } });
  if (options.json === true) output.json(resumed);
  else output.print(printable(`${job.name}: ${resumed.sentence}`));
}

async function archiveJob(context: Context, wanted: string, options: ApiOptions): Promise<void> {
  const { client, output } = await openApi(context, options);
  const job = await findJob(client, wanted);
  await client.jobArchive({ params: { job_id: job.id } });
  if (options.json === true) output.json({ id: job.id, archived: true });
  else output.print(printable(`${job.name} archived`));
}

async function showCalendar(context: Context, options: ApiOptions & { days?: number }): Promise<void> {
  const { client, output } = await openApi(context, options);
  const { items } = await client.scheduleCalendar({ query: { days: options.days ?? DAYS_DEFAULT } });
  if (options.json === true) return output.json(items);
  if (items.length === 0) return output.print("No job starts by itself in this time.");
  output.table(
    [
      { title: "JOB", value: (item: (typeof items)[number]) => item.name, shrinkTo: 8 },
      { title: "TIMES", align: "right", value: ({ times, more }) => String(times.length + more) },
      {
        title: "NEXT (UTC)",
        value: ({ times, more }) => {
          const shown = times.slice(0, TIMES_SHOWN).map((time) => time.slice(0, 16).replace("T", " "));
          return shown.join(", ") + (times.length + more > TIMES_SHOWN ? ", …" : "");
        },
        shrinkTo: 16,
      },
    ],
    items,
  );
}

function defaultReason(verb: string): string {
  return `\`flowplane jobs ${verb}\` by ${userInfo().username} on ${hostname()}`;
}
