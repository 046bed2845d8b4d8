import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sql } from "kysely";
import { API_PREFIX } from "@flowplane/contract";
import type { Condition } from "@flowplane/runtime";
import type { Base } from "../context.ts";
import { AppError } from "../errors.ts";
import { metrics } from "../metrics.ts";
import type { Http } from "./route.ts";

/** Probes answer at the root for orchestrators, and below both prefixes for clients that know only those. */
const PREFIXES = ["", API_PREFIX, "/v1"];
const DATABASE_ANSWER_MS_MAX = 2_000;
/** A probe's verdict is kept this long, so that probing costs the database nothing. */
const VERDICT_MS = 1_000;
const FORWARDED_HEADERS = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

export interface Probes {
  /** From now on not ready, whatever else is well: load balancers look elsewhere while the last requests finish. */
  drain(): void;
}

/**
 * `healthz`: the process answers. `readyz`: it can serve, with the reasons. `metrics`: Prometheus text; without a
 * credential only on the machine itself, since it names tenants; from elsewhere an owner's API token.
 */
export function installProbes(
  fastify: FastifyInstance,
  base: Base,
  authenticate: Http["authenticate"],
  conditions: () => readonly Condition[],
): Probes {
  let isDraining = false;
  let verdict: { at: number; answer: Promise<readonly Condition[]> } | undefined;
  const look = () => {
    const now = base.now();
    if (verdict === undefined || now - verdict.at >= VERDICT_MS || now < verdict.at)
      verdict = { at: now, answer: databaseCondition(base).then((database) => [database, ...conditions()]) };
    return verdict.answer;
  };

  for (const prefix of PREFIXES) {
    fastify.get(`${prefix}/healthz`, async () => ({ status: "ok" }));
    fastify.get(`${prefix}/readyz`, async (_request, reply) => {
      const found = await look();
      const isReady = !isDraining && found.every((condition) => condition.healthy);
      reply.code(isReady ? 200 : 503).header("cache-control", "no-store");
      return {
        status: isDraining ? "stopping" : isReady ? "ready" : "not_ready",
        checks: found.map(({ name, healthy, status }) => ({ name, healthy, status })),
      };
    });
    fastify.get(`${prefix}/metrics`, async (request, reply) => serveMetrics(request, reply, authenticate));
  }
  return {
    drain() {
      isDraining = true;
    },
  };
}

async function serveMetrics(
  request: FastifyRequest,
  reply: FastifyReply,
  authenticate: Http["authenticate"],
): Promise<string> {
  if (!isFromThisMachine(request)) {
    const actor = await authenticate(request);
    if (actor === undefined)
      throw new AppError(
        "unauthenticated",
        "From another machine, metrics need an owner's API token as `Authorization: Bearer …`.",
      );
    if (!actor.permissions.includes("organization:write"))
      throw new AppError(
        "forbidden",
        `Metrics need an owner's API token; this one has the role ${actor.role}.`,
      );
  }
  reply.header("content-type", metrics.contentType).header("cache-control", "no-store");
  return metrics.metrics();
}

/** Neither through a proxy nor by a page that made its own name resolve to this machine. */
function isFromThisMachine(request: FastifyRequest): boolean {
  const address = request.socket.remoteAddress ?? "";
  const isLoopback = /^(?:127\.|::1$|::ffff:127\.)/.test(address);
  const isForwarded = FORWARDED_HEADERS.some((name) => request.headers[name] !== undefined);
  return isLoopback && !isForwarded && /^(?:localhost|127\.[\d.]+|\[::1\])(?::\d+)?$/.test(request.host);
}

async function databaseCondition(base: Base): Promise<Condition> {
  const since = base.now();
  const deadline = Promise.withResolvers<string>();
  const timer = setTimeout(() => deadline.resolve("no answer"), DATABASE_ANSWER_MS_MAX);
  const answer = sql`select 1`.execute(base.storage.system).then(
    () => "ok",
    (error: unknown) => {
      base.log.warn({ err: error, event_type: "readiness" }, "the database does not answer");
      return "not reachable";
    },
  );
  const status = await Promise.race([answer, deadline.promise]);
  clearTimeout(timer);
  return { name: "database", healthy: status === "ok", status, since };
}
