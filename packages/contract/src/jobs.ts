import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, Name, page, Reason, Timestamp } from "./common.ts";
import {
  executionFields,
  EnvPolicy,
  Isolation,
  Placement,
  PolicyRef,
  ProgressPolicy,
  ResourcePolicy,
  RetryPolicy,
} from "./execution.ts";
import { Run } from "./runs.ts";

const tag = "Jobs";

export const SCHEDULE_TIMES_MAX = 50;

/** When a job starts by itself; exactly one of `cron`, `every_seconds` and `at`. */
export const SchedulePolicy = z
  .object({
    cron: z.string().min(9).max(200).optional().describe("five fields: minute hour day month weekday"),
    time_zone: z.string().min(1).max(64).default("UTC").describe("of the cron expression; an IANA name"),
    every_seconds: z.number().int().min(1).max(31_536_000).optional(),
    at: Timestamp.optional(),
    misfire: z
      .enum(["skip", "last", "all"])
      .default("last")
      .describe("starts missed while nothing could be started: none, the latest one, or each (at most 100)"),
    overlap: z
      .enum(["skip", "queue", "replace", "allow"])
      .default("skip")
      .describe("when the run before has not ended: leave this one out, wait for it, stop it, or run both"),
    paused: z.boolean().default(false),
  })
  .refine(
    (schedule) =>
      [schedule.cron, schedule.every_seconds, schedule.at].filter((value) => value !== undefined).length ===
      1,
    {
      message: "say one of cron, every_seconds and at",
    },
  );
export type SchedulePolicy = z.output<typeof SchedulePolicy>;

const jobFields = {
  name: Name,
  description: z.string().max(2_000).default(""),
  ...executionFields,
  schedule_policy: SchedulePolicy.optional(),
  placement: Placement.default({}),
  concurrency_max: z
    .number()
    .int()
    .min(1)
    .max(1_000)
    .default(1)
    .describe("runs of this job at once; further ones wait"),
  policy: PolicyRef.optional(),
  detection_policy_version: z
    .string()
    .max(64)
    .optional()
    .describe(
      "`3` or `v3`: that version of the default policy; another way to say `policy`. A number of another form is kept as a label",
    ),
} as const;

export const MANAGED_BY_MAX = 500;

export const JobCreate = z.object({
  ...jobFields,
  managed_by: z
    .string()
    .min(1)
    .max(MANAGED_BY_MAX)
    .nullable()
    .default(null)
    .describe("what keeps the job, when it is not kept by hand: a file that `flowplane up` reads"),
  project_id: Id.optional().describe("another name of site_id"),
  site_id: Id.optional(),
});
export type JobCreate = z.output<typeof JobCreate>;

export const Job = z.object({
  id: Id,
  job_id: Id.describe("the same as id"),
  status: z.enum(["CREATED", "PAUSED", "ARCHIVED"]),
  site_id: Id.nullable(),
  name: z.string(),
  description: z.string(),
  command: z.string(),
  args: z.array(z.string()),
  cwd: z.string().nullable(),
  grace_ms: z.number().int(),
  env_policy: EnvPolicy.describe('values are shown as ""; secrets by name'),
  resource_policy: ResourcePolicy,
  user: z.string().nullable(),
  group: z.string().nullable(),
  isolation: Isolation.nullable(),
  retry: RetryPolicy.nullable(),
  progress: ProgressPolicy.nullable(),
  schedule_policy: SchedulePolicy.nullable(),
  schedule_in_words: z.string().nullable(),
  placement: Placement,
  concurrency_max: z.number().int(),
  policy: z.object({ policy_id: Id, name: z.string(), version: z.number().int().nullable() }).nullable(),
  detection_policy_version: z.string().nullable(),
  /** Where it comes from when it is not kept by hand: a file that `flowplane up` reads. */
  managed_by: z.string().nullable(),
  sentence: z.string(),
  next_run_at: Timestamp.nullable(),
  last_run: z.object({ id: Id, state: z.string(), created_at: Timestamp }).nullable(),
  runs_active: z.number().int(),
  revision: z.number().int(),
  created_by: ActorRef,
  created_at: Timestamp,
  updated_at: Timestamp,
  archived_at: Timestamp.nullable(),
});
export type Job = z.output<typeof Job>;

