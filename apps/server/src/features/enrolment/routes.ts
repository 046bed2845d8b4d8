import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { serveAgentArchive } from "./agent-archive.ts";
import { approveAgent, revokeAgent } from "./approval.ts";
import { createBearer, listAgentBearers, revokeAgentBearer } from "./bearers.ts";
import { readAuthority } from "./certificates.ts";
import type { Enrolment } from "./enrolment.ts";
import {
  createToken,
  listEnrolmentTokens,
  listTokenAttempts,
  readToken,
  revokeEnrolmentToken,
} from "./tokens.ts";

export function enrolmentRoutes(http: Http, enrolment: Enrolment): void {
  serveAgentArchive(http.fastify, enrolment.archive);
  route(http, api.enrolmentTokenList, (ctx, { query }) => listEnrolmentTokens(ctx, query));
  route(http, api.enrolmentTokenRead, (ctx, { params }) => readToken(ctx, params.token_id));
  route(http, api.enrolmentTokenCreate, (ctx, { body }) => createToken(ctx, enrolment, body));
  route(http, api.enrolmentTokenRevoke, (ctx, { params }) => revokeEnrolmentToken(ctx, params.token_id));
  route(http, api.enrolmentAttemptList, (ctx, { params, query }) =>
    listTokenAttempts(ctx, params.token_id, query),
  );
  route(http, api.bearerList, (ctx, { query }) => listAgentBearers(ctx, query));
  route(http, api.bearerCreate, (ctx, { body }) => createBearer(ctx, enrolment, body));
  route(http, api.bearerRevoke, (ctx, { params }) => revokeAgentBearer(ctx, params.bearer_id));
  route(http, api.certificateAuthority, (ctx) => readAuthority(ctx, enrolment));
  route(http, api.agentApprove, (ctx, { params }) => approveAgent(ctx, params.agent_id));
  route(http, api.agentRevoke, (ctx, { params, body }) => revokeAgent(ctx, params.agent_id, body.reason));
}
