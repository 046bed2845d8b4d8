import { once } from "node:events";
import type { Server } from "node:https";
import {
  fastify,
  LogController,
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyRequest,
} from "fastify";
import { newId, type Base } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { parseStrictJson } from "../../platform/http/json.ts";
import { installProblems } from "../../platform/http/problems.ts";
import { ENROL_PATH, enrolRequestSchema, type EnrolRequest } from "@flowplane/link";
import { serveAgentArchive } from "../enrolment/agent-archive.ts";
import { Enrolments } from "../enrolment/enrol.ts";
import type { Enrolment } from "../enrolment/enrolment.ts";
import { certificatesIssued } from "./figures.ts";
import { ListenerTls } from "./tls.ts";

/** Of JSON bodies on this listener; bulk routes set their own. */
const BODY_BYTES_MAX = 64 * 1024;
/** Well above any poll interval, or a poll would meet a connection that is just being closed. */
const KEEP_ALIVE_MS = 90_000;
const REQUEST_TIMEOUT_MS = 300_000;

export interface AgentListener {
  readonly fastify: FastifyInstance;
  readonly server: Server;
  readonly tls: ListenerTls;
}

/** The agents' listener with `/v1/enrol` on it; not listening yet, so that others can hang their routes on it first. */
export async function createAgentListener(base: Base, enrolment: Enrolment): Promise<AgentListener> {
  const tls = new ListenerTls(base, enrolment.authority);
  const instance = fastify({
    https: await tls.options(),
    loggerInstance: base.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "request_id" }),
    bodyLimit: BODY_BYTES_MAX,
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    requestIdHeader: false,
    genReqId: () => `req_${newId().replaceAll("-", "")}`,
    forceCloseConnections: true,
  }) as unknown as FastifyInstance; // the listener's kind of server matters to nobody who hangs a route on it
  const server = instance.server as unknown as Server;
  server.headersTimeout = KEEP_ALIVE_MS + 5_000;
  instance.removeAllContentTypeParsers();
  instance.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (_request: FastifyRequest, body: Buffer) => parseStrictJson(body),
  );
  installProblems(instance);
  serveAgentArchive(instance, enrolment.archive);
  const enrolments = new Enrolments(base, enrolment);
  instance.post(ENROL_PATH, async (request, reply) => {
    const token = /^Bearer +([^\s]+) *$/i.exec(request.headers.authorization ?? "")?.[1];
    if (token === undefined)
      throw new AppError("unauthenticated", "Send the enrolment token as `Authorization: Bearer …`.");
    const answer = await enrolments.enrol(token, readEnrolRequest(request.body), {
      requestId: request.id,
      remoteAddress: request.ip,
    });
    if (answer.state === "issued") certificatesIssued.inc({ occasion: "enrolment" });
    return reply.code(answer.state === "issued" ? 200 : 202).send(answer);
  });
  return { fastify: instance, server, tls };
}

/** Opens the port; the server keeps the name and address it was given. Rejects when the port is taken. */
export async function listen(
  { fastify, server }: AgentListener,
  { host, port }: { host: string; port: number },
): Promise<number> {
  await fastify.ready();
  const failed = once(server, "error").then(([error]) => {
    throw error;
  });
  server.listen({ host, port, backlog: LISTEN_BACKLOG });
  await Promise.race([once(server, "listening"), failed]);
  failed.catch(() => undefined);
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

/** Connections the system may hold for us while a whole fleet reconnects. */
const LISTEN_BACKLOG = 4_096;

function readEnrolRequest(body: unknown): EnrolRequest {
  const parsed = enrolRequestSchema.safeParse(body);
  if (parsed.success) return { ...parsed.data, instance_uid: parsed.data.instance_uid.toLowerCase() };
  const fields = parsed.error.issues.map(({ path, message }) => ({ pointer: `/${path.join("/")}`, message }));
  throw new AppError(
    "invalid_input",
    `The body is not valid: ${fields[0]?.pointer ?? ""}: ${fields[0]?.message ?? ""}.`,
    { fields },
  );
}
