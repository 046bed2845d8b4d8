import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { readHealthHistory } from "./history.ts";

export function healthRoutes(http: Http): void {
  route(http, api.agentHealthHistory, (ctx, { params, query }) =>
    readHealthHistory(ctx, params.agent_id, query),
  );
}
