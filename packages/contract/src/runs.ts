import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, Name, page, Reason, Timestamp, Waiting } from "./common.ts";
import {
  Argument,
  ENV_VALUE_CHARS_MAX,
  EnvName,
  executionFields,
  Isolation,
  Placement,
  PolicyRef,
  ProgressPolicy,
  ResourcePolicy,
  RetryPolicy,
} from "./execution.ts";
import { PolicyDocument, PolicyMode } from "./policy-document.ts";

const tag = "Runs";
export const RUN_STATES = [
  "QUEUED",
  "STARTING",
  "RUNNING",
  "STOPPING",
  "SUCCEEDED",
  "FAILED",
  "STOPPED",
  "TIMED_OUT",
  "FAILED_STOP",
  "LOST",
] as const;
export const RunState = z.enum(RUN_STATES);
export type RunState = z.output<typeof RunState>;
export const TERMINAL_RUN_STATES = [
  "SUCCEEDED",
  "FAILED",
  "STOPPED",
  "TIMED_OUT",
  "FAILED_STOP",
  "LOST",
] as const satisfies readonly RunState[];

export function isTerminal(state: RunState): boolean {
  return (TERMINAL_RUN_STATES as readonly RunState[]).includes(state);
}

export const RunCreate = z.object({
  name: Name.optional().describe("default: the command's last path part"),
  ...executionFields,
  env: z.record(EnvName, Argument.max(ENV_VALUE_CHARS_MAX)).default({}).describe("added to env_policy.set"),
  agent_id: Id.optional().describe("default: the only connected site agent, else an error that lists them"),
  placement: Placement.optional().describe("instead of agent_id: the run waits for an agent that fits"),
  policy: PolicyRef.optional(),
  policy_document: PolicyDocument.optional().describe("a policy for this run alone"),
  max_runtime_ms: z.number().int().min(1_000).max(31_536_000_000).nullable().default(null),
});
export type RunCreate = z.output<typeof RunCreate>;

export const RUN_ORIGINS = ["api", "schedule", "job", "restart", "retry", "intervention", "local"] as const;

export const Run = z.object({
  id: Id,
  kind: z.enum(["process", "check", "assistant"]),
  job_id: Id.nullable(),
  site_id: Id,
  agent_id: Id.nullable().describe("null while it waits for an agent that fits"),
  agent_name: z.string().nullable(),
  name: z.string(),
  origin: z.enum(RUN_ORIGINS),
  attempt: z.number().int().describe("1, and one more with each retry"),
  retry_of: Id.nullable().describe("the run whose end led to this one"),
  scheduled_for: Timestamp.nullable(),
  command: z.string(),
  args: z.array(z.string()),
  cwd: z.string().nullable(),
  env_names: z.array(z.string()).describe("names only; values are never shown"),
  grace_ms: z.number().int(),
  max_runtime_ms: z.number().int().nullable(),
  resource_policy: ResourcePolicy,
  isolation: Isolation.nullable(),
  user: z.string().nullable(),
  group: z.string().nullable(),
  retry: RetryPolicy.nullable(),
  progress: ProgressPolicy.nullable(),
  policy: z
    .object({ id: Id.nullable(), name: z.string(), version: z.number().int(), mode: PolicyMode })
    .nullable()
    .describe("the detection policy it was launched with; without an id, one of its own"),
  incidents: z.object({ open: z.number().int(), total: z.number().int() }),
  intervention: z
    .object({
      incident_id: Id,
      action: z.enum(["freeze", "stop", "restart", "stop_for_good"]),
      at: Timestamp,
      what: z.string().describe("what was seen, as part of a sentence"),
    })
    .nullable()
    .describe("the last thing a policy did to it"),
  frozen_since: Timestamp.nullable(),
  usage: z
    .object({
      cpu_ms: z.number(),
      memory_bytes: z.number(),
      memory_peak_bytes: z.number(),
      processes: z.number(),
      at: Timestamp,
    })
    .nullable()
    .describe("as last measured"),
  state: RunState,
  state_since: Timestamp,
  waiting: Waiting.nullable(),
  sentence: z.string().describe("one true sentence about the run now"),
  pid: z.number().int().nullable(),
  exit_code: z.number().int().nullable(),
  signal: z.string().nullable(),
  reason: z
    .string()
    .nullable()
    .describe("why it ended as it did, when there is more to say than the exit code"),
  stop: z
    .object({ mode: z.enum(["stop", "kill"]), actor: ActorRef, reason: z.string(), requested_at: Timestamp })
    .nullable(),
  restart_of: Id.nullable(),
  created_by: ActorRef,
  created_at: Timestamp,
  started_at: Timestamp.nullable(),
  ended_at: Timestamp.nullable(),
  log: z.object({
    bytes: z.number().int(),
    lines: z.number().int(),
    stored_seq: z.number().int().describe("last line stored by the control plane"),
    complete: z.boolean().describe("the run has ended and every line is stored"),
    redactions: z.number().int().describe("secrets that were replaced before they left the host"),
    expired: z.boolean().describe("every stored line was deleted when its time was over"),
    first_seq: z.number().int().describe("first line that is kept; of a run under way the oldest expire"),
    expired_until: Timestamp.nullable().describe("time of the last line that has expired"),
    sentence: z.string().nullable().describe("what has expired, in words; null when nothing has"),
  }),
});
export type Run = z.output<typeof Run>;

