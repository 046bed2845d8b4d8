import { z } from "zod";

/** Ids reach subjects, paths and argument vectors, so they are never anything but this. */
export const Id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, "an id has only letters, digits, _ and -");
export const Timestamp = z.iso.datetime({ precision: 3 }).describe("ISO 8601, UTC, milliseconds");

export const LIST_LIMIT_MAX = 200;
export const LIST_LIMIT_DEFAULT = 50;
export const NAME_LENGTH_MAX = 200;
export const REASON_LENGTH_MAX = 2_000;
export const LABELS_MAX = 64;
/** Of agents, in CEL. Some two hundred agents can be named by their ids. */
export const SELECTOR_CHARS_MAX = 8_000;

export const Name = z.string().trim().min(1).max(NAME_LENGTH_MAX);
export const Reason = z.string().trim().min(1).max(REASON_LENGTH_MAX);
export const Labels = z
  .record(z.string().regex(/^[A-Za-z0-9_./-]{1,63}$/), z.string().max(255))
  .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`);

/** Query of every list: `cursor` is opaque and comes from the previous page's `next_cursor`. */
export const ListQuery = z.object({
  cursor: z.string().max(500).optional(),
  limit: z.coerce.number().int().min(1).max(LIST_LIMIT_MAX).default(LIST_LIMIT_DEFAULT),
});

export function page<S extends z.ZodType>(item: S) {
  return z.object({
    items: z.array(item),
    next_cursor: z.string().nullable(),
    /** Rows that match, when counting them is cheap; else null. */
    total: z.number().int().nullable(),
  });
}

/** RFC 9457 problem details; `code` is stable and for programs, `detail` is for people and says what to do. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  detail: z.string(),
  instance: z.string(),
  code: z.string(),
  request_id: z.string(),
  /** What to do about it, where `detail` is a sentence that programs compare. */
  hint: z.string().optional(),
  /** Where the input was wrong: JSON pointer to message. */
  errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
});
export type Problem = z.output<typeof Problem>;

export const ActorRef = z.object({
  type: z.enum(["user", "api_token", "agent", "system"]),
  id: z.string(),
  name: z.string(),
});
export type ActorRef = z.output<typeof ActorRef>;

/** What a transitional state waits for, since when, and until when (DESIGN: waiting and states). */
export const Waiting = z.object({
  for: z.string(),
  since: Timestamp,
  deadline: Timestamp.nullable(),
});
export type Waiting = z.output<typeof Waiting>;
