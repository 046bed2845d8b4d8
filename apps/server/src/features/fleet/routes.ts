import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { deleteAgentView, listAgentViews, putAgentView } from "./views.ts";
import { forgetAgent, listFleet, readAgent, readFacets, renameOrLabel } from "./fleet.ts";

export function fleetRoutes(http: Http): void {
  route(http, api.agentList, (ctx, { query }) => listFleet(ctx, query));
  route(http, api.agentFacets, (ctx, { query }) => readFacets(ctx, query));
  route(http, api.agentRead, (ctx, { params }) => readAgent(ctx, params.agent_id));
  route(http, api.agentChange, (ctx, { params, body }) => renameOrLabel(ctx, params.agent_id, body));
  route(http, api.agentViewList, (ctx) => listAgentViews(ctx));
  route(http, api.agentViewPut, (ctx, { params, body }) => putAgentView(ctx, params.view_id, body));
  route(http, api.agentViewDelete, (ctx, { params }) => deleteAgentView(ctx, params.view_id));
  route(http, api.agentDelete, (ctx, { params }) => forgetAgent(ctx, params.agent_id));
}
