import type { ActorRef } from "./common.ts";
import type { Run, RunState } from "./runs.ts";
import { capitalized, duration, endWords, moment, withFullStop } from "./words.ts";

/** What a run's sentence is made of. Times are dates; `agent_id` null: it waits for an agent that fits. */
export interface ToldRun {
  readonly state: RunState;
  readonly state_since: Date;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
  readonly exit_code: number | null;
  readonly signal: string | null;
  readonly reason: string | null;
  readonly stop: { readonly actor: Pick<ActorRef, "name">; readonly reason: string } | null;
  readonly agent_id: string | null;
  /** What a run without an agent waits for, as the rest of a sentence. */
  readonly waiting_for?: string | null;
  readonly agent_name: string | null;
  readonly agent_state: string | null;
  readonly agent_seen_at: Date | null;
  readonly frozen_since?: Date | null;
  readonly intervention?: Run["intervention"];
}

/** One true sentence about a run, for the top of its page: what it does, since when, who or what decided that. */
export function runSentence(run: ToldRun, now: number): string {
  const inState = duration(now - run.state_since.getTime());
  switch (run.state) {
    case "QUEUED":
      if (run.agent_id === null)
        return `Queued ${inState} ago; it waits for ${run.waiting_for ?? "an agent that fits"}.`;
      return run.agent_state === "connected"
        ? `Queued ${inState} ago; the agent ${run.agent_name} is about to take it.`
        : `Queued ${inState} ago; it starts when the agent ${run.agent_name} is back${seen(run, now)}.`;
    case "STARTING":
      return `Starting on ${run.agent_name} since ${inState}${lastKnown(run, now)}.`;
    case "RUNNING":
      if (run.frozen_since != null) return pausedSentence(run, run.frozen_since, now);
      return `Running on ${run.agent_name} for ${duration(now - (run.started_at ?? run.state_since).getTime())}${lastKnown(run, now)}.`;
    case "STOPPING":
      return run.stop === null
        ? `Stopping since ${inState}${lastKnown(run, now)}.`
        : `Stopping since ${inState}, asked by ${run.stop.actor.name}: ${withFullStop(run.stop.reason + lastKnown(run, now))}`;
    case "SUCCEEDED":
    case "FAILED":
    case "STOPPED":
    case "TIMED_OUT":
    case "FAILED_STOP":
    case "LOST":
      return interventionSentence(run, now) ?? endSentence(run, inState);
  }
}

function pausedSentence(run: ToldRun, since: Date, now: number): string {
  if (run.intervention?.action !== "freeze")
    return `Paused on ${run.agent_name} for ${duration(now - since.getTime())}${lastKnown(run, now)}.`;
  return `Paused by Flowplane ${moment(since, now)}: ${run.intervention.what}; it goes on when somebody resumes it.`;
}

/** The end that a policy made; what a person asked for besides is the person's. */
function interventionSentence(run: ToldRun, now: number): string | null {
  const { intervention } = run;
  if (run.state !== "STOPPED" || run.stop !== null || intervention == null) return null;
  if (intervention.action === "freeze") return null;
  const how = {
    stop: "Stopped by Flowplane",
    stop_for_good: "Stopped for good by Flowplane",
    restart: "Stopped by Flowplane, to be started anew,",
  }[intervention.action];
  return withFullStop(`${how} ${moment(new Date(intervention.at), now)}: ${intervention.what}`);
}

function endSentence(run: ToldRun, ago: string): string {
  const start = run.started_at === null ? " before it started" : "";
  const by = run.state === "STOPPED" && run.stop !== null ? ` by ${run.stop.actor.name}` : "";
  const why = run.reason ?? (by === "" ? null : (run.stop?.reason ?? null));
  const length =
    run.started_at === null || run.ended_at === null || run.state === "LOST"
      ? ""
      : ` after ${duration(run.ended_at.getTime() - run.started_at.getTime())}`;
  const what = `${capitalized(endWords(run))}${by}${run.state === "STOPPED" ? start : ""}${length}, ${ago} ago`;
  return why === null ? `${what}.` : `${what}: ${withFullStop(why)}`;
}

/** An agent that is away may be wrong about the present: then the sentence says how old the news is. */
function lastKnown(run: ToldRun, now: number): string {
  if (run.agent_state === "connected") return "";
  if (run.agent_seen_at === null) return " as far as is known";
  return ` when the agent was last heard from, ${duration(now - run.agent_seen_at.getTime())} ago`;
}

function seen(run: ToldRun, now: number): string {
  return run.agent_seen_at === null
    ? ""
    : `, last heard from ${duration(now - run.agent_seen_at.getTime())} ago`;
}
