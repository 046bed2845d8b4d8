import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, Name, page, Reason, Timestamp, Waiting } from "./common.ts";

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

export const ARGV_BYTES_MAX = 128 * 1024;
export const ARGS_MAX = 4_096;
export const GRACE_MS_DEFAULT = 10_000;

const noNul = (text: string) => !text.includes("\0");
const Argument = z.string().refine(noNul, "must not hold a NUL byte");

export const RunCreate = z.object({
  name: Name.optional().describe("default: the command's last path part"),
  command: Argument.min(1, "say which program to run").max(4_096),
  args: z.array(Argument).max(ARGS_MAX).default([]),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), Argument.max(32_768)).default({}),
  cwd: Argument.min(1)
    .max(4_096)
    .startsWith("/", "an absolute path")
    .optional()
    .describe("default: the agent's work folder for runs"),
  agent_id: Id.optional().describe("default: the only connected site agent, else an error that lists them"),
  grace_ms: z.number().int().min(0).max(600_000).default(GRACE_MS_DEFAULT),
  max_runtime_ms: z.number().int().min(1_000).max(31_536_000_000).nullable().default(null),
});
export type RunCreate = z.output<typeof RunCreate>;

export const Run = z.object({
  id: Id,
  kind: z.enum(["process", "check", "assistant"]),
  job_id: Id.nullable(),
  site_id: Id,
  agent_id: Id,
  agent_name: z.string(),
  name: z.string(),
  command: z.string(),
  args: z.array(z.string()),
  cwd: z.string().nullable(),
  env_names: z.array(z.string()).describe("names only; values are never shown"),
  grace_ms: z.number().int(),
  max_runtime_ms: z.number().int().nullable(),
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
