// What travels in OpAMP custom messages under LINK_CAPABILITY: UTF-8 JSON, one schema per message type.
// Unknown fields are dropped, so that either end may be newer; an unknown message, intent or event type is the receiver's to judge.

import { z } from "zod";
import {
  EVENTS_PER_MESSAGE_MAX,
  GRACE_MS_MAX,
  INTENTS_PER_MESSAGE_MAX,
  TEXT_CHARS_MAX,
  TOKENS_MAX,
  WATCH_TTL_MS_MAX,
} from "./limits.ts";

/** Ids reach paths and environment variables, hence the alphabet. */
export const idSchema = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);
/** ISO 8601 with milliseconds and Z. */
export const timeSchema = z.iso.datetime({ precision: 3 });
/** A whole number from 0 that a double holds exactly. */
export const countSchema = z.int().nonnegative();
const seqSchema = z.int().positive();
const textSchema = z.string().max(TEXT_CHARS_MAX);

/** Limits in bytes and counts; absent means none. */
export const runLimitsSchema = z.object({
  cpu_millicores: z.int().positive().optional(),
  memory_bytes: z.int().positive().optional(),
  pids: z.int().positive().optional(),
  open_files: z.int().positive().optional(),
  file_bytes: z.int().positive().optional(),
  nice: z.int().min(-20).max(19).optional(),
  /** Octal digits. */
  umask: z
    .string()
    .regex(/^[0-7]{3,4}$/)
    .optional(),
});
export type RunLimitsSpec = z.infer<typeof runLimitsSchema>;

export const isolationSchema = z.object({
  mode: z.enum(["process", "idle", "container"]),
  image: z.string().max(500).optional(),
  network: z.enum(["none", "host", "bridge"]).optional(),
});
export type IsolationSpec = z.infer<typeof isolationSchema>;

export const launchPolicySchema = z.object({
  allow: z.array(z.string()).max(500),
  deny: z.array(z.string()).max(500),
  isolation: z.array(isolationSchema.shape.mode),
  inherit: z.array(z.string()).nullable(),
  users: z.array(z.string()).nullable(),
  require_limits: z.boolean(),
});
export type LaunchPolicySpec = z.infer<typeof launchPolicySchema>;

export const retrySchema = z.object({
  retries_max: z.int().nonnegative(),
  on: z.array(z.enum(["failed", "timed_out", "lost", "succeeded"])),
  backoff_ms: z.int().positive(),
  backoff_max_ms: z.int().positive(),
  reset_after_ms: z.int().positive(),
});
export type RetrySpec = z.infer<typeof retrySchema>;

export const progressSchema = z.object({
  heartbeat_ms: z.int().positive().optional(),
  file: z.string().max(4096).optional(),
  pattern: z.string().max(500).optional(),
});
export type ProgressSpec = z.infer<typeof progressSchema>;

/** The policy as it was when the run was launched; its document is judged by whoever carries it out. */
export const detectionSchema = z.object({
  policy_id: idSchema.nullable(),
  policy_name: z.string().max(200),
  version: z.int().nonnegative(),
  document: z.record(z.string(), z.unknown()),
});
export type DetectionSpec = z.infer<typeof detectionSchema>;

/** What to execute. `env` is added to the agent's minimal environment; `max_runtime_ms` absent means no limit. */
export const runSpecSchema = z.object({
  command: z.string(),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  cwd: z.string().nullable(),
  grace_ms: countSchema.max(GRACE_MS_MAX),
  max_runtime_ms: z.int().positive().optional(),
  /** Names of `env` whose values are secrets: redacted wherever they turn up, shown nowhere. */
  secret_env: z.array(z.string()).optional(),
  /** Variables taken over from the agent's own environment, when it has them. */
  inherit_env: z.array(z.string()).optional(),
  limits: runLimitsSchema.optional(),
  user: z.string().max(64).optional(),
  group: z.string().max(64).optional(),
  isolation: isolationSchema.optional(),
  /** What may be started on this site; the agent's own file may forbid more. */
  launch_policy: launchPolicySchema.optional(),
  retry: retrySchema.optional(),
  progress: progressSchema.optional(),
  detection: detectionSchema.optional(),
  /** What people call it, and where it belongs; for runs the agent starts by itself, too. */
  name: z.string().max(200).optional(),
  job_id: idSchema.optional(),
  attempt: z.int().positive().optional(),
  /** The first run of this row of attempts and restarts. */
  lineage: idSchema.optional(),
  /** W3C trace context of the request that caused it. */
  traceparent: z.string().max(64).optional(),
});
export type RunSpec = z.infer<typeof runSpecSchema>;

export const runStartSchema = z.object({ run_id: idSchema, spec: runSpecSchema });
export type RunStart = z.infer<typeof runStartSchema>;

