import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import type { Enrolment } from "../enrolment/enrolment.ts";
import { offerConnection, readConnection, withdrawConnection } from "./connections.ts";

export function connectionRoutes(http: Http, enrolment: Enrolment): void {
  route(http, api.agentConnectionRead, (ctx, { params }) => readConnection(ctx, params.agent_id));
  route(http, api.agentConnectionOffer, (ctx, { params, body }) =>
    offerConnection(ctx, enrolment, params.agent_id, body),
  );
  route(http, api.agentConnectionWithdraw, (ctx, { params }) => withdrawConnection(ctx, params.agent_id));
}
