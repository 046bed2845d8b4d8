import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { forgetAgent, listFleet, readAgent, readFacets, renameOrLabel } from "./fleet.ts";

export function fleetRoutes(http: Http): void {
  route(http, api.agentList, (ctx, { query }) => listFleet(ctx, query));
  route(http, api.agentFacets, (ctx, { query }) => readFacets(ctx, query));
  route(http, api.agentRead, (ctx, { params }) => readAgent(ctx, params.agent_id));
  route(http, api.agentChange, (ctx, { params, body }) => renameOrLabel(ctx, params.agent_id, body));
  route(http, api.agentDelete, (ctx, { params }) => forgetAgent(ctx, params.agent_id));
}
