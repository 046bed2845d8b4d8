// A run as the control plane's API would show it, made of what this host remembers: its row and its events. Pure.

import {
  capitalized,
  endWords,
  isTerminal,
  logSentence,
  PolicyDocument,
  runSentence,
  type ActorRef,
  type ResourcePolicy,
  type Run,
  type RunEvent,
  type RunState,
} from "@flowplane/contract";
import type { IncidentIntervention, RunCreated, RunEnded } from "@flowplane/link";
import type { RememberedEvent, RememberedRun } from "../spool/history.ts";
import { LOCAL_ID } from "./place.ts";

/** The events a run's view is made of. */
export const FACT_TYPES = [
  "run.created",
  "run.starting",
  "run.running",
  "run.stopping",
  "run.frozen",
  "run.ended",
  "incident.opened",
  "incident.intervention",
  "incident.closed",
] as const;

const CONTROL_PLANE: ActorRef = { type: "system", id: "flowplane", name: "Flowplane" };

export type ShownAgent = { id: string; name: string };

const time = (ms: number) => new Date(ms).toISOString();
const mebibytes = (bytes: number) => Math.ceil(bytes / (1024 * 1024));

/** `events` are those of FACT_TYPES, oldest first; `usage` is what a live run was last measured to use. */
export function viewRun(
  row: RememberedRun,
  events: readonly RememberedEvent[],
  agent: ShownAgent,
  now: number,
  usage: Run["usage"],
): Run {
  const last = (type: string) => events.findLast((event) => event.type === type);
  const created = last("run.created")?.payload as RunCreated | undefined;
  const running = last("run.running");
  const stopping = last("run.stopping");
  const ended = last("run.ended");
  const end = ended?.payload as RunEnded | undefined;
  const starting = last("run.starting");
  const { spec } = row;
  const state: RunState = end?.state ?? (stopping ? "STOPPING" : running ? "RUNNING" : "STARTING");
  const stateEvent = ended ?? stopping ?? running ?? starting;
  const stateSince = end ? Date.parse(end.ended_at) : (stateEvent?.at ?? row.createdAt);
  const startedAt = text(running?.payload["started_at"]);
  const endedAt = end?.ended_at ?? null;
  const createdBy = created ? person(created.actor) : CONTROL_PLANE;
  const stop = stopping
    ? {
        mode: "stop" as const,
        actor: person(text(stopping.payload["actor"]) ?? ""),
        reason: text(stopping.payload["reason"]) ?? "",
        requested_at: time(stopping.at),
      }
    : null;
  const opened = events.filter((event) => event.type === "incident.opened").length;
  const closed = events.filter((event) => event.type === "incident.closed").length;
  const frozen = last("run.frozen");
  const facts = {
    state,
    state_since: new Date(stateSince),
    started_at: startedAt === null ? null : new Date(startedAt),
    ended_at: endedAt === null ? null : new Date(endedAt),
    exit_code: end?.exit_code ?? null,
    signal: end?.signal ?? null,
    reason: end?.reason ?? null,
    stop,
    agent_id: agent.id,
    agent_name: agent.name,
    agent_state: "connected",
    agent_seen_at: new Date(now),
  };
  return {
    id: row.id,
    kind: "process",
    job_id: spec.job_id ?? null,
    site_id: LOCAL_ID,
    agent_id: agent.id,
    agent_name: agent.name,
    name: created?.name ?? spec.name ?? nameOf(spec.command),
    origin: created?.origin ?? "api",
    attempt: spec.attempt ?? created?.attempt ?? 1,
    retry_of: created?.retry_of ?? null,
    scheduled_for: null,
    command: spec.command,
    args: spec.args,
    cwd: spec.cwd,
    env_names: Object.keys(spec.env).toSorted(),
    grace_ms: spec.grace_ms,
    max_runtime_ms: spec.max_runtime_ms ?? null,
    resource_policy: resourcePolicyOf(row),
    isolation: spec.isolation ? { ...spec.isolation } : null,
    user: spec.user ?? null,
    group: spec.group ?? null,
    retry: spec.retry ?? null,
    progress: spec.progress ?? null,
    policy: policyOf(row),
    incidents: { open: Math.max(0, opened - closed), total: opened + row.expired.incidents },
    intervention: interventionOf(events),
    frozen_since: row.frozen && row.endedAt === null ? time(frozen?.at ?? stateSince) : null,
    usage,
    state,
    state_since: time(stateSince),
    waiting: waitingOf(state, stateEvent),
    sentence: runSentence(facts, now),
    pid: number(running?.payload["pid"]),
    exit_code: facts.exit_code,
    signal: facts.signal,
    reason: facts.reason,
    stop,
    restart_of: null,
    created_by: createdBy,
    created_at: created?.created_at ?? time(row.createdAt),
    started_at: startedAt,
    ended_at: endedAt,
    log: {
      bytes: row.logBytes,
      lines: row.lastSeq,
      stored_seq: row.lastSeq,
      complete: isTerminal(state),
      redactions: end?.log.redactions ?? 0,
      ...expiryOf(row),
    },
  };
}