export const RunEvent = z.object({
  id: Id,
  at: Timestamp,
  type: z.string(),
  actor: ActorRef,
  title: z.string(),
  reason: z.string().nullable(),
  payload: z.record(z.string(), z.unknown()),
});
export type RunEvent = z.output<typeof RunEvent>;

/** One line. `text` has invalid UTF-8 replaced; then `base64` holds the exact bytes. `partial`: no newline follows. */
export const LogLine = z.object({
  seq: z.number().int(),
  at: Timestamp,
  stream: z.enum(["stdout", "stderr"]),
  text: z.string(),
  base64: z.string().optional(),
  partial: z.boolean(),
});
export type LogLine = z.output<typeof LogLine>;

export const LOG_PAGE_MAX = 2_000;
export const SAMPLE_POINTS_MAX = 2_000;

/** What the run's processes used at one moment; a gap in time is a gap in knowledge. Counters are since the start. */
export const RunSample = z.object({
  at: Timestamp,
  cpu_ms: z.number().nullable(),
  memory_bytes: z.number().nullable(),
  memory_limit_bytes: z.number().nullable(),
  read_bytes: z.number().nullable(),
  write_bytes: z.number().nullable(),
  processes: z.number().int().nullable(),
  log_bytes: z.number(),
});
export type RunSample = z.output<typeof RunSample>;

/** A decision as it was recorded, and as it came out again. Equal means byte for byte. */
export const ReplayResult = z.object({
  run_id: Id,
  equal: z.boolean().nullable().describe("null under another policy, where nothing has to be equal"),
  intact: z.boolean().describe("the evidence is as the agent wrote it"),
  problem: z
    .string()
    .nullable()
    .describe("why it is not intact or could not be replayed, and what was expected where"),
  events: z.number().int(),
  decisions: z.array(
    z.object({
      at: Timestamp,
      line: z.number().int(),
      kind: z.string(),
      category: z.string(),
      score: z.number().int(),
      action: z.string().nullable(),
      outcome: z.string().nullable(),
      recorded: z.boolean(),
      replayed: z.boolean(),
    }),
  ),
  sentence: z.string(),
});
export type ReplayResult = z.output<typeof ReplayResult>;

export const FoundLine = z.object({ run_id: Id, run_name: z.string(), line: LogLine });
const RunParams = z.object({ run_id: Id });
const StopAnswer = z.object({
  status: z.literal("stop_requested"),
  run_id: Id,
  lifecycle: RunState,
  requested_at: Timestamp,
});

