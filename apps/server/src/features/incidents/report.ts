import { parseEvent, TEXT_CHARS_MAX, type EventPayload, type LinkEvent } from "@flowplane/link";
import {
  capitalized,
  interventionWords,
  type Intervention,
  type PolicyDocument,
  type Run,
} from "@flowplane/contract";
import { newId, notify, type Tx } from "../../platform/context.ts";
import { isUuid } from "../../platform/ids.ts";
import { CONTROL_PLANE } from "../runs/words.ts";
import { storableText } from "../runs/sanitize.ts";
import { keepEvidence, noEvidence } from "./evidence.ts";
import { holdSchedule } from "../jobs/hold.ts";
import { countIntervention } from "./guard.ts";
import { INCIDENTS_PER_RUN_MAX, INTERVENTIONS_MAX } from "./limits.ts";
import {
  countIncidents,
  findFailedStop,
  findIncident,
  insertIncident,
  updateIncident,
  type IncidentRow,
} from "./store.ts";
import { seenIn } from "./view.ts";

/** The run an incident is about, locked by the caller. */
export interface IncidentRun {
  readonly id: string;
  readonly organization_id: string;
  readonly site_id: string;
  readonly job_id: string | null;
  readonly agent_id: string | null;
  readonly agent_name: string | null;
  readonly name: string;
  readonly created_at: Date;
  readonly log_stored_seq: number;
  readonly incidents_open: number;
  readonly incidents_total: number;
  readonly policy_id: string | null;
  readonly policy_version: number | null;
  readonly policy_document: PolicyDocument | null;
}

/** What an incident changes of its run, and what its timeline says of it. */
export interface IncidentReport {
  readonly patch: {
    incidents_open?: number;
    incidents_total?: number;
    intervention?: NonNullable<Run["intervention"]>;
  };
  readonly entry: {
    readonly type: string;
    readonly title: string;
    readonly reason: string | null;
    readonly payload: Record<string, unknown>;
  };
}

const TYPES = ["incident.opened", "incident.intervention", "incident.closed"] as const;

export function isIncidentEvent(event: LinkEvent): boolean {
  return (TYPES as readonly string[]).includes(event.type);
}

/**
 * Takes in what an agent says about an incident of one of its runs. Like every report it is bounded and never fails: what makes no
 * sense becomes an entry of the timeline. `at` is the agent's time, moved to where it can be.
 */
export async function takeIncidentEvent(
  ctx: Tx,
  run: IncidentRun,
  event: LinkEvent,
  at: Date,
): Promise<IncidentReport> {
  const parsed = parseEvent(event);
  if (!parsed.ok) return noted(`Report not understood: ${event.type}`, parsed.issue);
  const report = parsed.value;
  switch (report.type) {
    case "incident.opened":
      return opened(ctx, run, report.payload, at);
    case "incident.intervention":
      return intervened(ctx, run, report.payload, at);
    case "incident.closed":
      return closed(ctx, run, report.payload, at);
    default:
      return noted(`Report not understood: ${event.type}`, "it is no report about an incident");
  }
}

async function opened(
  ctx: Tx,
  run: IncidentRun,
  payload: EventPayload<"incident.opened">,
  at: Date,
): Promise<IncidentReport> {
  const id = payload.incident_id.toLowerCase();
  const title = storableText(payload.title, TEXT_CHARS_MAX);
  if (!isUuid(id)) return noted("Incident not taken", `its id ${payload.incident_id} is no UUID`);
  if (payload.category === "failed_stop" && (await findFailedStop(ctx.db, run.id)) !== undefined)
    return noted(title, "The control plane opened this incident already.");
  if ((await countIncidents(ctx.db, run.id)) >= INCIDENTS_PER_RUN_MAX)
    return noted(title, `Not kept as an incident: the run has ${INCIDENTS_PER_RUN_MAX} already.`);
  const policy = payload.policy;
  const row = {
    ...rowOf(run, at),
    id,
    category: payload.category,
    severity: payload.severity,
    score: payload.score,
    title,
    line: payload.line,
    evidence: JSON.stringify(keepEvidence(payload.evidence)),
    policy_id: policy?.id != null && isUuid(policy.id) ? policy.id.toLowerCase() : null,
    policy_name: policy === null ? null : storableText(policy.name, TEXT_CHARS_MAX),
    policy_version: policy === null ? null : Math.min(policy.version, INT32_MAX),
    policy_mode: policy?.mode ?? null,
  };
  if (!(await insertIncident(ctx.db, row))) return noted(title, `There is an incident ${id} already.`);
  notify(ctx, { topic: "incident", id, parent_id: run.id });
  const seen = seenIn({ category: row.category, evidence: keepEvidence(payload.evidence), opened_at: at });
  return {
    patch: { incidents_open: run.incidents_open + 1, incidents_total: run.incidents_total + 1 },
    entry: {
      type: "incident.opened",
      title: storableText(`Incident: ${title}`, TEXT_CHARS_MAX),
      reason: `${capitalized(seen)}.`,
      payload: {
        incident_id: id,
        category: row.category,
        severity: row.severity,
        score: row.score,
        line: row.line,
      },
    },
  };
}

