import { Agent, request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createSseDecoder, type ChangeNotice, type ServerSentEvent } from "@flowplane/contract";
import { testBase, testOrganization, type TestBase } from "../../testing/base.ts";
import { subjects } from "../bus/bus.ts";
import type { Actor } from "../context.ts";
import { createHttp, type HttpServer } from "./server.ts";
import { STREAM_BUFFER_BYTES_MAX, STREAMS_PER_ORGANIZATION_MAX } from "./sse.ts";

let world: TestBase;
let http: HttpServer;
let actor: Actor;
let actors: Map<string, Actor>;
let port: number;
/** Without its limit of sockets, so that a thousand clients are a thousand connections. */
let agent: Agent;

beforeEach(async () => {
  world = await testBase();
  ({ actor } = await testOrganization(world.base));
  actors = new Map([[actor.id, actor]]);
  http = await createHttp(world.base, async (request) => actors.get(String(request.headers["x-actor"])));
  await http.fastify.listen({ host: "127.0.0.1", port: 0 });
  port = (http.fastify.server.address() as AddressInfo).port;
  agent = new Agent({ maxSockets: Infinity });
});
afterEach(async () => {
  agent.destroy();
  await http.fastify.close();
  await world[Symbol.asyncDispose]();
});

describe("the change stream", () => {
  test("tells an organization's changes to its own people only", async () => {
    const other = await testOrganization(world.base);
    actors.set(other.actor.id, other.actor);
    const [mine, theirs] = [await open(), await open(other.actor)];
    publish("r1");
    publish("r2", other.actor);
    expect(await mine.next()).toMatchObject({ event: "change", data: '{"topic":"run","id":"r1"}' });
    expect(await theirs.next()).toMatchObject({ event: "change", data: '{"topic":"run","id":"r2"}' });
  });

  test("resumes where a client was, and misses nothing", async () => {
    const first = await open();
    publish("r1");
    const { id } = await first.next();
    first.leave();
    publish("r2");
    publish("r3");
    const second = await open(actor, id);
    publish("r4");
    expect(
      [await second.next(), await second.next(), await second.next()].map((event) => idOf(event)),
    ).toEqual(["r2", "r3", "r4"]);
  });

  test("says reset to who was away for too long, and goes on from there", async () => {
    const stream = await open(actor, "0000beef-17");
    expect(await stream.next()).toMatchObject({ event: "reset" });
    publish("r1");
    expect(idOf(await stream.next())).toBe("r1");
  });

  test("needs a credential, and is served below the alias too", async () => {
    const refused = await connect("/v1/events/stream", {});
    expect([refused.statusCode, refused.headers["content-type"]]).toEqual([401, "application/problem+json"]);
    refused.destroy();
    const served = await connect("/v1/events/stream", { "x-actor": actor.id });
    expect([served.statusCode, served.headers["content-type"]]).toEqual([
      200,
      "text/event-stream; charset=utf-8",
    ]);
    expect(served.headers).toMatchObject({
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-content-type-options": "nosniff",
    });
    expect(served.headers["content-encoding"]).toBeUndefined();
    served.destroy();
  });
});

describe("limits", () => {
  test("a thousand clients all hear of a change", async () => {
    const streams = await Promise.all(Array.from({ length: 1_000 }, () => open()));
    expect(http.fastify.eventStreams.size).toBe(1_000);
    publish("r1");
    const events = await Promise.all(streams.map((stream) => stream.next()));
    expect(events.every((event) => idOf(event) === "r1")).toBe(true);
    for (const stream of streams) stream.leave();
    await until(() => http.fastify.eventStreams.size === 0);
  });

  test("one more than an organization may have is refused, and others are not affected", () => {
    const streams = http.fastify.eventStreams;
    const connection = (organizationId: string) => ({
      organizationId,
      actorId: "a",
      comment: () => undefined,
      end: () => undefined,
    });
    for (let n = 0; n < STREAMS_PER_ORGANIZATION_MAX; n += 1) streams.add(connection("crowded"));
    expect(() => streams.admit("crowded")).toThrow(/live streams open already/);
    expect(() => streams.admit("quiet")).not.toThrow();
  });

  test("a client that does not read is sent off before it costs memory, and comes back where it was", async () => {
    const slow = await open();
    publish("r0");
    const { id } = await slow.next();
    slow.pause();
    const filler = "x".repeat(10_000);
    let sent = 0;
    while (http.fastify.eventStreams.size === 1 && !ended(slow) && sent < 50 * STREAM_BUFFER_BYTES_MAX) {
      publish(filler);
      sent += filler.length;
      await new Promise(setImmediate);
    }
    const events = await slow.rest();
    expect(events.at(-1)?.event).toBe("reset");
    expect(events.length * filler.length).toBeLessThan(20 * STREAM_BUFFER_BYTES_MAX);
    const back = await open(actor, id);
    expect(idOf(await back.next())).toBe(filler);
  });
});

test("streams end when the rights of who reads them change", async () => {
  const other = { ...actor, id: "somebody-else" };
  actors.set(other.id, other);
  const [mine, theirs] = [await open(), await open(other)];
  world.base.bus.publish(subjects.credentialsChanged, { actor_id: actor.id });
  expect(await mine.rest()).toEqual([]);
  publish("r1");
  expect(idOf(await theirs.next())).toBe("r1");
});

test("streams end when the server closes, and closing does not wait for them", async () => {
  const stream = await open();
  const closed = http.fastify.close();
  expect(await stream.rest()).toEqual([]);
  await closed;
});

function publish(id: string, as = actor): void {
  const notice: ChangeNotice = { topic: "run", id };
  world.base.bus.publish(subjects.changes(as.organization_id), notice);
}

function idOf(event: ServerSentEvent): string {
  return (JSON.parse(event.data) as ChangeNotice).id;
}

function connect(path: string, headers: Record<string, string>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path, headers, agent }, resolve).on("error", reject).end();
  });
}

/** A client whose stream has begun: nothing published after this is missed. */
async function open(as = actor, lastEventId?: string) {
  const response = await connect("/api/v1/events/stream", {
    "x-actor": as.id,
    ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
  });
  expect(response.statusCode).toBe(200);
  const decoder = createSseDecoder();
  const waiting: ServerSentEvent[] = [];
  let news = Promise.withResolvers<void>();
  const tell = () => {
    news.resolve();
    news = Promise.withResolvers();
  };
  const more = () => news.promise;
  response.on("data", (chunk: Buffer) => {
    waiting.push(...decoder.push(chunk.toString("utf8")));
    tell();
  });
  response.on("close", tell);
  response.on("error", () => undefined);
  return {
    response,
    async next(): Promise<ServerSentEvent> {
      while (waiting.length === 0) {
        if (response.destroyed) throw new Error("the stream has ended");
        await more();
      }
      return waiting.shift() as ServerSentEvent;
    },
    /** What comes until the end. */
    async rest(): Promise<ServerSentEvent[]> {
      response.resume();
      while (!response.destroyed) await more();
      return waiting.splice(0);
    },
    pause: () => response.pause(),
    leave: () => response.destroy(),
  };
}

function ended(stream: { response: IncomingMessage }): boolean {
  return stream.response.destroyed;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
