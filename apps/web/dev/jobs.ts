import type { EndpointOutput, Api, Job, Run, SchedulePolicy, Secret } from "@flowplane/contract";
import { idAt, iso } from "./random.ts";

const ADA = { type: "user", id: "user-0", name: "Ada Lovelace" } as const;
const DAY = 86_400_000;

const TABLE = [
  {
    name: "nightly-import",
    command: "/usr/bin/node",
    args: ["import.js", "--since", "yesterday"],
    cron: "15 2 * * *",
    words: "every day at 02:15",
  },
  {
    name: "backup",
    command: "/usr/local/bin/restic",
    args: ["backup", "--tag", "nightly", "/srv/data"],
    cron: "0 */6 * * *",
    words: "every 6 hours, on the hour",
  },
  {
    name: "crawler",
    command: "/opt/crawl/crawl",
    args: ["--site", "shop.example", "--concurrency", "8"],
    cron: "*/20 * * * *",
    words: "every 20 minutes",
  },
  {
    name: "report",
    command: "sh",
    args: ["-c", "make report && cp out/report.pdf /srv/reports/"],
    cron: "0 7 * * 1-5",
    words: "at 07:00 on weekdays",
  },
  {
    name: "train-model",
    command: "/usr/bin/python3",
    args: ["train.py", "--epochs", "40"],
    cron: null,
    words: null,
  },
] as const;

export function makeJobs(count: number, runs: readonly Run[], now: number): Job[] {
  return Array.from({ length: count }, (_, index): Job => {
    const row = TABLE[index % TABLE.length] ?? TABLE[0];
    const name = index < TABLE.length ? row.name : `${row.name}-${index}`;
    const id = idAt(now - 60 * DAY + index, 300 + index);
    const isPaused = index === 3;
    const mine = runs.filter(({ job_id }) => job_id === id);
    const last = mine[0];
    const job: Job = {
      id,
      job_id: id,
      status: isPaused ? "PAUSED" : "CREATED",
      site_id: "site-berlin",
      name,
      description: index === 0 ? "Brings yesterday's orders into the warehouse." : "",
      command: row.command,
      args: [...row.args],
      cwd: index % 2 === 0 ? "/srv/import" : null,
      grace_ms: 10_000,
      env_policy: {
        inherit: ["PATH"],
        set: { TZ: "" },
        secrets: index === 0 ? { PGPASSWORD: "WAREHOUSE_PASSWORD" } : {},
      },
      resource_policy: { memory_limit_mb: 2_048, cpu_limit_millicores: 1_500, max_runtime_seconds: 7_200 },
      user: null,
      group: null,
      isolation: index === 4 ? { mode: "idle" } : null,
      retry: {
        retries_max: 3,
        on: ["failed", "timed_out", "lost"],
        backoff_ms: 5_000,
        backoff_max_ms: 300_000,
        reset_after_ms: 600_000,
      },
      progress: null,
      schedule_policy:
        row.cron === null
          ? null
          : {
              cron: row.cron,
              time_zone: "Europe/Berlin",
              misfire: "last",
              overlap: "skip",
              paused: isPaused,
            },
      schedule_in_words: row.words === null ? null : `${row.words} (Europe/Berlin)`,
      placement: { labels: { role: "etl" } },
      concurrency_max: 1,
      policy: null,
      detection_policy_version: null,
      managed_by: index === 1 ? "flowplane.yaml" : null,
      sentence: "",
      next_run_at: row.cron === null || isPaused ? null : iso(now + (index + 1) * 1_900_000),
      last_run: last === undefined ? null : { id: last.id, state: last.state, created_at: last.created_at },
      runs_active: mine.filter(({ ended_at }) => ended_at === null).length,
      revision: 4,
      created_by: ADA,
      created_at: iso(now - 60 * DAY),
      updated_at: iso(now - 2 * DAY),
      archived_at: null,
    };
    return { ...job, sentence: jobSentence(job) };
  });
}

/** The id of the job a run of this name belongs to, as `makeJobs` makes them. */
export function jobIdOf(name: string, now: number): string | null {
  const index = TABLE.findIndex((row) => row.name === name);
  return index < 0 ? null : idAt(now - 60 * DAY + index, 300 + index);
}

export function jobSentence(job: Job): string {
  if (job.archived_at !== null) return "Archived: it starts no further runs.";
  if (job.status === "PAUSED") return "Paused by Ada Lovelace: “until the new disks are in”.";
  if (job.schedule_policy === null) return "Starts when somebody asks for it.";
  const outcome =
    job.last_run === null
      ? "It has not run yet."
      : `The last run ${job.last_run.state.toLowerCase().replaceAll("_", " ")}.`;
  return `Runs ${job.schedule_in_words ?? ""}. ${outcome}`;
}

/** Times of a schedule as far as a mock needs them: evenly, with one that daylight saving moves. */
export function previewOf(
  schedule: SchedulePolicy,
  count: number,
  now: number,
): EndpointOutput<Api["schedulePreview"]> {
  const step =
    schedule.every_seconds === undefined ? stepOf(schedule.cron ?? "") : schedule.every_seconds * 1_000;
  const first = schedule.at === undefined ? Math.ceil(now / step) * step : Date.parse(schedule.at);
  const total = schedule.at === undefined ? count : 1;
  return {
    in_words:
      TABLE.find(({ cron }) => cron === schedule.cron)?.words ??
      (schedule.every_seconds === undefined
        ? schedule.at === undefined
          ? `at ${schedule.cron ?? ""}`
          : "once"
        : `every ${schedule.every_seconds} s`),
    times: Array.from({ length: total }, (_, index) => {
      const at = first + index * step;
      return {
        at: iso(at),
        local: new Intl.DateTimeFormat("en-GB", {
          dateStyle: "medium",
          timeStyle: "short",
          timeZone: schedule.time_zone,
        }).format(at),
        note:
          index === 3 && schedule.cron?.startsWith("15 2") === true
            ? "02:15 does not exist on this day: runs at 03:00"
            : null,
      };
    }),
  };
}

export function stepOf(cron: string): number {
  if (/^\*\/(\d+) \*/.test(cron)) return Number(/^\*\/(\d+)/.exec(cron)?.[1]) * 60_000;
  if (/^\d+ \*\/(\d+)/.test(cron)) return Number(/^\d+ \*\/(\d+)/.exec(cron)?.[1]) * 3_600_000;
  return DAY;
}

export function makeSecrets(isEmpty: boolean, now: number): Secret[] {
  return (isEmpty ? [] : ["WAREHOUSE_PASSWORD", "S3_SECRET_KEY", "OPENAI_API_KEY"]).map((name, index) => ({
    name,
    site_id: index === 1 ? "site-berlin" : null,
    created_by: ADA,
    created_at: iso(now - 50 * DAY),
    updated_at: iso(now - index * 9 * DAY - 3_000_000),
    last_used_at: index === 2 ? null : iso(now - 3_600_000 * (index + 1)),
  }));
}