async function intervened(
  ctx: Tx,
  run: IncidentRun,
  payload: EventPayload<"incident.intervention">,
  at: Date,
): Promise<IncidentReport> {
  const incident = await incidentOf(ctx, run, payload.incident_id);
  const intervention: Intervention = {
    action: payload.action,
    outcome: payload.outcome,
    why: storableText(payload.why, TEXT_CHARS_MAX),
    at: at.toISOString(),
    actor: CONTROL_PLANE,
    run_id: payload.run_id !== null && isUuid(payload.run_id) ? payload.run_id.toLowerCase() : null,
  };
  const entry = {
    type: "incident.intervention",
    title: storableText(
      capitalized(interventionWords({ ...intervention, why: "" }, ctx.now())),
      TEXT_CHARS_MAX,
    ),
    reason: intervention.why === "" ? null : intervention.why,
    payload: {
      incident_id: incident?.id ?? null,
      action: intervention.action,
      outcome: intervention.outcome,
      run_id: intervention.run_id,
    },
  };
  if (incident === undefined) return { patch: {}, entry };
  const touched = intervention.action !== "notify" && intervention.outcome === "done";
  await updateIncident(ctx.db, incident.id, {
    interventions: JSON.stringify(withIntervention(incident.interventions, intervention)),
    ...(touched ? { intervened_at: at } : {}),
  });
  notify(ctx, { topic: "incident", id: incident.id, parent_id: run.id });
  if (touched) await countIntervention(ctx, run, at);
  if (touched && intervention.action === "stop_for_good" && run.job_id !== null)
    await holdSchedule(ctx, run.job_id, intervention.why || seenIn(incident));
  const { action } = intervention;
  if (action === "notify" || intervention.outcome === "withheld" || intervention.outcome === "failed")
    return { patch: {}, entry };
  return {
    patch: {
      intervention: { incident_id: incident.id, action, at: intervention.at, what: seenIn(incident) },
    },
    entry,
  };
}

async function closed(
  ctx: Tx,
  run: IncidentRun,
  payload: EventPayload<"incident.closed">,
  at: Date,
): Promise<IncidentReport> {
  const reason = storableText(payload.reason, TEXT_CHARS_MAX);
  const incident = await incidentOf(ctx, run, payload.incident_id);
  const entry = {
    type: "incident.closed",
    title: storableText(`Incident over: ${incident?.title ?? "unknown"}`, TEXT_CHARS_MAX),
    reason,
    payload: { incident_id: incident?.id ?? null },
  };
  if (incident === undefined || incident.state === "closed") return { patch: {}, entry };
  await updateIncident(ctx.db, incident.id, { state: "closed", closed_at: at, closed_because: reason });
  notify(ctx, { topic: "incident", id: incident.id, parent_id: run.id });
  return { patch: { incidents_open: Math.max(0, run.incidents_open - 1) }, entry };
}

/** The control plane saw itself that a stop failed; the agent may not be able to say so. Nothing when it did. */
export async function openFailedStop(
  ctx: Tx,
  run: IncidentRun,
  reason: string,
  at: Date,
): Promise<IncidentReport | undefined> {
  if ((await findFailedStop(ctx.db, run.id)) !== undefined) return undefined;
  const [id, title] = [newId(), "It could not be stopped"];
  await insertIncident(ctx.db, {
    ...rowOf(run, at),
    id,
    category: "failed_stop",
    severity: "critical",
    score: 100,
    title,
    line: run.log_stored_seq,
    evidence: JSON.stringify(noEvidence(run.log_stored_seq, at.getTime())),
    policy_id: null,
    policy_name: null,
    policy_version: null,
    policy_mode: null,
  });
  notify(ctx, { topic: "incident", id, parent_id: run.id });
  return {
    patch: { incidents_open: run.incidents_open + 1, incidents_total: run.incidents_total + 1 },
    entry: {
      type: "incident.opened",
      title: `Incident: ${title}`,
      reason,
      payload: { incident_id: id, category: "failed_stop", severity: "critical" },
    },
  };
}

/** The run that could not be stopped has ended after all. */
export async function closeFailedStop(
  ctx: Tx,
  run: IncidentRun,
  reason: string,
  at: Date,
): Promise<IncidentReport | undefined> {
  const incident = await findFailedStop(ctx.db, run.id);
  if (incident === undefined || incident.state === "closed") return undefined;
  return closed(ctx, run, { incident_id: incident.id, reason }, at);
}

function rowOf(run: IncidentRun, at: Date) {
  return {
    organization_id: run.organization_id,
    site_id: run.site_id,
    run_id: run.id,
    job_id: run.job_id,
    agent_id: run.agent_id ?? "",
    agent_name: run.agent_name ?? "",
    run_name: run.name,
    state: "open" as const,
    intervened_at: null,
    feedback: null,
    acknowledged_by: null,
    opened_at: at,
    closed_at: null,
    closed_because: null,
  };
}

/** An agent may speak of the incidents of its own runs alone. */
async function incidentOf(ctx: Tx, run: IncidentRun, id: string): Promise<IncidentRow | undefined> {
  const incident = isUuid(id) ? await findIncident(ctx.db, id.toLowerCase()) : undefined;
  return incident?.run_id === run.id ? incident : undefined;
}

/** What is under way is replaced by what came of it; the newest are kept. */
function withIntervention(list: readonly Intervention[], one: Intervention): Intervention[] {
  const last = list.at(-1);
  const isOutcome = last !== undefined && last.outcome === "under_way" && last.action === one.action;
  return [...(isOutcome ? list.slice(0, -1) : list), one].slice(-INTERVENTIONS_MAX);
}

function noted(title: string, reason: string): IncidentReport {
  return {
    patch: {},
    entry: {
      type: "run.note",
      title: storableText(title, TEXT_CHARS_MAX),
      reason: storableText(reason, TEXT_CHARS_MAX),
      payload: {},
    },
  };
}

const INT32_MAX = 2 ** 31 - 1;