const JobParams = z.object({ job_id: Id });

export const jobApi = {
  jobCreate: endpoint({
    method: "POST",
    path: "/jobs",
    tag,
    summary: "Create a job",
    access: "run:write",
    body: JobCreate,
    response: Job,
    status: 201,
    idempotent: true,
  }),
  jobList: endpoint({
    method: "GET",
    path: "/jobs",
    tag,
    summary: "List jobs by name",
    access: "run:read",
    query: ListQuery.extend({
      q: z.string().max(500).optional(),
      archived: z.enum(["true", "false"]).default("false"),
      managed_by: z.string().max(MANAGED_BY_MAX).optional(),
    }),
    response: page(Job),
  }),
  jobRead: endpoint({
    method: "GET",
    path: "/jobs/{job_id}",
    tag,
    summary: "Read one job",
    access: "run:read",
    params: JobParams,
    response: Job,
  }),
  jobReplace: endpoint({
    method: "PUT",
    path: "/jobs/{job_id}",
    tag,
    summary:
      'Replace a job\'s definition; runs under way keep theirs. A variable set to "" keeps the value it has',
    access: "run:write",
    params: JobParams,
    body: JobCreate.extend({
      revision: z.number().int().optional().describe("refused when the job has another one by now"),
    }),
    response: Job,
  }),
  jobArchive: endpoint({
    method: "DELETE",
    path: "/jobs/{job_id}",
    tag,
    summary: "Archive a job: no further runs, its history stays",
    access: "run:write",
    params: JobParams,
    status: 204,
  }),
  jobPause: endpoint({
    method: "POST",
    path: "/jobs/{job_id}/pause",
    tag,
    summary: "Pause the schedule",
    access: "run:write",
    params: JobParams,
    body: z.object({ reason: Reason }),
    response: Job,
  }),
  jobResume: endpoint({
    method: "POST",
    path: "/jobs/{job_id}/resume",
    tag,
    summary: "Resume the schedule",
    access: "run:write",
    params: JobParams,
    response: Job,
  }),
  jobRun: endpoint({
    method: "POST",
    path: "/jobs/{job_id}/runs",
    tag,
    summary: "Start a run of a job now; it waits when the job is at its limit",
    access: "run:write",
    params: JobParams,
    body: z
      .object({ args_add: z.array(z.string().max(4_096)).max(64).optional(), reason: Reason.optional() })
      .default({}),
    response: Run,
    status: 201,
    idempotent: true,
  }),
  schedulePreview: endpoint({
    method: "POST",
    path: "/jobs/schedule-preview",
    tag,
    summary: "The next times of a schedule, in words and as a list",
    access: "run:read",
    body: z.object({
      schedule_policy: SchedulePolicy,
      count: z.number().int().min(1).max(SCHEDULE_TIMES_MAX).default(10),
    }),
    response: z.object({
      in_words: z.string(),
      times: z.array(z.object({ at: Timestamp, local: z.string(), note: z.string().nullable() })),
    }),
  }),
  scheduleCalendar: endpoint({
    method: "GET",
    path: "/jobs/calendar",
    tag,
    summary: "Which jobs start when, over some days",
    access: "run:read",
    query: z.object({ from: Timestamp.optional(), days: z.coerce.number().int().min(1).max(31).default(7) }),
    response: z.object({
      items: z.array(
        z.object({ job_id: Id, name: z.string(), times: z.array(Timestamp), more: z.number().int() }),
      ),
    }),
  }),
} as const;
