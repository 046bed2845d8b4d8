import type { Incident } from "@flowplane/contract";
import { actorRef, inTransaction, notify, timestamp, type Ctx, type Tx } from "../../platform/context.ts";
import { AppError, notFound } from "../../platform/errors.ts";
import { isUuid } from "../../platform/ids.ts";
import { idOfCursor, pageOf } from "../../platform/storage/page.ts";
import { record } from "../audit/audit.ts";
import { countClosedIncident, lockRunOfIncident } from "../runs/incident-counts.ts";
import { addToTimeline, timelineRow } from "../runs/timeline.ts";
import {
  findIncident,
  listIncidents,
  updateIncident,
  type IncidentFilter,
  type IncidentPatch,
  type IncidentRow,
} from "./store.ts";
import { incidentOf } from "./view.ts";

interface IncidentListInput extends IncidentFilter {
  readonly cursor?: string | undefined;
  readonly limit: number;
}

export async function listIncidentPage(ctx: Ctx, { cursor, limit, ...filter }: IncidentListInput) {
  const before = idOfCursor(cursor);
  // An id of another form than ours is nobody's.
  const ids = [filter.run_id, filter.job_id, filter.agent_id, filter.site_id];
  if (ids.some((id) => id !== undefined && !isUuid(id))) return { items: [], next_cursor: null, total: 0 };
  return inTransaction(ctx, async (ctx) => {
    const rows = await listIncidents(ctx.db, ctx.actor.organization_id, filter, before, limit + 1);
    return pageOf(
      rows,
      limit,
      (row) => [row.id],
      (row) => incidentOf(row, ctx.now()),
    );
  });
}

/** Somebody looks after it; asking again changes nothing. */
export async function acknowledgeIncident(ctx: Ctx, id: string): Promise<Incident> {
  return change(ctx, id, async (ctx, incident) => {
    if (incident.state === "closed")
      throw new AppError("conflict", "The incident is closed; there is nothing to look after any more.");
    if (incident.state === "acknowledged") return undefined;
    return {
      patch: { state: "acknowledged", acknowledged_by: JSON.stringify(actorRef(ctx.actor)) },
      action: "incident.acknowledge",
      title: "Incident acknowledged",
      reason: null,
    };
  });
}

export async function closeIncident(ctx: Ctx, id: string, reason: string): Promise<Incident> {
  return change(ctx, id, async (ctx, incident) => {
    if (incident.state === "closed") throw new AppError("conflict", "The incident is closed already.");
    return {
      patch: { state: "closed", closed_at: new Date(ctx.now()), closed_because: reason },
      action: "incident.close",
      title: "Incident closed",
      reason,
    };
  });
}

/** Whether the detector was right; the last word counts. */
export async function giveFeedback(
  ctx: Ctx,
  id: string,
  feedback: { verdict: "right" | "wrong"; note?: string | undefined },
): Promise<Incident> {
  const note = feedback.note === undefined || feedback.note === "" ? null : feedback.note;
  return change(ctx, id, async (ctx) => ({
    patch: {
      feedback: JSON.stringify({
        verdict: feedback.verdict,
        note,
        actor: actorRef(ctx.actor),
        at: timestamp(new Date(ctx.now())),
      }),
    },
    action: "incident.feedback",
    title: feedback.verdict === "right" ? "The detector was right" : "The detector was wrong",
    reason: note,
    metadata: { verdict: feedback.verdict },
  }));
}

interface Change {
  readonly patch: IncidentPatch;
  readonly action: "incident.acknowledge" | "incident.close" | "incident.feedback";
  readonly title: string;
  readonly reason: string | null;
  readonly metadata?: Record<string, unknown>;
}

/** A person's change of an incident: under the lock of its run, in the run's timeline, and in the audit log. */
async function change(
  ctx: Ctx,
  id: string,
  decide: (ctx: Tx, incident: IncidentRow) => Promise<Change | undefined>,
): Promise<Incident> {
  return inTransaction(ctx, async (ctx) => {
    const seen = await findOrRefuse(ctx, id);
    const run = await lockRunOfIncident(ctx, seen.run_id);
    // Read again under the lock: a report may have come between.
    const incident = await findOrRefuse(ctx, id);
    const made = await decide(ctx, incident);
    if (made === undefined) return incidentOf(incident, ctx.now());
    await updateIncident(ctx.db, incident.id, made.patch);
    if (run !== undefined) {
      if (made.patch.state === "closed") await countClosedIncident(ctx, run);
      await addToTimeline(ctx, [
        timelineRow(ctx, run.id, ctx.actor, {
          type: made.action,
          title: `${made.title}: ${incident.title}`,
          reason: made.reason,
          payload: { incident_id: incident.id, ...made.metadata },
          at: new Date(ctx.now()),
        }),
      ]);
    }
    record(ctx, {
      action: made.action,
      target_type: "incident",
      target_id: incident.id,
      reason: made.reason,
      metadata: { title: incident.title, run_id: incident.run_id, ...made.metadata },
    });
    notify(ctx, { topic: "incident", id: incident.id, parent_id: incident.run_id });
    return incidentOf(await findOrRefuse(ctx, id), ctx.now());
  });
}

/** The incident; throws `not_found`. */
export async function findOrRefuse(ctx: Tx, id: string): Promise<IncidentRow> {
  const incident = isUuid(id) ? await findIncident(ctx.db, id) : undefined;
  if (incident === undefined) throw notFound("incident", id);
  return incident;
}
