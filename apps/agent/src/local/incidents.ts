// Handlers about incidents: what the detector found on this host, and what was done about it.

import {
  Category,
  duration,
  IncidentEvidence,
  type Incident,
  type IncidentDetail,
} from "@flowplane/contract";
import type { EvidenceRecord } from "@flowplane/detection";
import { incidentOpenedSchema, type IncidentIntervention, type IncidentOpened } from "@flowplane/link";
import { findRemembered, readEventsOfTypes, readRunEvents } from "../spool/history.ts";
import type { RememberedEvent } from "../spool/history.ts";
import { LogReader } from "../logs/reader.ts";
import type { LocalContext } from "./context.ts";
import type { Handlers } from "./call.ts";
import { viewLine } from "./logs.ts";
import { pageOf, readCursor } from "./pages.ts";
import { noSuch } from "./problem.ts";
import { LOCAL_ID } from "./place.ts";
import { nameOf, viewEvent } from "./run-view.ts";

/** Incidents looked through for one page. */
const LOOKED_THROUGH_MAX = 2_000;
/** Events after an incident that are looked at for what came of it. */
const FOLLOWING_MAX = 500;
/** Lines of an incident's evidence that are read, and distinct ones that are shown. */
const LINES_READ_MAX = 2_000;
const LINES_SHOWN_MAX = 50;
const AROUND_MAX = 20;

export const incidentHandlers: Handlers = {
  incidentList: (call, { query }) => {
    const { limit, run_id: runId } = query;
    const rows = readEventsOfTypes(call.db, ["incident.opened"], {
      ...(runId === undefined ? {} : { runId }),
      before: readCursor(query.cursor) ?? Number.MAX_SAFE_INTEGER,
      limit: LOOKED_THROUGH_MAX,
    });
    const kept = rows
      .map((event) => ({ event, incident: viewIncident(call, event) }))
      .filter(
        ({ incident }) =>
          (query.state === undefined || incident.state === query.state) &&
          (query.category === undefined || incident.category === query.category) &&
          (query.severity === undefined || incident.severity === query.severity) &&
          (query.since === undefined || incident.opened_at >= query.since) &&
          (query.job_id === undefined || incident.job_id === query.job_id) &&
          (query.agent_id === undefined || incident.agent_id === query.agent_id) &&
          (query.site_id === undefined || incident.site_id === query.site_id),
      )
      .slice(0, limit + 1);
    return pageOf(
      kept,
      limit,
      ({ event }) => event.seq,
      ({ incident }) => incident,
    );
  },
  incidentRead: async (call, { params }) => {
    const wanted = params.incident_id.toLowerCase();
    const opened = readEventsOfTypes(call.db, ["incident.opened"], { limit: LOOKED_THROUGH_MAX }).find(
      (event) => event.payload["incident_id"] === wanted,
    );
    if (opened === undefined) throw noSuch("incident", params.incident_id);
    return detail(call, opened);
  },
};

function viewIncident(context: LocalContext, opened: RememberedEvent): Incident {
  const payload = incidentOpenedSchema.parse(opened.payload);
  const row = findRemembered(context.db, opened.runId);
  const following = readRunEvents(context.db, opened.runId, opened.seq, FOLLOWING_MAX).filter(
    (event) => event.payload["incident_id"] === payload.incident_id,
  );
  const closed = following.find((event) => event.type === "incident.closed");
  const agent = context.agent();
  const interventions = following
    .filter((event) => event.type === "incident.intervention")
    .map((event) => {
      const { action, outcome, why, run_id } = event.payload as IncidentIntervention;
      return {
        action,
        outcome,
        why,
        run_id,
        at: new Date(event.at).toISOString(),
        actor: { type: "agent" as const, id: agent.id, name: agent.name },
      };
    });
  return {
    id: payload.incident_id,
    run_id: opened.runId,
    run_name: row?.spec.name ?? (row === null ? "" : nameOf(row.spec.command)),
    job_id: row?.spec.job_id ?? null,
    site_id: LOCAL_ID,
    agent_id: agent.id,
    agent_name: agent.name,
    category: payload.category === "failed_stop" ? "failed_stop" : Category.parse(payload.category),
    severity: payload.severity,
    state: closed ? "closed" : "open",
    score: payload.score,
    confidence: payload.score / 100,
    title: payload.title,
    sentence: sentenceOf(payload, interventions.at(-1), context.clock() - opened.at),
    policy: payload.policy,
    interventions,
    feedback: null,
    opened_at: new Date(opened.at).toISOString(),
    closed_at: closed ? new Date(closed.at).toISOString() : null,
    closed_because: typeof closed?.payload["reason"] === "string" ? closed.payload["reason"] : null,
    acknowledged_by: null,
  };
}