/** `actor` names who asked, as shown to people; `kill` skips the grace. */
export const runStopSchema = z.object({
  run_id: idSchema,
  mode: z.enum(["stop", "kill"]),
  grace_ms: countSchema.max(GRACE_MS_MAX),
  reason: textSchema,
  actor: textSchema,
  /** No retry, and no restart by a policy, follows. */
  for_good: z.boolean().optional(),
  traceparent: z.string().max(64).optional(),
});
export type RunStop = z.infer<typeof runStopSchema>;

/** Pauses a run, or lets it go on. */
export const runFreezeSchema = z.object({
  run_id: idSchema,
  frozen: z.boolean(),
  reason: textSchema,
  actor: textSchema,
});
export type RunFreeze = z.infer<typeof runFreezeSchema>;

/** Every policy on this agent acts as in shadow mode until then; null ends that. */
export const detectionFallbackSchema = z.object({ until: timeSchema.nullable(), reason: textSchema });
export type DetectionFallback = z.infer<typeof detectionFallbackSchema>;

/** The payload is judged by the type's own schema when the intent is carried out, so that one bad intent spoils no other. */
export const intentSchema = z.object({
  id: idSchema,
  type: z.string().min(1).max(64),
  payload: z.record(z.string(), z.unknown()),
  created_at: timeSchema,
});
export type Intent = z.infer<typeof intentSchema>;

/** What a transitional state waits for, since when, and until when at most. */
export const waitingSchema = z.object({ waits_for: textSchema, since: timeSchema, deadline: timeSchema });

export const endStateSchema = z.enum(["SUCCEEDED", "FAILED", "STOPPED", "TIMED_OUT", "FAILED_STOP", "LOST"]);
export type EndState = z.infer<typeof endStateSchema>;

export const runStartingSchema = z.object({ waiting: waitingSchema.optional() });
/** `enforced` names what the kernel enforces of the limits; the others are watched. */
export const runRunningSchema = z.object({
  pid: z.int().positive(),
  started_at: timeSchema,
  enforced: z.array(z.string().max(32)).max(16).optional(),
  traceparent: z.string().max(64).optional(),
});
export const runStoppingSchema = z.object({
  reason: textSchema,
  actor: textSchema,
  /** When the first signal reached the kernel. */
  signalled_at: timeSchema.optional(),
  traceparent: z.string().max(64).optional(),
  waiting: waitingSchema.optional(),
});
export const runEndedSchema = z.object({
  state: endStateSchema,
  exit_code: z.int().min(0).max(255).nullable(),
  /** The signal that ended it, `SIGKILL` for example; null when it exited by itself or nobody can know. */
  signal: z.string().max(16).nullable(),
  ended_at: timeSchema,
  reason: textSchema.nullable(),
  /** The whole log: exact bytes of both streams after redaction, what was redacted, and the last line and segment there will ever be (0: none). */
  log: z.object({
    stdout_bytes: countSchema,
    stderr_bytes: countSchema,
    lines: countSchema,
    last_seq: countSchema,
    last_segment: countSchema,
    redactions: countSchema.optional(),
  }),
  /** The last chunk of evidence there will ever be, 0: none. */
  last_evidence: countSchema.optional(),
  /** The attempt that follows by itself, and when, unless somebody stops it first. */
  retry: z.object({ attempt: z.int().positive(), at: timeSchema }).optional(),
  /** What it used in all. */
  usage: z
    .object({ cpu_ms: countSchema, memory_peak_bytes: countSchema, oom_kills: countSchema })
    .partial()
    .optional(),
});
export type RunEnded = z.infer<typeof runEndedSchema>;
/** A free entry in a run's timeline. */
export const runNoteSchema = z.object({
  title: textSchema,
  reason: textSchema.nullable(),
  payload: z.record(z.string(), z.unknown()),
});
/** The agent will never carry out this intent, and why. A bad `run.start` ends its run FAILED instead. */
export const intentRefusedSchema = z.object({
  intent_id: idSchema,
  intent_type: z.string().max(64),
  reason: textSchema,
});

/** A run the agent began by itself: a retry, a restart by a policy, or one asked for on the host. Comes before its `run.starting`. */
export const runCreatedSchema = z.object({
  origin: z.enum(["retry", "intervention", "local"]),
  name: z.string().max(200),
  spec: runSpecSchema.omit({ env: true }).extend({ env_names: z.array(z.string()) }),
  job_id: idSchema.nullable(),
  attempt: z.int().positive(),
  retry_of: idSchema.nullable(),
  created_at: timeSchema,
  /** Who asked, as shown to people. */
  actor: textSchema,
  reason: textSchema.nullable(),
});
export type RunCreated = z.infer<typeof runCreatedSchema>;

export const runFrozenSchema = z.object({ frozen: z.boolean(), reason: textSchema, actor: textSchema });

