import { api } from "@flowplane/contract";
import { route, type Http } from "../../platform/http/route.ts";
import { listOwnLogs } from "./own-log-api.ts";
import { listOwnTraces, readOwnTrace } from "./own-trace-api.ts";
import { listMetrics, readSeries } from "./series-api.ts";
import { changeSettings, readSettings } from "./settings.ts";
import { readAgentThroughput, readFleetThroughput } from "./throughput.ts";

export function telemetryRoutes(http: Http): void {
  route(http, api.agentThroughput, (ctx, { params, query }) =>
    readAgentThroughput(ctx, params.agent_id, query),
  );
  route(http, api.fleetThroughput, (ctx, { query }) => readFleetThroughput(ctx, query));
  route(http, api.telemetryMetrics, (ctx, { query }) => listMetrics(ctx, query.agent_id));
  route(http, api.telemetrySeries, (ctx, { query }) => readSeries(ctx, query));
  route(http, api.agentOwnLogs, (ctx, { params, query }) => listOwnLogs(ctx, params.agent_id, query));
  route(http, api.agentOwnTraces, (ctx, { params, query }) => listOwnTraces(ctx, params.agent_id, query));
  route(http, api.agentOwnTraceRead, (ctx, { params }) =>
    readOwnTrace(ctx, params.agent_id, params.trace_id),
  );
  route(http, api.ownTelemetryRead, (ctx) => readSettings(ctx));
  route(http, api.ownTelemetryChange, (ctx, { body }) => changeSettings(ctx, body));
}