function sentenceOf(
  { title }: IncidentOpened,
  intervention: Incident["interventions"][number] | undefined,
  agoMs: number,
): string {
  const seen = `${title}, ${duration(agoMs)} ago`;
  if (intervention === undefined) return `${seen}; it was told, and nothing was done.`;
  return `${seen}; ${intervention.action} ${intervention.outcome.replace("_", " ")}: ${intervention.why}`;
}

async function detail(context: LocalContext, opened: RememberedEvent): Promise<IncidentDetail> {
  const incident = viewIncident(context, opened);
  const parsed = IncidentEvidence.safeParse(withTimes(opened.payload["evidence"] as EvidenceRecord));
  const evidence: IncidentEvidence = parsed.success ? parsed.data : emptyEvidence(incident);
  const events = readRunEvents(context.db, opened.runId, Number.MIN_SAFE_INTEGER, FOLLOWING_MAX);
  const told = (event: RememberedEvent) => {
    const { at, title, reason } = viewEvent(event);
    return { at, what: title, detail: reason };
  };
  return {
    ...incident,
    evidence,
    lines: await foldLines(context, opened.runId, evidence.lines),
    before: events
      .filter((event) => event.seq < opened.seq)
      .slice(-AROUND_MAX)
      .map(told),
    after: events
      .filter((event) => event.seq > opened.seq)
      .slice(0, AROUND_MAX)
      .map(told),
  };
}

/** Each distinct line once, with its count, in the order in which they first came. */
async function foldLines(
  { db, dataDir }: LocalContext,
  runId: string,
  { from, to }: { from: number; to: number },
): Promise<IncidentDetail["lines"]> {
  if (to < from || to === 0) return [];
  const reader = new LogReader({ db, dataDir });
  const lines = await reader.readLines(runId, from, Math.min(to - from + 1, LINES_READ_MAX));
  const folded = new Map<string, IncidentDetail["lines"][number]>();
  for (const line of lines.map(viewLine)) {
    const known = folded.get(line.text);
    if (known) {
      known.count += 1;
      known.last_seq = line.seq;
    } else if (folded.size < LINES_SHOWN_MAX)
      folded.set(line.text, { text: line.text, count: 1, first: line, last_seq: line.seq });
  }
  return [...folded.values()];
}

/** A decision counts time in milliseconds; the contract shows it as text. */
function withTimes(record: EvidenceRecord): unknown {
  const { since, last_progress: progress } = record as Partial<EvidenceRecord>;
  // An incident of another kind, such as a stop that failed, has no readings.
  if (since === undefined || progress === undefined) return record;
  const time = (ms: number) => new Date(Math.round(ms)).toISOString();
  return {
    ...record,
    since: { ...since, at: time(since.at) },
    last_progress: progress === null ? null : { ...progress, at: time(progress.at) },
  };
}

function emptyEvidence({ opened_at: at }: Incident): IncidentEvidence {
  return {
    families: [],
    signature: null,
    lines: { from: 0, to: 0 },
    since: { line: 0, at },
    last_progress: null,
    suppressions: [],
    config_hash: "",
  };
}
