import type { Incident, Intervention } from "./incidents.ts";
import { capitalized, duration, moment, withFullStop } from "./words.ts";

/** What a sentence needs of the evidence; times in ms, by one clock. */
export interface ToldEvidence {
  readonly families: readonly { readonly family: string; readonly strength: number }[];
  readonly signature: { readonly count: number } | null;
  readonly since: { readonly at: number };
  readonly last_progress: { readonly at: number } | null;
}

/** From which strength on a kind of signal is one. */
const AGREES = 500;

/**
 * What the detector saw, as part of a sentence: `the same error 1,412 times in 9 min, no progress`. `at` is when it was
 * sure, in ms by the clock of the evidence.
 */
export function seenWords(category: Incident["category"], evidence: ToldEvidence, at: number): string {
  const has = (family: string) =>
    evidence.families.some((reading) => reading.family === family && reading.strength >= AGREES);
  const span = duration(at - evidence.since.at);
  const count = evidence.signature?.count ?? 0;
  const times = count > 1 ? `${count.toLocaleString("en")} times in ${span}` : `again and again for ${span}`;
  const noProgress = has("no_progress") ? ", no progress" : "";
  switch (category) {
    case "loop":
      return `the same ${has("error") ? "error" : "output"} ${times}${noProgress}`;
    case "retry_storm":
      return `the same ${has("exits") ? "failure at every start" : "error"}, ${times}${noProgress}`;
    case "agent_loop":
      return `the same step with the same result ${times}${noProgress}`;
    case "stall":
      return `no sign of progress for ${duration(at - (evidence.last_progress?.at ?? evidence.since.at))}`;
    case "runaway":
      return `${grower(has)} without end in sight for ${span}`;
    case "failed_stop":
      return "something of the run survived its stop";
  }
}

function grower(has: (family: string) => boolean): string {
  if (has("memory")) return "its memory grows";
  if (has("disk")) return "what it writes to disk grows";
  if (has("children")) return "the number of its processes grows";
  if (has("volume")) return "its output grows";
  return "what it uses grows";
}

/** A sentence as part of another: without its capital and its full stop. */
export function asPart(sentence: string): string {
  const text = sentence.trim().replace(/\.$/, "");
  // A word in capitals is a name or a code.
  return /^[A-Z][A-Z0-9_]/.test(text) ? text : text.charAt(0).toLowerCase() + text.slice(1);
}

/** An incident in one sentence: what was seen, what was done about it or why nothing was. */
export function incidentSentence(
  incident: {
    readonly seen: string;
    readonly interventions: readonly Pick<Intervention, "action" | "outcome" | "why" | "at">[];
    readonly closed_because: string | null;
  },
  now: number,
): string {
  const last = incident.interventions.findLast(({ action }) => action !== "notify");
  const said = last === undefined ? "" : `; ${interventionWords(last, now)}`;
  const closed = incident.closed_because === null ? "" : ` Closed: ${withFullStop(incident.closed_because)}`;
  return `${withFullStop(capitalized(incident.seen) + said)}${closed}`;
}

const VERBS = {
  notify: ["told", "telling it"],
  freeze: ["paused", "pausing it"],
  stop: ["stopped", "stopping it"],
  restart: ["started anew", "starting it anew"],
  stop_for_good: ["stopped for good", "stopping it for good"],
} as const satisfies Record<Intervention["action"], readonly [string, string]>;

/** `stopped by Flowplane at 02:14 UTC`; `nothing was done: the policy is in shadow mode`. */
export function interventionWords(
  intervention: Pick<Intervention, "action" | "outcome" | "why" | "at">,
  now: number,
): string {
  const [done, doing] = VERBS[intervention.action];
  const when = moment(new Date(intervention.at), now);
  const why = intervention.why === "" ? "" : `: ${intervention.why}`;
  switch (intervention.outcome) {
    case "done":
      return `${done} by Flowplane ${when}`;
    case "under_way":
      return `Flowplane is ${doing} since ${when.replace(/^(at|on) /, "")}`;
    case "failed":
      return `${doing} failed ${when}${why}`;
    case "withheld":
      return `nothing was done${intervention.why === "" ? "" : `: ${asPart(intervention.why)}`}`;
  }
}
