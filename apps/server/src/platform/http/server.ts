import compress from "@fastify/compress";
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from "fastify";
import { serializerCompiler, validatorCompiler } from "fastify-type-provider-zod";
import type { Condition } from "@flowplane/runtime";
import { newId, type Base } from "../context.ts";
import { apiRequests, apiRequestSeconds, authFailures, collectProcessMetrics } from "../metrics.ts";
import { openDashboard } from "./dashboard.ts";
import { parseStrictJson } from "./json.ts";
import { limitAuthentication } from "./limits.ts";
import { installProbes, type Probes } from "./probes.ts";
import { asAppError, installProblems, sendProblem } from "./problems.ts";
import { installProtection } from "./protection.ts";
import { installReference } from "./reference.ts";
import type { Http } from "./route.ts";
import { installChangeStream, installEventStreams } from "./sse.ts";
import { installTraces } from "./traces.ts";

/** The largest JSON body; what is bulkier has the agents' bulk endpoint. */
export const BODY_BYTES_MAX = 1024 * 1024;
/** Longer than any poll interval, so that a poller's connection is never closed under its next request. */
export const KEEP_ALIVE_TIMEOUT_MS = 75_000;
export const HEADERS_TIMEOUT_MS = KEEP_ALIVE_TIMEOUT_MS + 5_000;
/** For a request to arrive whole. Answers, streams among them, may take as long as they like. */
export const REQUEST_TIMEOUT_MS = 120_000;
/** Smaller answers cost more to compress than to send. */
const COMPRESS_BYTES_MIN = 1024;

export interface HttpServer extends Http, Probes {}

export interface HttpOptions {
  /** What readiness depends on beside the database. */
  readonly conditions?: () => readonly Condition[];
  readonly dashboardFolder?: string;
}

/**
 * The HTTP edge, ready for `route`: everything of it that is no feature. It listens when the caller says
 * `server.fastify.listen(…)`; to stop, `drain()` first, then `fastify.close()`, which ends the live streams.
 */
export async function createHttp(
  base: Base,
  authenticate: Http["authenticate"],
  options: HttpOptions = {},
): Promise<HttpServer> {
  const dashboard = openDashboard(options.dashboardFolder);
  const server: FastifyInstance = fastify({
    loggerInstance: base.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "request_id" }),
    bodyLimit: BODY_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    // Both ids are ours: what a caller could choose, it could make look like somebody else's request.
    requestIdHeader: false,
    genReqId: () => `req_${newId().replaceAll("-", "")}`,
    return503OnClosing: true,
    frameworkErrors: (error, request, reply) => {
      sendProblem(request as FastifyRequest, reply, asAppError(error));
    },
  });
  server.server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.decorateRequest("actor", undefined);
  server.decorateRequest("errorCode", undefined);
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.removeAllContentTypeParsers();
  server.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (_request: FastifyRequest, body: Buffer) => parseStrictJson(body),
  );

  installProblems(server, (request, reply) => dashboard.page(request, reply));
  installTraces(server, base.traces);
  installRequestLog(server);
  installProtection(server, base.config, dashboard.scriptHashes);
  installEventStreams(server, base.bus);
  await server.register(compress, { threshold: COMPRESS_BYTES_MIN, encodings: ["br", "gzip"] });

  const http: Http = { fastify: server, base, authenticate: limitAuthentication(authenticate) };
  const probes = installProbes(server, base, http.authenticate, options.conditions ?? (() => []));
  installReference(server);
  installChangeStream(http);
  await dashboard.install(server);
  return { ...http, ...probes };
}

/** One line and one count per answer: changes and failures at `info`, what only reads at `debug`. */
function installRequestLog(server: FastifyInstance): void {
  collectProcessMetrics();
  server.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    apiRequests.inc({ route, status: reply.statusCode });
    if (reply.statusCode === 401) authFailures.inc({ listener: "api" });
    if (request.routeOptions.config.endpoint?.stream === undefined)
      apiRequestSeconds.observe({ route }, reply.elapsedTime / 1000);
    const isQuiet = reply.statusCode < 400 && (request.method === "GET" || request.method === "HEAD");
    request.log[reply.statusCode >= 500 ? "error" : isQuiet ? "debug" : "info"](
      {
        event_type: "http.request",
        method: request.method,
        route,
        status: reply.statusCode,
        duration_ms: Math.round(reply.elapsedTime),
        remote_address: request.ip,
        ...(request.actor === undefined
          ? {}
          : { tenant_id: request.actor.organization_id, actor: request.actor.id }),
        ...(request.errorCode === undefined ? {} : { error_code: request.errorCode }),
      },
      `${request.method} ${route} ${reply.statusCode}`,
    );
  });
}
