import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  AgentToServerSchema,
  decodeServerToAgent,
  encodeAgentToServer,
  ServerErrorResponseType,
  uidBytes,
  uidToString,
} from "@flowplane/opamp";
import { readConfig } from "../../config.ts";
import {
  message,
  newVisitor,
  startPlane,
  until,
  type TestPlane,
  type Visitor,
} from "../../testing/gateway.ts";
import { metrics } from "../../platform/metrics.ts";

const LIMIT = 2 * 1024 * 1024;
const BAD_REQUEST = ServerErrorResponseType.ServerErrorResponseType_BadRequest;

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane({ limits: { messageBytesMax: LIMIT } });
});
afterAll(() => plane[Symbol.asyncDispose]());

test("opamp row 1: by default the agents' listener is on 4320, and both transports are at /v1/opamp", async () => {
  expect(readConfig({}).agents).toEqual({ host: "127.0.0.1", port: 4320 });
  const agent = await newVisitor(plane, "agents");
  const overHttp = await agent.poll(message(agent.uid, 0));
  expect(overHttp.status).toBe(200);
  const socket = await agent.open();
  expect(uidToString((await socket.ask(message(agent.uid, 1))).instanceUid)).toBe(agent.uid);
  await socket.close();
});

describe.each(["agents", "dashboard"] as const)("on the listener of the %s", (listener) => {
  let agent: Visitor;
  let sequence = 0;
  const next = () => message(agent.uid, sequence++);
  beforeAll(async () => {
    agent = await newVisitor(plane, listener);
  });

  test("opamp row 2: only a POST of protobuf is plain HTTP; what is neither that nor an upgrade is refused at once", async () => {
    expect((await agent.poll(next())).status).toBe(200);
    expect((await agent.send({ method: "GET" })).status).toBe(426);
    const json = { method: "POST", headers: { "content-type": "application/json" }, body: "{}" };
    expect((await agent.send(json)).status).toBe(415);
    expect((await agent.send({ method: "POST" })).status).toBe(415);
    expect((await agent.send({ method: "PUT", body: "x" })).status).toBe(404);
  });

  test("opamp row 3: a response is one ServerToAgent of exactly application/x-protobuf", async () => {
    const answer = await agent.poll(next());
    expect(answer.headers["content-type"]).toBe("application/x-protobuf");
    expect(decodeServerToAgent(answer.body)).toMatchObject({ ok: true });
  });

  test("opamp row 4: gzip and plain requests are read, other encodings are refused", async () => {
    const packed = await agent.poll(gzipSync(next()), { headers: { "content-encoding": "gzip" } });
    expect(packed.status).toBe(200);
    expect(uidToString(packed.message?.instanceUid ?? new Uint8Array())).toBe(agent.uid);
    expect((await agent.poll(next(), { headers: { "content-encoding": "identity" } })).status).toBe(200);
    expect((await agent.poll(next(), { headers: { "content-encoding": "br" } })).status).toBe(415);
    const broken = await agent.poll(Buffer.from("no gzip at all"), {
      headers: { "content-encoding": "gzip" },
    });
    expect(broken.status).toBe(400);
  });

  test("opamp row 5: a response is gzip when the client accepts it, and never else", async () => {
    const packed = await agent.poll(next(), { headers: { "accept-encoding": "br;q=1, gzip;q=0.5" } });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(decodeServerToAgent(gunzipSync(packed.body))).toMatchObject({ ok: true });
    for (const accepted of [undefined, "gzip;q=0", "identity", "br", "*;q=0"]) {
      const headers = accepted === undefined ? {} : { "accept-encoding": accepted };
      const plain = await agent.poll(next(), { headers });
      expect(plain.headers["content-encoding"]).toBeUndefined();
      expect(decodeServerToAgent(plain.body)).toMatchObject({ ok: true });
    }
  });

  test("opamp row 6: a body over the limit is 413, announced, unannounced and inflated", async () => {
    const large = Buffer.alloc(LIMIT + 1);
    expect((await agent.poll(large)).status).toBe(413);
    expect((await agent.poll(large, { headers: { "transfer-encoding": "chunked" } })).status).toBe(413);
    const bomb = gzipSync(Buffer.alloc(64 * LIMIT));
    expect(bomb.byteLength).toBeLessThan(LIMIT);
    expect((await agent.poll(bomb, { headers: { "content-encoding": "gzip" } })).status).toBe(413);
    // Members that inflate to nothing are counted as they arrive.
    const hollow = Buffer.concat(Array<Buffer>(LIMIT / 16).fill(gzipSync("")));
    expect((await agent.poll(hollow, { headers: { "content-encoding": "gzip" } })).status).toBe(413);
    expect((await agent.poll(next())).status).toBe(200);
  });

  test("opamp row 8: the header of a WebSocket message is decoded, however long its zero is written", async () => {
    const socket = await agent.open();
    for (const header of [[0], [0x80, 0], [0x80, 0x80, 0x80, 0], [...Array<number>(9).fill(0x80), 0]]) {
      socket.sendRaw(Buffer.concat([Buffer.from(header), next()]));
      const reply = await socket.next();
      expect(reply.errorResponse).toBeUndefined();
      expect(uidToString(reply.instanceUid)).toBe(agent.uid);
    }
    await socket.close();
  });

  test("opamp row 9: a header that is not 0, a cut one and bad protobuf are answered BAD_REQUEST", async () => {
    const socket = await agent.open();
    const bad = [
      Buffer.concat([Buffer.from([1]), next()]),
      Buffer.from([0x80]),
      Buffer.from(Array<number>(11).fill(0x80)),
      Buffer.concat([Buffer.from([0]), Buffer.from("this is no protobuf")]),
    ];
    for (const frame of bad) {
      socket.sendRaw(frame);
      const { errorResponse } = await socket.next();
      expect(errorResponse?.type).toBe(BAD_REQUEST);
      expect(errorResponse?.errorMessage).toMatch(/\w+ \w+/);
    }
    expect((await socket.ask(next())).errorResponse).toBeUndefined();
    await socket.close();
    const overHttp = await agent.poll(Buffer.from("this is no protobuf"));
    expect(overHttp.message?.errorResponse?.type).toBe(BAD_REQUEST);
  });

  test("opamp row 9: a socket that sends nothing but garbage is closed in the end", async () => {
    const socket = await agent.open();
    for (let count = 0; count < 8; count += 1) socket.sendRaw(Buffer.from([7]));
    expect(await socket.closed).toBe(1008);
  });

  test("opamp row 10: a text frame is malformed", async () => {
    const socket = await agent.open();
    socket.sendRaw("hello");
    expect((await socket.next()).errorResponse?.type).toBe(BAD_REQUEST);
    await socket.close();
  });

  test("opamp rows 11 and 16: a message without an instance_uid of 16 bytes is BAD_REQUEST and says so", async () => {
    const socket = await agent.open();
    const short = encodeAgentToServer(create(AgentToServerSchema, { instanceUid: Buffer.from("short") }));
    for (const data of [new Uint8Array(), short]) {
      const reply = await socket.ask(data);
      expect(reply.errorResponse?.type).toBe(BAD_REQUEST);
      expect(reply.errorResponse?.errorMessage).toContain("instance_uid");
      expect((await agent.poll(data)).message?.errorResponse?.type).toBe(BAD_REQUEST);
    }
    await socket.close();
  });

  test("opamp row 12: a WebSocket message over the limit closes the socket with 1009", async () => {
    const socket = await agent.open();
    socket.sendRaw(Buffer.alloc(LIMIT + 100));
    expect(await socket.closed).toBe(1009);
    // Deflate is never agreed on, so no frame can inflate past the limit.
    const offered = await agent.open({ perMessageDeflate: true });
    expect(offered.socket.extensions).toBe("");
    await offered.close();
  });

  test("opamp row 14: what the server sends is binary, one message each, with the header byte 0", async () => {
    const socket = await agent.open();
    const kinds: boolean[] = [];
    socket.socket.on("message", (_data, isBinary) => kinds.push(isBinary));
    await socket.ask(next());
    await socket.ask(next());
    expect(kinds).toEqual([true, true]);
    expect(socket.frames).toHaveLength(2);
    for (const frame of socket.frames) {
      expect(frame[0]).toBe(0);
      expect(decodeServerToAgent(frame.subarray(1))).toMatchObject({ ok: true });
    }
    await socket.close();
  });

  test("opamp row 17: every message is answered to its own instance_uid, also when there is nothing to say", async () => {
    const socket = await agent.open();
    for (let count = 0; count < 5; count += 1) socket.send(next());
    for (let count = 0; count < 5; count += 1)
      expect(uidToString((await socket.next()).instanceUid)).toBe(agent.uid);
    await socket.close();
  });

  test("opamp row 66: hostile trees and entries are BAD_REQUEST, and the next message is served", async () => {
    const socket = await agent.open();
    let nested = new Uint8Array();
    for (let depth = 0; depth < 500; depth += 1) nested = wrap(nested);
    const deep = Buffer.concat([base(agent.uid), field(5, nested)]);
    const attribute = field(
      1,
      Buffer.concat([field(1, Buffer.from("k")), field(2, field(1, Buffer.from("v")))]),
    );
    const many = Buffer.concat([
      base(agent.uid),
      field(3, Buffer.concat(Array<Uint8Array>(30_000).fill(attribute))),
    ]);
    const badText = Buffer.concat([base(agent.uid), field(5, field(3, Buffer.from([0xff, 0xfe])))]);
    for (const data of [deep, many, badText]) {
      const reply = await socket.ask(data);
      expect(reply.errorResponse?.type).toBe(BAD_REQUEST);
      expect(uidToString(reply.instanceUid)).toBe(agent.uid);
    }
    expect((await socket.ask(next())).errorResponse).toBeUndefined();
    await socket.close();
  });
});

