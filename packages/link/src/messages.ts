// What travels in OpAMP custom messages under LINK_CAPABILITY: UTF-8 JSON, one schema per message type.
// Unknown fields are dropped, so that either end may be newer; an unknown message, intent or event type is the receiver's to judge.

import { z } from "zod";
import {
  EVENTS_PER_MESSAGE_MAX,
  GRACE_MS_MAX,
  INTENTS_PER_MESSAGE_MAX,
  TEXT_CHARS_MAX,
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

/** What to execute. `env` is added to the agent's minimal environment; `max_runtime_ms` absent means no limit. */
export const runSpecSchema = z.object({
  command: z.string(),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  cwd: z.string().nullable(),
  grace_ms: countSchema.max(GRACE_MS_MAX),
  max_runtime_ms: z.int().positive().optional(),
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
});
export type RunStop = z.infer<typeof runStopSchema>;

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
export const runRunningSchema = z.object({ pid: z.int().positive(), started_at: timeSchema });
export const runStoppingSchema = z.object({
  reason: textSchema,
  actor: textSchema,
  waiting: waitingSchema.optional(),
});
export const runEndedSchema = z.object({
  state: endStateSchema,
  exit_code: z.int().min(0).max(255).nullable(),
  /** The signal that ended it, `SIGKILL` for example; null when it exited by itself or nobody can know. */
  signal: z.string().max(16).nullable(),
  ended_at: timeSchema,
  reason: textSchema.nullable(),
  /** The whole log: exact bytes of both streams, and the last line and segment there will ever be (0: none). */
  log: z.object({
    stdout_bytes: countSchema,
    stderr_bytes: countSchema,
    lines: countSchema,
    last_seq: countSchema,
    last_segment: countSchema,
  }),
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

/** The payload schema of each event type. */
export const eventPayloads = {
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
} as const;

/** Messages from the agent to the control plane, by type. */
export const upMessages = {
  intents_ack: z.object({ ids: z.array(idSchema).min(1).max(INTENTS_PER_MESSAGE_MAX) }),
  events: z.object({ spool_id: idSchema, events: z.array(eventSchema).min(1).max(EVENTS_PER_MESSAGE_MAX) }),
} as const;

type MessageOf<Table extends Record<string, z.ZodType>> = {
  [T in keyof Table & string]: { type: T; body: z.infer<Table[T]> };
}[keyof Table & string];

export type DownMessage = MessageOf<typeof downMessages>;
export type UpMessage = MessageOf<typeof upMessages>;
