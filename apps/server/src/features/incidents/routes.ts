import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { readIncident } from "./detail.ts";
import { acknowledgeIncident, closeIncident, giveFeedback, listIncidentPage } from "./incidents.ts";

export function incidentRoutes(http: Http): void {
  route(http, api.incidentList, (ctx, { query }) => listIncidentPage(ctx, query));
  route(http, api.incidentRead, (ctx, { params }) => readIncident(ctx, params.incident_id));
  route(http, api.incidentAcknowledge, (ctx, { params }) => acknowledgeIncident(ctx, params.incident_id));
  route(http, api.incidentClose, (ctx, { params, body }) =>
    closeIncident(ctx, params.incident_id, body.reason),
  );
  route(http, api.incidentFeedback, (ctx, { params, body }) => giveFeedback(ctx, params.incident_id, body));
}