test("opamp rows 7, 13 and 15: no message over the configured limit is sent; the attempt is counted and HTTP answers 500", async () => {
  const tight = await startPlane({ limits: { messageBytesMax: 40 } });
  try {
    const agent = await newVisitor(tight, "dashboard");
    // Even the first reply, with our capabilities, is larger than this limit.
    const answer = await agent.poll(message(agent.uid, 0));
    expect(answer.status).toBe(500);
    expect(answer.headers["content-type"]).toContain("application/problem+json");
    const socket = await agent.open();
    socket.send(message(agent.uid, 5));
    const counted = await until("the counter", async () => {
      const text = await metrics.metrics();
      const line = text
        .split("\n")
        .find((row) => row.includes('transport="ws"') && row.includes("too_large"));
      return line;
    });
    expect(Number(counted.split(" ").at(-1))).toBeGreaterThan(0);
    expect(socket.frames).toEqual([]);
    await socket.close();
  } finally {
    await tight[Symbol.asyncDispose]();
  }
});

/** A health tree one level deeper. */
function wrap(inner: Uint8Array): Uint8Array<ArrayBuffer> {
  return field(6, Buffer.concat([field(1, Buffer.from("c")), field(2, inner)]));
}

function base(uid: string): Uint8Array {
  return toBinary(
    AgentToServerSchema,
    create(AgentToServerSchema, { instanceUid: uidBytes(uid), sequenceNum: 99n }),
  );
}

/** A length-delimited protobuf field. */
function field(number: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const length: number[] = [];
  let rest = data.byteLength;
  do {
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    rest >>>= 7;
  } while (rest > 0);
  return Uint8Array.from(Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), data]));
}
