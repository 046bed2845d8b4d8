import { api } from "@flowplane/contract";
import { route, streamRoute, type Http } from "../../platform/http/route.ts";
import type { Enrolment } from "../enrolment/enrolment.ts";
import { createToken } from "../enrolment/tokens.ts";
import { ownConfig, shownConfig } from "./config.ts";
import { identifyByBearer, identifyByToken } from "./credentials.ts";
import { gatewayHeartbeats } from "./figures.ts";
import { listFleetGateways, readGateway } from "./gateways.ts";
import { Heartbeats } from "./heartbeats.ts";
import { configHeld, mustBeOwn } from "./refusals.ts";
import { registerGateway } from "./register.ts";

const DAY_SECONDS = 86_400;
const NO_CONFIG = "Gateway not found or no active config";

/** The gateway API: a thin skin over agents, enrolment tokens and bearers. */
export function gatewayApiRoutes(http: Http, enrolment: Enrolment): void {
  const heartbeats = new Heartbeats(http.base);
  const byBearer = identifyByBearer(http.base, () => gatewayHeartbeats.inc({ outcome: "refused" }));

  route(http, api.registrationTokenCreate, async (ctx, { query, body }) => {
    mustBeOwn(ctx.actor, query.org_id);
    const { token, secret } = await createToken(ctx, enrolment, {
      name: body.name,
      labels: {},
      approval: "automatic",
      uses_max: 1,
      expires_in_seconds: body.expires_in_days * DAY_SECONDS,
    });
    return {
      id: token.id,
      org_id: ctx.actor.organization_id,
      name: token.name,
      token: secret,
      expires_at: token.expires_at,
      is_active: token.state === "usable",
      created_by: token.created_by.id,
      created_at: token.created_at,
    };
  });
  route(
    http,
    api.gatewayRegister,
    (ctx, { body }) => registerGateway(ctx, enrolment, body),
    identifyByToken(http.base),
  );
  route(
    http,
    api.gatewayHeartbeat,
    (ctx, { params, body }) => heartbeats.beat(ctx, params.instance_id, body),
    byBearer,
  );
  streamRoute(
    http,
    api.gatewayOwnConfig,
    async (ctx, { params }, request, reply) => {
      await heartbeats.mustBe(ctx, params.instance_id);
      const isText = /\byaml\b/.test(request.headers.accept ?? "");
      const { etag, body } = await ownConfig(ctx, { isText, known: request.headers["if-none-match"] });
      reply.header("etag", etag).header("vary", "accept").header("cache-control", "no-store");
      if (body === null) return reply.code(304).send();
      return reply
        .type(isText ? "application/yaml" : "application/json")
        .serializer((text: string) => text)
        .send(body);
    },
    byBearer,
  );
  route(http, api.gatewayList, (ctx, { query }) => listFleetGateways(ctx, query));
  route(http, api.gatewayStatus, async (ctx, { params, query }) => {
    const { metrics, ...gateway } = await readGateway(ctx, params.gateway_id, query);
    const shown = await shownConfig(ctx, gateway.gateway_id);
    return { ...gateway, config: "held" in shown ? null : shown.config, metrics };
  });
  route(http, api.gatewayHealth, async (ctx, { params, query }) => {
    const { health } = await readGateway(ctx, params.gateway_id, query);
    return health;
  });
  route(http, api.gatewayVersion, async (ctx, { params, query }) => {
    const { version } = await readGateway(ctx, params.gateway_id, query);
    return version;
  });
  route(http, api.gatewayConfig, async (ctx, { params, query }) => {
    const { gateway_id } = await readGateway(ctx, params.gateway_id, query, NO_CONFIG);
    const shown = await shownConfig(ctx, gateway_id);
    if ("held" in shown) throw configHeld(shown.held);
    return shown.config;
  });
  route(http, api.gatewayMetrics, async (ctx, { params, query }) => {
    const { metrics } = await readGateway(ctx, params.gateway_id, query);
    return metrics;
  });
}