/** What has expired of a run's log, on a host that is alone. */
function expiryOf({ expired: { seq, until } }: RememberedRun) {
  const gone = { expired: false, first_seq: seq + 1, expired_until: until === null ? null : new Date(until) };
  return { ...gone, expired_until: until === null ? null : time(until), sentence: logSentence(gone) };
}

/** One entry of a run's timeline, for people. */
export function viewEvent(event: RememberedEvent): RunEvent {
  const { title, reason, actor } = wordsOf(event);
  return {
    id: String(event.seq),
    at: time(event.at),
    type: event.type,
    actor,
    title,
    reason,
    payload: event.payload,
  };
}

const AGENT: ActorRef = { type: "agent", id: LOCAL_ID, name: "the agent" };

function wordsOf({ type, payload }: RememberedEvent): {
  title: string;
  reason: string | null;
  actor: ActorRef;
} {
  const say = (title: string, reason: unknown = null, actor: ActorRef = AGENT) => ({
    title,
    reason: text(reason),
    actor,
  });
  switch (type) {
    case "run.created":
      return say("Created", payload["reason"], person(text(payload["actor"]) ?? ""));
    case "run.starting":
      return say("Starting");
    case "run.running":
      return say(`Running as process ${number(payload["pid"]) ?? "?"}`);
    case "run.stopping":
      return say("Stopping", payload["reason"], person(text(payload["actor"]) ?? ""));
    case "run.frozen":
      return say(
        payload["frozen"] === true ? "Paused" : "Resumed",
        payload["reason"],
        person(text(payload["actor"]) ?? ""),
      );
    case "run.ended":
      return say(capitalized(endWords(payload as RunEnded)), payload["reason"]);
    case "incident.opened":
      return say(`Incident: ${text(payload["title"]) ?? text(payload["category"]) ?? ""}`);
    case "incident.intervention":
      return say(
        `Intervention ${text(payload["action"]) ?? ""}: ${text(payload["outcome"]) ?? ""}`,
        payload["why"],
      );
    case "incident.closed":
      return say("Incident closed", payload["reason"]);
    default:
      return say(text(payload["title"]) ?? type, payload["reason"]);
  }
}

/** The command's last path part. */
export function nameOf(command: string): string {
  return (
    command
      .split("/")
      .findLast((part) => part.trim() !== "")
      ?.trim()
      .slice(0, 200) ?? command
  );
}

/** The last thing a policy did to the run. */
function interventionOf(events: readonly RememberedEvent[]): Run["intervention"] {
  const isAct = ({ type, payload }: RememberedEvent) =>
    type === "incident.intervention" && payload["action"] !== "notify" && payload["outcome"] === "done";
  const last = events.findLast(isAct);
  if (last === undefined) return null;
  const { incident_id, action } = last.payload as IncidentIntervention;
  if (action === "notify") return null;
  const incident = events.find(
    ({ type, payload }) => type === "incident.opened" && payload["incident_id"] === incident_id,
  );
  return { incident_id, action, at: time(last.at), what: text(incident?.payload["title"]) ?? "trouble" };
}

function waitingOf(state: RunState, event: RememberedEvent | undefined): Run["waiting"] {
  if (state !== "STARTING" && state !== "STOPPING") return null;
  const waiting = event?.payload["waiting"] as
    | { waits_for: string; since: string; deadline: string }
    | undefined;
  return waiting ? { for: waiting.waits_for, since: waiting.since, deadline: waiting.deadline } : null;
}

function policyOf({ spec }: RememberedRun): Run["policy"] {
  if (!spec.detection) return null;
  const { policy_id: id, policy_name: name, version, document } = spec.detection;
  const parsed = PolicyDocument.safeParse(document);
  return { id, name, version, mode: parsed.success ? parsed.data.mode : "shadow" };
}

function resourcePolicyOf({ spec }: RememberedRun): ResourcePolicy {
  const { limits } = spec;
  if (!limits) return {};
  return {
    ...(limits.cpu_millicores === undefined ? {} : { cpu_limit_millicores: limits.cpu_millicores }),
    ...(limits.memory_bytes === undefined ? {} : { memory_limit_mb: mebibytes(limits.memory_bytes) }),
    ...(limits.pids === undefined ? {} : { pids_limit: limits.pids }),
    ...(limits.open_files === undefined ? {} : { open_files_limit: limits.open_files }),
    ...(limits.file_bytes === undefined ? {} : { file_size_limit_mb: mebibytes(limits.file_bytes) }),
    ...(limits.nice === undefined ? {} : { nice: limits.nice }),
    ...(limits.umask === undefined ? {} : { umask: limits.umask }),
  };
}

function person(name: string): ActorRef {
  return name === "" ? AGENT : { type: "user", id: LOCAL_ID, name };
}

function text(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
