import { randomBytes } from "node:crypto";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isSent } from "../traces/sampling.ts";
import { readTraceparent } from "../traces/traceparent.ts";
import type { RequestSpan, SpanAttributes, Traces } from "../traces/traces.ts";

/**
 * Every line of a request's log names its trace: the caller's, when its `traceparent` is valid, else a new one. Where traces are sent,
 * every request to the API has a span.
 */
export function installTraces(server: FastifyInstance, traces: Traces | undefined): void {
  server.decorateRequest("span", undefined);
  server.addHook("onRequest", async (request) => {
    const parent = readTraceparent(request.headers.traceparent);
    if (request.routeOptions.config.endpoint !== undefined) request.span = traces?.begin(parent);
    const traceId = request.span?.traceId ?? parent?.traceId ?? randomBytes(16).toString("hex");
    request.log = request.log.child({ trace_id: traceId });
  });
  if (traces === undefined) return;
  server.addHook("onResponse", async (request, reply) => {
    const { span, method } = request;
    const route = request.routeOptions.url ?? "none";
    const status = reply.statusCode;
    if (span === undefined || !isSent({ method, route, status, traceId: span.traceId })) return;
    const problem = status >= 500 ? (request.errorCode ?? "internal") : null;
    span.end(`${method} ${route}`, attributesOf(request, route, status), problem);
  });
}

/** Names of the semantic conventions where those have one. */
function attributesOf(request: FastifyRequest, route: string, status: number): SpanAttributes {
  const runId = (request.params as { run_id?: unknown } | undefined)?.run_id;
  return {
    "http.request.method": request.method,
    "http.route": route,
    "http.response.status_code": status,
    request_id: request.id,
    ...(request.actor === undefined ? {} : { tenant_id: request.actor.organization_id }),
    ...(typeof runId === "string" ? { run_id: runId } : {}),
    ...(request.errorCode === undefined ? {} : { "error.type": request.errorCode }),
  };
}

declare module "fastify" {
  interface FastifyRequest {
    span: RequestSpan | undefined;
  }
}
