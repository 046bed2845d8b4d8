// Control plane side of events: which of a message's events are new, and what may be acknowledged once they are stored.

import type { LinkEvent } from "./messages.ts";

/**
 * Judges one `events` message against `storedUpTo`, the highest number already stored of that agent and spool (0 when
 * the spool is new). `apply` is to be stored in one transaction together with `ackUpTo` as the new high-water mark;
 * only then `events_ack {spool_id, up_to: ackUpTo}` is sent, also when `apply` is empty, since an earlier one may be lost.
 *
 * Events after a gap are not taken: the agent sends them again, from the mark, and order is kept.
 */
export function takeEvents(
  storedUpTo: number,
  events: readonly LinkEvent[],
): { apply: LinkEvent[]; ackUpTo: number } {
  const apply: LinkEvent[] = [];
  let ackUpTo = storedUpTo;
  for (const event of events.toSorted((a, b) => a.seq - b.seq)) {
    if (event.seq !== ackUpTo + 1) continue;
    apply.push(event);
    ackUpTo = event.seq;
  }
  return { apply, ackUpTo };
}
