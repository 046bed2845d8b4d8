import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "pino";
import {
  API_PREFIX,
  type Access,
  type Endpoint,
  type EndpointOutput,
  type EndpointRequest,
} from "@flowplane/contract";
import type { Actor, Base, Ctx } from "../context.ts";
import { AppError } from "../errors.ts";
import { writeTraceparent } from "../traces/traceparent.ts";
import { once } from "./idempotency.ts";

/** `/v1/…` answers as an alias, for clients written against the older documents. */
const PREFIXES = [API_PREFIX, "/v1"];

/** The HTTP edge as features see it: where to hang routes, and how a request becomes an actor. */
export interface Http {
  readonly fastify: FastifyInstance;
  readonly base: Base;
  /** The actor of a request, or undefined when it shows no valid credential. Throws for one that is expired or revoked. */
  readonly authenticate: (request: FastifyRequest) => Promise<Actor | undefined>;
}

type Handler<E extends Endpoint> = (ctx: Ctx, request: EndpointRequest<E>) => Promise<EndpointOutput<E>>;
type StreamHandler<E extends Endpoint> = (
  ctx: Ctx,
  request: EndpointRequest<E>,
  raw: FastifyRequest,
  reply: FastifyReply,
) => Promise<unknown>;

/** Tells which agent, or whose enrolment token, a request shows. Throws `unauthenticated`. */
export type Identify = (request: FastifyRequest) => Promise<Actor>;

/**
 * Serves one endpoint of the contract: validates, authenticates, authorizes, calls, answers with the endpoint's status.
 * `identify` is for endpoints whose access is `agent`, and only for those.
 */
export function route<E extends Endpoint>(
  http: Http,
  definition: E,
  handler: Handler<E>,
  identify?: Identify,
): void {
  const answer: StreamHandler<E> = async (ctx, request, raw, reply) => {
    const key = raw.headers["idempotency-key"];
    const isOnce = definition.idempotent === true && key !== undefined;
    const result = isOnce
      ? await answerOnce(ctx, definition, String(key), request, handler, reply)
      : await handler(ctx, request);
    reply.code(definition.status ?? 200);
    return definition.status === 204 ? reply.send() : result;
  };
  register(http, definition, answer, identify);
}

async function answerOnce<E extends Endpoint>(
  ctx: Ctx,
  definition: E,
  key: string,
  request: EndpointRequest<E>,
  handler: Handler<E>,
  reply: FastifyReply,
): Promise<EndpointOutput<E>> {
  const { answer, replayed } = await once(ctx, { key, endpoint: definition, input: request }, (ctx) =>
    handler(ctx, request),
  );
  if (replayed) reply.header("idempotency-replayed", "true");
  return answer;
}

/** As `route`, for endpoints that write their own response: event streams and files. */
export function streamRoute<E extends Endpoint>(
  http: Http,
  definition: E,
  handler: StreamHandler<E>,
  identify?: Identify,
): void {
  register(http, definition, handler, identify);
}

function register<E extends Endpoint>(
  http: Http,
  definition: E,
  handler: StreamHandler<E>,
  identify: Identify | undefined,
): void {
  if ((definition.access === "agent") !== (identify !== undefined))
    throw new Error(`${definition.path}: whoever serves an agent's endpoint says how an agent is known`);
  const bare = definition.body?.safeParse(undefined);
  for (const prefix of PREFIXES) {
    http.fastify.route({
      method: definition.method,
      url: prefix + definition.path.replace(/\{(\w+)\}/g, ":$1"),
      schema: {
        summary: definition.summary,
        tags: [definition.tag],
        hide: prefix !== API_PREFIX,
        ...(definition.params === undefined ? {} : { params: definition.params }),
        ...(definition.query === undefined ? {} : { querystring: definition.query }),
        ...(definition.body === undefined ? {} : { body: definition.body }),
        ...(definition.response === undefined
          ? {}
          : { response: { [definition.status ?? 200]: definition.response } }),
      },
      config: { endpoint: definition },
      // Before the body is read: who may not call learns nothing about its shape.
      onRequest: async (request) => {
        if (identify === undefined) {
          request.actor = await http.authenticate(request);
          admit(definition.access, request.actor);
        } else request.actor = await identify(request);
      },
      // A request without a body is not one whose body is `null`.
      preValidation: async (request) => {
        if (bare?.success === true && request.body == null && isBare(request, identify !== undefined))
          request.body = bare.data;
      },
      handler: async (request, reply) =>
        handler(
          contextOf(http.base, request),
          { params: request.params, query: request.query, body: request.body } as EndpointRequest<E>,
          request,
          reply,
        ),
    });
  }
}

/** Scripts name a content type whether or not they send anything. */
function isBare({ headers }: FastifyRequest, isFromAgent: boolean): boolean {
  if (headers["content-type"] === undefined) return true;
  return (
    isFromAgent && headers["transfer-encoding"] === undefined && Number(headers["content-length"] ?? 0) === 0
  );
}

function admit(access: Access, actor: Actor | undefined): void {
  if (access === "public" || access === "agent") return;
  if (actor === undefined) {
    throw new AppError(
      "unauthenticated",
      "Sign in, or send an API token as `Authorization: Bearer …`. On the server's own machine the key is in admin.key of the data folder.",
    );
  }
  if (access !== "signed_in" && !actor.permissions.includes(access)) {
    throw new AppError(
      "forbidden",
      `The role ${actor.role} may not do this; it needs the permission ${access}. Ask an owner or admin of the organization.`,
    );
  }
}

function contextOf(base: Base, request: FastifyRequest): Ctx {
  // Handlers of public endpoints do not read the actor; every other one has been given it by `admit`.
  const actor = request.actor as Actor;
  return {
    ...base,
    log: request.log.child(
      actor === undefined ? {} : { tenant_id: actor.organization_id, actor: actor.id },
    ) as Logger,
    actor,
    requestId: request.id,
    remoteAddress: request.ip,
    ...(request.span === undefined ? {} : { traceparent: writeTraceparent(request.span) }),
  };
}

declare module "fastify" {
  interface FastifyRequest {
    actor: Actor | undefined;
  }
  interface FastifyContextConfig {
    endpoint?: Endpoint;
  }
}