export const runApi = {
  runCreate: endpoint({
    method: "POST",
    path: "/runs",
    tag,
    summary: "Launch a command on an agent",
    access: "run:write",
    body: RunCreate,
    response: Run,
    status: 201,
    idempotent: true,
  }),
  runList: endpoint({
    method: "GET",
    path: "/runs",
    tag,
    summary: "List runs, newest first",
    access: "run:read",
    query: ListQuery.extend({
      state: RunState.optional(),
      active: z.enum(["true", "false"]).optional().describe("only runs that have not ended / have ended"),
      agent_id: Id.optional(),
      job_id: Id.optional(),
      from_run_id: Id.optional().describe("only what this run led to: its next attempt, a restart of it"),
      q: z.string().max(500).optional().describe("words in name, command or arguments"),
    }),
    response: page(Run),
  }),
  runRead: endpoint({
    method: "GET",
    path: "/runs/{run_id}",
    tag,
    summary: "Read one run",
    access: "run:read",
    params: RunParams,
    response: Run,
  }),
  runStop: endpoint({
    method: "POST",
    path: "/runs/{run_id}/stop",
    tag,
    summary: "Stop a run: SIGTERM, its grace period, then SIGKILL to everything it started",
    access: "run:write",
    params: RunParams,
    body: z.object({ reason: Reason, grace_ms: z.number().int().min(0).max(600_000).optional() }),
    response: StopAnswer,
    status: 202,
  }),
  runKill: endpoint({
    method: "POST",
    path: "/runs/{run_id}/kill",
    tag,
    summary: "Kill a run at once",
    access: "run:write",
    params: RunParams,
    body: z.object({ reason: Reason }),
    response: StopAnswer,
    status: 202,
  }),
  runRestart: endpoint({
    method: "POST",
    path: "/runs/{run_id}/restart",
    tag,
    summary: "Launch the same command again; the run must have ended",
    access: "run:write",
    params: RunParams,
    body: z.object({ reason: Reason }),
    response: Run,
    status: 201,
    idempotent: true,
  }),
  runEvents: endpoint({
    method: "GET",
    path: "/runs/{run_id}/events",
    tag,
    summary: "Timeline of a run, oldest first",
    access: "run:read",
    params: RunParams,
    query: ListQuery,
    response: page(RunEvent),
  }),
  runLogs: endpoint({
    method: "GET",
    path: "/runs/{run_id}/logs",
    tag,
    summary: "Lines of a run from a sequence number on",
    access: "run:read",
    params: RunParams,
    query: z.object({
      from_seq: z.coerce.number().int().min(1).default(1),
      limit: z.coerce.number().int().min(1).max(LOG_PAGE_MAX).default(500),
    }),
    response: z.object({
      items: z.array(LogLine),
      next_seq: z.number().int().nullable(),
      last_seq: z.number().int(),
      first_seq: z.number().int().describe("first line that is kept"),
    }),
  }),
  runLogSearch: endpoint({
    method: "GET",
    path: "/runs/{run_id}/logs/search",
    tag,
    summary: "Sequence numbers of stored lines that contain a text",
    access: "run:read",
    params: RunParams,
    query: z.object({
      q: z.string().min(1).max(500),
      case_sensitive: z.enum(["true", "false"]).default("false"),
      from_seq: z.coerce.number().int().min(1).default(1),
      limit: z.coerce.number().int().min(1).max(10_000).default(1_000),
    }),
    response: z.object({ seqs: z.array(z.number().int()), searched_to: z.number().int(), more: z.boolean() }),
  }),
  runLogStream: endpoint({
    method: "GET",
    path: "/runs/{run_id}/logs/stream",
    tag,
    summary:
      "Live log (SSE): event `lines` {items: LogLine[]}, `end` {state, exit_code}; resumable by Last-Event-ID (a sequence number)",
    access: "run:read",
    params: RunParams,
    query: z.object({ from_seq: z.coerce.number().int().min(1).optional() }),
    stream: "sse",
  }),
  runFreeze: endpoint({
    method: "POST",
    path: "/runs/{run_id}/freeze",
    tag,
    summary: "Pause a run: its processes stay where they are and get no CPU",
    access: "run:write",
    params: RunParams,
    body: z.object({ reason: Reason }),
    response: Run,
    status: 202,
  }),
  runResume: endpoint({
    method: "POST",
    path: "/runs/{run_id}/resume",
    tag,
    summary: "Let a paused run go on",
    access: "run:write",
    params: RunParams,
    body: z.object({ reason: Reason }),
    response: Run,
    status: 202,
  }),
  runSamples: endpoint({
    method: "GET",
    path: "/runs/{run_id}/samples",
    tag,
    summary: "CPU, memory, input and output, processes and log volume over time",
    access: "run:read",
    params: RunParams,
    query: z.object({
      from: Timestamp.optional(),
      to: Timestamp.optional(),
      points: z.coerce.number().int().min(2).max(SAMPLE_POINTS_MAX).default(500),
    }),
    response: z.object({ items: z.array(RunSample), every_ms: z.number().int() }),
  }),
  runReplay: endpoint({
    method: "POST",
    path: "/runs/{run_id}/replay",
    tag,
    summary: "Repeat every decision from the stored evidence; under another policy, what it would have done",
    access: "run:read",
    params: RunParams,
    body: z
      .strictObject({ policy: PolicyRef.optional(), policy_document: PolicyDocument.optional() })
      .default({}),
    response: ReplayResult,
  }),
  runEvidenceDownload: endpoint({
    method: "GET",
    path: "/runs/{run_id}/evidence/download",
    tag,
    summary: "Everything the decisions were made of, as JSON Lines that `flowplane replay --file` reads",
    access: "run:read",
    params: RunParams,
    stream: "file",
  }),
  logSearch: endpoint({
    method: "GET",
    path: "/logs/search",
    tag,
    summary: "Lines of any run that hold a text, newest runs first",
    access: "run:read",
    query: z.object({
      q: z.string().min(2).max(500),
      from: Timestamp.optional(),
      to: Timestamp.optional(),
      site_id: Id.optional(),
      agent_id: Id.optional(),
      job_id: Id.optional(),
      limit: z.coerce.number().int().min(1).max(1_000).default(200),
      cursor: z.string().max(500).optional(),
    }),
    response: z.object({
      items: z.array(FoundLine),
      next_cursor: z.string().nullable(),
      searched: z.object({ runs: z.number().int(), bytes: z.number() }),
    }),
  }),
  runLogDownload: endpoint({
    method: "GET",
    path: "/runs/{run_id}/logs/download",
    tag,
    summary: "The whole log: raw bytes of one stream, text with times, or JSON Lines",
    access: "run:read",
    params: RunParams,
    query: z.object({
      format: z.enum(["raw", "text", "jsonl"]).default("text"),
      stream: z.enum(["stdout", "stderr"]).optional(),
    }),
    stream: "file",
  }),
} as const;
