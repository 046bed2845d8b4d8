import type { ServerResponse } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Gauge } from "prom-client";
import { api, type ChangeNotice } from "@flowplane/contract";
import { subjects, type Bus, type CredentialsChanged } from "../bus/bus.ts";
import type { Ctx } from "../context.ts";
import { AppError } from "../errors.ts";
import { metrics } from "../metrics.ts";
import { streamRoute, type Http } from "./route.ts";

/** What may wait for one slow client before its stream is ended; it resumes with Last-Event-ID where it was. */
export const STREAM_BUFFER_BYTES_MAX = 1024 * 1024;
export const STREAMS_PER_ORGANIZATION_MAX = 2_000;
/** Below the shortest idle time-out of the usual proxies (30 s). */
export const STREAM_KEEP_ALIVE_MS = 15_000;
/** What a browser waits before it comes back. */
export const STREAM_RETRY_MS = 2_000;
/** How long an ended stream may take to deliver its last bytes. */
const STREAM_FLUSH_MS = 5_000;
const LAST_EVENT_ID_LENGTH_MAX = 100;

const openStreams = new Gauge({
  name: "flowplane_event_streams_open",
  help: "Server-sent event streams open now.",
  registers: [metrics],
});

export interface StreamEvent {
  readonly event: string;
  /** Where the client resumes after this event; without it the previous id stands. */
  readonly id?: string;
  /** Sent as one line of JSON. */
  readonly data: unknown;
}

/** One client's server-sent events. */
export interface EventStream {
  /** The id of the last event the client has seen, from its `Last-Event-ID` header; undefined at a first visit. */
  readonly lastEventId: string | undefined;
  /** Aborts when the client has gone, the stream was ended, or the server stops. */
  readonly signal: AbortSignal;
  /** False when nothing more can be sent; a client too slow to read is sent off here. */
  send(event: StreamEvent): boolean;
  /** Resolves when what was sent has left this process, or the stream has ended: await it in loops that read much. */
  drained(): Promise<void>;
  /** Ends the stream after what was sent. */
  end(): void;
}

interface Connection {
  readonly organizationId: string;
  readonly actorId: string;
  comment(text: string): void;
  end(): void;
}

