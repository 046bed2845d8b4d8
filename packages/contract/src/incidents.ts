import { z } from "zod";
import { endpoint } from "./endpoint.ts";
import { ActorRef, Id, ListQuery, page, Timestamp } from "./common.ts";
import { LogLine } from "./runs.ts";
import { Category, PolicyMode } from "./policy-document.ts";

const tag = "Incidents";

export const SEVERITIES = ["info", "warning", "critical"] as const;
export const Severity = z.enum(SEVERITIES);
export type Severity = z.output<typeof Severity>;

export const INCIDENT_STATES = ["open", "acknowledged", "closed"] as const;
export const IncidentState = z.enum(INCIDENT_STATES);
export type IncidentState = z.output<typeof IncidentState>;

export const INTERVENTION_ACTIONS = ["notify", "freeze", "stop", "restart", "stop_for_good"] as const;

/** One kind of signal, its reading and the threshold it is held against. */
export const FamilyReading = z.object({
  family: z.string(),
  strength: z.number().describe("0 to 1000"),
  value: z.number(),
  threshold: z.number(),
  unit: z.string(),
});

/** What convinced the detector; times are those of the agent's clock. */
export const IncidentEvidence = z.object({
  families: z.array(FamilyReading),
  signature: z
    .object({ text: z.string(), last_text: z.string(), count: z.number().int(), period_ms: z.number() })
    .nullable(),
  lines: z.object({ from: z.number().int(), to: z.number().int() }),
  since: z.object({ line: z.number().int(), at: Timestamp }),
  last_progress: z.object({ what: z.string(), line: z.number().int(), at: Timestamp }).nullable(),
  suppressions: z.array(z.object({ name: z.string(), count: z.number().int() })),
  config_hash: z.string(),
});
export type IncidentEvidence = z.output<typeof IncidentEvidence>;

export const Intervention = z.object({
  action: z.enum(INTERVENTION_ACTIONS),
  /** `withheld`: the policy would have, but its mode, the canary's share, a cooldown or the guard said no; `why` says which. */
  outcome: z.enum(["done", "withheld", "failed", "under_way"]),
  why: z.string(),
  at: Timestamp,
  actor: ActorRef,
  /** The run that a restart led to. */
  run_id: Id.nullable(),
});
export type Intervention = z.output<typeof Intervention>;

export const Feedback = z.object({
  verdict: z.enum(["right", "wrong"]),
  note: z.string().nullable(),
  actor: ActorRef,
  at: Timestamp,
});

export const Incident = z.object({
  id: Id,
  run_id: Id,
  run_name: z.string(),
  job_id: Id.nullable(),
  site_id: Id,
  agent_id: Id,
  agent_name: z.string(),
  category: Category.or(z.literal("failed_stop")),
  severity: Severity,
  state: IncidentState,
  score: z.number().int().describe("0 to 100"),
  confidence: z.number().describe("the score as a share, 0 to 1"),
  title: z.string(),
  sentence: z.string().describe("what was seen, since when, what was done, in one sentence"),
  policy: z
    .object({ id: Id.nullable(), name: z.string(), version: z.number().int(), mode: PolicyMode })
    .nullable(),
  interventions: z.array(Intervention),
  feedback: Feedback.nullable(),
  opened_at: Timestamp,
  closed_at: Timestamp.nullable(),
  closed_because: z.string().nullable(),
  acknowledged_by: ActorRef.nullable(),
});
export type Incident = z.output<typeof Incident>;

export const IncidentDetail = Incident.extend({
  evidence: IncidentEvidence,
  /** The lines that convinced it, folded: each distinct one with its count, the first and last whole. */
  lines: z.array(
    z.object({ text: z.string(), count: z.number().int(), first: LogLine, last_seq: z.number().int() }),
  ),
  /** What changed before: configuration, version, arguments, the last good run. */
  before: z.array(z.object({ at: Timestamp, what: z.string(), detail: z.string().nullable() })),
  /** What happened next. */
  after: z.array(z.object({ at: Timestamp, what: z.string(), detail: z.string().nullable() })),
});
export type IncidentDetail = z.output<typeof IncidentDetail>;

const IncidentParams = z.object({ incident_id: Id });

export const incidentApi = {
  incidentList: endpoint({
    method: "GET",
    path: "/incidents",
    tag,
    summary: "List incidents, newest first",
    access: "run:read",
    query: ListQuery.extend({
      state: IncidentState.optional(),
      category: z.string().max(40).optional(),
      severity: Severity.optional(),
      run_id: Id.optional(),
      job_id: Id.optional(),
      agent_id: Id.optional(),
      site_id: Id.optional(),
      since: Timestamp.optional(),
    }),
    response: page(Incident),
  }),
  incidentRead: endpoint({
    method: "GET",
    path: "/incidents/{incident_id}",
    tag,
    summary: "One incident with its evidence",
    access: "run:read",
    params: IncidentParams,
    response: IncidentDetail,
  }),
  incidentAcknowledge: endpoint({
    method: "POST",
    path: "/incidents/{incident_id}/acknowledge",
    tag,
    summary: "Say that somebody looks after it",
    access: "run:write",
    params: IncidentParams,
    response: Incident,
  }),
  incidentClose: endpoint({
    method: "POST",
    path: "/incidents/{incident_id}/close",
    tag,
    summary: "Close an incident",
    access: "run:write",
    params: IncidentParams,
    body: z.object({ reason: z.string().trim().min(1).max(2_000) }),
    response: Incident,
  }),
  incidentFeedback: endpoint({
    method: "PUT",
    path: "/incidents/{incident_id}/feedback",
    tag,
    summary: "Say whether the detector was right",
    access: "run:write",
    params: IncidentParams,
    body: z.object({ verdict: z.enum(["right", "wrong"]), note: z.string().trim().max(2_000).optional() }),
    response: Incident,
  }),
} as const;
