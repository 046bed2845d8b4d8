// Telling of what was found, by events in the spool.

import { appendEvent } from "../spool/events.ts";
import type { NewEvent } from "../spool/events.ts";
import type { DetectionOptions } from "./options.ts";

/** Adds an event in the open transaction; it is sent on once that is stored. Without a run it is about the host. */
export function tell<T extends NewEvent["type"]>(
  { db, clock, onEvent }: Pick<DetectionOptions, "db" | "clock" | "onEvent">,
  runId: string | null,
  type: T,
  payload: Extract<NewEvent, { type: T }>["payload"],
): void {
  // The payload is the one of the type.
  appendEvent(db, { type, runId, at: clock(), payload } as NewEvent);
  db.afterCommit(onEvent);
}