/** All streams of one server, for their limit, their keep-alive and the shutdown. */
export class EventStreams {
  readonly #open = new Set<Connection>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  get size(): number {
    return this.#open.size;
  }

  admit(organizationId: string): void {
    if (this.#stopped)
      throw new AppError("unavailable", "The server is stopping. Try again in a moment.", {
        retryAfterSeconds: 2,
      });
    let count = 0;
    for (const connection of this.#open) if (connection.organizationId === organizationId) count += 1;
    if (count >= STREAMS_PER_ORGANIZATION_MAX) {
      throw new AppError(
        "rate_limited",
        `The organization has ${STREAMS_PER_ORGANIZATION_MAX} live streams open already. Close some dashboards or followers.`,
        { retryAfterSeconds: 30 },
      );
    }
  }

  add(connection: Connection): void {
    this.#open.add(connection);
    openStreams.inc();
    this.#timer ??= setInterval(() => {
      for (const each of this.#open) each.comment("keep-alive");
    }, STREAM_KEEP_ALIVE_MS).unref();
  }

  remove(connection: Connection): void {
    if (!this.#open.delete(connection)) return;
    openStreams.dec();
    if (this.#open.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Ends the streams of somebody whose credential or membership has just been taken away; whoever may still come, comes back. */
  endOf(actorId: string): void {
    for (const connection of this.#open) if (connection.actorId === actorId) connection.end();
  }

  /** Ends all streams and takes no more. */
  stop(): void {
    this.#stopped = true;
    for (const connection of this.#open) connection.end();
  }
}

/**
 * Answers a request with a stream of events. Throws `rate_limited` when the organization has too many open.
 * The caller sends until `signal` aborts; after this call the reply is its own, so nothing may be thrown to the edge.
 */
export function openEventStream(ctx: Ctx, request: FastifyRequest, reply: FastifyReply): EventStream {
  const streams = request.server.eventStreams;
  streams.admit(ctx.actor.organization_id);
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    // For nginx, which would otherwise collect the stream before passing it on.
    "x-accel-buffering": "no",
  });
  response.socket?.setNoDelay(true);
  const stream = new ResponseStream(response, streams, ctx, lastEventIdOf(request));
  response.write(`retry: ${STREAM_RETRY_MS}\n\n`);
  return stream;
}

class ResponseStream implements EventStream, Connection {
  readonly lastEventId: string | undefined;
  readonly organizationId: string;
  readonly actorId: string;
  readonly #response: ServerResponse;
  readonly #closed = new AbortController();
  #drain: { promise: Promise<void>; resolve: () => void } | undefined;

  constructor(response: ServerResponse, streams: EventStreams, ctx: Ctx, lastEventId: string | undefined) {
    this.lastEventId = lastEventId;
    this.organizationId = ctx.actor.organization_id;
    this.actorId = ctx.actor.id;
    this.#response = response;
    streams.add(this);
    const resume = () => {
      this.#drain?.resolve();
      this.#drain = undefined;
    };
    response.on("drain", resume);
    response.on("error", (error) => ctx.log.debug({ err: error }, "event stream broke"));
    response.on("close", () => {
      streams.remove(this);
      this.#closed.abort();
      resume();
    });
    // The client may have left while the request was still being authorized.
    if (response.destroyed) response.emit("close");
  }

  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  send({ event, id, data }: StreamEvent): boolean {
    if (this.#closed.signal.aborted) return false;
    this.#response.write(
      `event: ${event}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`,
    );
    if (this.#response.writableLength <= STREAM_BUFFER_BYTES_MAX) return true;
    this.#response.write("event: reset\ndata: {}\n\n: too slow, come back\n\n");
    this.end();
    return false;
  }

  comment(text: string): void {
    // Somebody who reads nothing needs no sign of life, and must not grow for it.
    if (!this.#response.writableNeedDrain) this.#response.write(`: ${text}\n\n`);
  }

  drained(): Promise<void> {
    if (this.#closed.signal.aborted || !this.#response.writableNeedDrain) return Promise.resolve();
    this.#drain ??= Promise.withResolvers<void>();
    return this.#drain.promise;
  }

  end(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#response.end();
    const timer = setTimeout(() => this.#response.destroy(), STREAM_FLUSH_MS).unref();
    this.#response.once("close", () => clearTimeout(timer));
  }
}

function lastEventIdOf(request: FastifyRequest): string | undefined {
  const header = request.headers["last-event-id"];
  return typeof header === "string" && header.length > 0 && header.length <= LAST_EVENT_ID_LENGTH_MAX
    ? header
    : undefined;
}

/** Serves the organization's change notices: what the dashboard lives on. */
export function installChangeStream(http: Http): void {
  streamRoute(http, api.changeStream, async (ctx, _request, raw, reply) => {
    const stream = openEventStream(ctx, raw, reply);
    const subscription = ctx.bus.subscribe(
      subjects.changes(ctx.actor.organization_id),
      (message) => {
        const notice = message.data as ChangeNotice;
        stream.send({ event: "change", id: message.id, data: notice });
      },
      {
        ...(stream.lastEventId === undefined ? {} : { after: stream.lastEventId }),
        reset: () => stream.send({ event: "reset", data: {} }),
      },
    );
    if (stream.signal.aborted) subscription.close();
    else stream.signal.addEventListener("abort", () => subscription.close(), { once: true });
    return reply;
  });
}

/** Gives a server its streams; it ends them when it closes, and somebody's when their rights change. */
export function installEventStreams(fastify: FastifyInstance, bus: Bus): void {
  const streams = new EventStreams();
  fastify.decorate("eventStreams", streams);
  const subscription = bus.subscribe(subjects.credentialsChanged, ({ data }) =>
    streams.endOf((data as CredentialsChanged).actor_id),
  );
  fastify.addHook("preClose", async () => {
    subscription.close();
    streams.stop();
  });
}

declare module "fastify" {
  interface FastifyInstance {
    eventStreams: EventStreams;
  }
}