const categorySchema = z.enum(["loop", "stall", "retry_storm", "runaway", "agent_loop", "failed_stop"]);
/** `evidence` is a decision's, as packages/detection writes it. */
export const incidentOpenedSchema = z.object({
  incident_id: idSchema,
  category: categorySchema,
  severity: z.enum(["info", "warning", "critical"]),
  score: z.int().min(0).max(100),
  title: textSchema,
  line: countSchema,
  evidence: z.record(z.string(), z.unknown()),
  policy: z
    .object({
      id: idSchema.nullable(),
      name: z.string().max(200),
      version: countSchema,
      mode: z.enum(["shadow", "canary", "enforce"]),
    })
    .nullable(),
});
export type IncidentOpened = z.infer<typeof incidentOpenedSchema>;

export const incidentInterventionSchema = z.object({
  incident_id: idSchema,
  action: z.enum(["notify", "freeze", "stop", "restart", "stop_for_good"]),
  outcome: z.enum(["done", "withheld", "failed", "under_way"]),
  why: textSchema,
  /** The run a restart leads to. */
  run_id: idSchema.nullable(),
});
export type IncidentIntervention = z.infer<typeof incidentInterventionSchema>;

/** The run ended, or got on again. */
export const incidentClosedSchema = z.object({ incident_id: idSchema, reason: textSchema });

/** The agent's own guard tripped, or its time is over (`until` null). */
export const guardChangedSchema = z.object({
  until: timeSchema.nullable(),
  reason: textSchema,
  interventions: countSchema,
});

/** The payload schema of each event type. */
export const eventPayloads = {
  "run.created": runCreatedSchema,
  "run.frozen": runFrozenSchema,
  "incident.opened": incidentOpenedSchema,
  "incident.intervention": incidentInterventionSchema,
  "incident.closed": incidentClosedSchema,
  "guard.changed": guardChangedSchema,
  "run.starting": runStartingSchema,
  "run.running": runRunningSchema,
  "run.stopping": runStoppingSchema,
  "run.ended": runEndedSchema,
  "run.note": runNoteSchema,
  "intent.refused": intentRefusedSchema,
} as const;
export type EventType = keyof typeof eventPayloads;
export type EventPayload<T extends EventType> = z.infer<(typeof eventPayloads)[T]>;

/** `seq` counts from 1 within a spool, without gaps. `at` is the agent's clock. */
export const eventSchema = z.object({
  seq: seqSchema,
  type: z.string().min(1).max(64),
  run_id: idSchema.optional(),
  at: timeSchema,
  payload: z.record(z.string(), z.unknown()),
});
export type LinkEvent = z.infer<typeof eventSchema>;

/** Messages from the control plane to the agent, by type. */
export const downMessages = {
  intents: z.object({ intents: z.array(intentSchema).min(1).max(INTENTS_PER_MESSAGE_MAX) }),
  events_ack: z.object({ spool_id: idSchema, up_to: countSchema }),
  watch: z.object({
    run_id: idSchema,
    from_seq: seqSchema,
    ttl_ms: z.int().positive().max(WATCH_TTL_MS_MAX),
  }),
  unwatch: z.object({ run_id: idSchema }),
  /** Say hello: before that nothing is given or taken. */
  greet: z.object({}),
  /** `print` is that of the last event that is stored, `up_to`; null where it is not known. */
  token: z.object({ spool_id: idSchema, token: idSchema, up_to: countSchema, print: idSchema.nullable() }),
  token_kept: z.object({ spool_id: idSchema }),
  /** This spool was copied and went on elsewhere. */
  spool_copied: z.object({ spool_id: idSchema }),
} as const;

/** Messages from the agent to the control plane, by type. */
export const upMessages = {
  intents_ack: z.object({ ids: z.array(idSchema).min(1).max(INTENTS_PER_MESSAGE_MAX) }),
  events: z.object({ spool_id: idSchema, events: z.array(eventSchema).min(1).max(EVENTS_PER_MESSAGE_MAX) }),
  /** Which spool the agent has, and by which tokens it proves that; `from` as long as the spool is not known by its own. */
  hello: z.object({
    spool_id: idSchema,
    boot_id: idSchema.nullable(),
    tokens: z.array(idSchema).max(TOKENS_MAX),
    from: z
      .object({ spool_id: idSchema, is_copy: z.boolean(), inherited_up_to: countSchema })
      .nullable()
      .default(null),
  }),
  token_stored: z.object({ spool_id: idSchema, token: idSchema }),
} as const;

type MessageOf<Table extends Record<string, z.ZodType>> = {
  [T in keyof Table & string]: { type: T; body: z.infer<Table[T]> };
}[keyof Table & string];

export type DownMessage = MessageOf<typeof downMessages>;
export type UpMessage = MessageOf<typeof upMessages>;
