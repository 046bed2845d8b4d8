import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { encodeServerToAgent, type Connection, type ServerToAgent } from "@flowplane/opamp";
import { newId } from "../../platform/context.ts";
import { AppError } from "../../platform/errors.ts";
import { asAppError, statusOf } from "../../platform/http/problems.ts";
import { OPAMP_PATH } from "../enrolment/enrolment.ts";
import type { Credential, Credentials } from "./credentials.ts";
import type { Admission, TurnedAway } from "./admission.ts";
import { readBody } from "./body.ts";
import type { Dialogue } from "./dialogue.ts";
import { opampMessages, turnedAway } from "./figures.ts";
import type { GatewayLimits } from "./limits.ts";
import { connectionFor, type Line } from "./line.ts";
import { reachedUrl } from "./reached-url.ts";
import type { WireRecorder } from "./recorder.ts";
import type { WebSockets } from "./websocket.ts";

const PROTOBUF = "application/x-protobuf";
/** Bodies are inflated and packed here, within the limit: a listener that does so for everybody must let these pass. */
export const LEFT_ALONE = { compress: false, decompress: false };
const gzipAsync = promisify(gzip);

export interface OpampEdgeOptions {
  readonly credentials: Credentials;
  /** Of new sockets, and of polls: these are many more and cost far less. */
  readonly admission: Admission;
  readonly polls: Admission;
  readonly dialogue: Dialogue;
  readonly sockets: WebSockets;
  readonly recorder: WireRecorder;
  readonly limits: GatewayLimits;
  readonly now: () => number;
  /** The dashboard's address: where agents come to that reach us through a proxy. */
  readonly publicUrl: string;
}

/** One HTTP request as a line: what is to be said goes into its one response. */
class RequestLine implements Line {
  readonly transport = "http";
  readonly id = newId();
  readonly credential: Credential;
  readonly remoteAddress: string | null;
  readonly requestId: string;
  readonly reachedUrl: string | null;
  connection: Connection;

  constructor(credential: Credential, request: FastifyRequest, reachedUrl: string | null, now: number) {
    this.reachedUrl = reachedUrl;
    this.credential = credential;
    this.remoteAddress = request.ip;
    this.requestId = request.id;
    this.connection = connectionFor(this.id, "http", credential, now);
  }

  send(): void {
    // The response is the only thing a request can carry, and `post` sends it.
  }

  close(): void {
    // A request ends with its response.
  }
}

/**
 * OpAMP on a listener: both transports on one path, told apart by the POST's content type. Credentials are judged
 * before an upgrade and before a body is read.
 */
export function installOpampEdge(
  fastify: FastifyInstance,
  options: OpampEdgeOptions,
  paths: readonly string[],
  trustHeader: boolean,
): void {
  fastify.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // Bodies are read by the handler, after the credential was judged and within the limit.
    scope.addContentTypeParser("*", (_request, _payload, done) => done(null));
    for (const url of paths) {
      scope.post(url, { ...LEFT_ALONE, logLevel: "warn" }, (request, reply) =>
        post(options, request, reply, trustHeader),
      );
      scope.get(url, async (_request, reply) => {
        reply.header("connection", "upgrade").header("upgrade", "websocket");
        return reply
          .code(426)
          .type("text/plain")
          .send(`OpAMP: open a WebSocket here, or POST ${PROTOBUF}.\n`);
      });
    }
  });
  fastify.server.on("upgrade", (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // Until `ws` has it, nobody else listens for the socket's errors.
    stream.on("error", destroyBroken);
    const path = (request.url ?? "").split("?", 1)[0] ?? "";
    if (!paths.includes(path)) {
      refuseUpgrade(
        stream,
        new AppError("not_found", `There is no WebSocket at ${path}. OpAMP is at ${OPAMP_PATH}.`),
      );
      return;
    }
    upgrade(options, request, stream, head, trustHeader).catch((error: unknown) => {
      const failure = asAppError(error);
      if (failure.code === "internal") fastify.log.error({ err: error }, "an upgrade failed");
      refuseUpgrade(
        stream,
        failure.code === "internal"
          ? unavailable(options.admission.away("The server cannot judge the credential now.", options.now()))
          : failure,
      );
    });
  });
}

function destroyBroken(this: Duplex): void {
  this.destroy();
}

