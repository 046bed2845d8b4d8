import type { LinkEvent } from "@flowplane/link";
import type { TimelineEntry } from "./report.ts";
import { storableJson, storableText } from "./sanitize.ts";

// An agent whose host was cloned is two. What was in its spool at that moment, both report; and what the copy knows of the
// original's runs it does not know at first hand.

/** In the timeline of a run, what another host than the one that has it says of it. It changes nothing. */
export function strangerEntry(event: LinkEvent, at: Date): TimelineEntry {
  return {
    type: "run.note",
    title: `Told by a copy of the agent: ${storableText(event.type, 64)}`,
    reason: "Two hosts have this agent's identity, and the other one has this run. Enrol one of them anew.",
    payload: storableJson({ ...event.payload, reported: event.type }),
    at,
  };
}