async function upgrade(
  options: OpampEdgeOptions,
  request: IncomingMessage,
  stream: Duplex,
  head: Buffer,
  trustHeader: boolean,
): Promise<void> {
  const { admission, credentials, sockets, limits, now } = options;
  const away =
    sockets.count >= limits.socketsMax
      ? admission.away("This server has as many agents as it can take.", now())
      : admission.judge(now());
  if (away !== undefined) throw unavailable(away);
  const credential = await credentials.of(request, trustHeader);
  if (stream.destroyed) return;
  stream.off("error", destroyBroken);
  sockets.accept(request, stream, head, {
    id: newId(),
    credential,
    remoteAddress: request.socket.remoteAddress ?? null,
    reachedUrl: reachedUrl(request, "ws", options.publicUrl),
  });
}

async function post(
  options: OpampEdgeOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  trustHeader: boolean,
): Promise<FastifyReply> {
  const { polls, credentials, dialogue, limits, recorder, now } = options;
  const credential = await credentials.of(request.raw, trustHeader);
  const away = polls.judge(now());
  if (away !== undefined) throw unavailable(away);
  // Compared as a whole: parameters such as a charset make no sense on it, but are no reason to refuse.
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== PROTOBUF)
    throw new AppError(
      "unsupported_media_type",
      `OpAMP over HTTP is a POST of ${PROTOBUF}; everything else here is a WebSocket.`,
    );
  // What of a refused body is still on its way is thrown away, and the connection with it.
  reply.header("connection", "close");
  const body = await readBody(request.raw, limits.messageBytesMax, "An OpAMP message");
  reply.removeHeader("connection");
  const line = new RequestLine(
    credential,
    request,
    reachedUrl(request.raw, "http", options.publicUrl),
    now(),
  );
  let message: ServerToAgent;
  let agentId: string | null;
  try {
    ({ message, agentId } = await dialogue.receive(line, body));
  } catch (error) {
    if (error instanceof AppError) throw error;
    // 500 would make clients drop the message for good; 503 makes them send it again.
    request.log.warn({ err: error }, "an agent's message could not be processed");
    throw unavailable(polls.away("The server cannot process messages now.", now()), error);
  }
  const data = encodeServerToAgent(message);
  if (data.byteLength > limits.messageBytesMax) {
    opampMessages.inc({ direction: "sent", transport: "http", outcome: "too_large" });
    throw new Error(`a reply of ${data.byteLength} bytes to agent ${agentId} is over the limit`);
  }
  opampMessages.inc({ direction: "sent", transport: "http", outcome: "ok" });
  if (agentId !== null) recorder.sent(agentId, message, data.byteLength, now());
  // Exactly this type: a widely used client compares the whole header.
  reply.header("content-type", PROTOBUF);
  if (!acceptsGzip(request.headers["accept-encoding"])) return reply.send(Buffer.from(data));
  return reply
    .header("content-encoding", "gzip")
    .header("vary", "accept-encoding")
    .send(await gzipAsync(data));
}

function unavailable(away: TurnedAway, cause?: unknown): AppError {
  turnedAway.inc({ reason: away.reason });
  return new AppError("unavailable", away.reason, { retryAfterSeconds: away.retryAfterSeconds, cause });
}

/** Whether gzip is among the encodings with a weight above 0; `*` does not count, since some who send it cannot inflate. */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const list = Array.isArray(header) ? header.join(",") : (header ?? "");
  return list.split(",").some((item) => {
    const [name, ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
    if (name !== "gzip" && name !== "x-gzip") return false;
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    return weight === undefined || Number(weight.slice(2)) > 0;
  });
}

/** An HTTP answer instead of an upgrade, by hand: there is no response object on an upgrade. */
function refuseUpgrade(stream: Duplex, failure: AppError): void {
  const status = statusOf(failure);
  const body = `${failure.message}\n`;
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_WORDS[status] ?? "Error"}`,
    "Connection: close",
    "Content-Type: text/plain; charset=utf-8",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(failure.retryAfterSeconds === undefined ? [] : [`Retry-After: ${failure.retryAfterSeconds}`]),
    ...(status === 401 ? ['WWW-Authenticate: Bearer realm="flowplane"'] : []),
  ];
  if (stream.writable) stream.end(`${lines.join("\r\n")}\r\n\r\n${body}`, () => stream.destroy());
}

const STATUS_WORDS: Readonly<Record<number, string>> = {
  401: "Unauthorized",
  404: "Not Found",
  503: "Service Unavailable",
};
