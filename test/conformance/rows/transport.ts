import { gunzipSync, gzipSync } from "node:zlib";
import { AGENT_CAPABILITY, uidToString } from "@flowplane/opamp";
import type { Row } from "../row.ts";
import { must, NotApplicable } from "../verdict.ts";
import { TestAgent, type Target } from "../target.ts";
import { messageOf, mustBeBadRequest, mustBeWell, send } from "../wire.ts";

// Rows 1 to 15: the two transports, what encloses a message, and how large one may be.

const DEFAULT_PORT = "4320";
const DEFAULT_PATH = "/v1/opamp";
const CLOSE_TOO_LARGE = 1009;
/** Answers in which what must not come is looked for. */
const LOOKS = 3;

async function mustRefuse(target: Target, what: string, frame: Uint8Array | string): Promise<string> {
  const socket = await target.open();
  socket.sendRaw(frame);
  return mustBeBadRequest(await socket.next(), what);
}

export const transportRows: readonly Row[] = [
  {
    row: 1,
    source: "spec",
    what: "listens on 4320, path /v1/opamp, both transports on the one URL",
    async check(target) {
      const { port, pathname } = new URL(target.url);
      const socket = await target.open();
      mustBeWell(await socket.ask(new TestAgent().full()), "a WebSocket message");
      mustBeWell(await target.poll(new TestAgent().full()), "a poll");
      must(
        target.httpUrl === target.url.replace(/^ws/, "http"),
        `the transports are at different URLs: ${target.url} and ${target.httpUrl}`,
      );
      must(pathname === DEFAULT_PATH, `the path is ${pathname}, not ${DEFAULT_PATH}`);
      const given = port === DEFAULT_PORT ? "the port too" : `port ${port} was chosen by who started it`;
      return `both transports answer at ${DEFAULT_PATH}; ${given}`;
    },
  },
  {
    row: 2,
    source: "spec",
    what: "takes a POST of application/x-protobuf as plain HTTP and anything else as the start of a WebSocket",
    async check(target) {
      const body = new TestAgent().full();
      const auth = target.authorization === undefined ? {} : { authorization: target.authorization };
      const other = await target.post(body, { "content-type": "text/plain" });
      const none = await send(target.httpUrl, { limitMs: target.limitMs, headers: auth, body });
      const get = await send(target.httpUrl, { method: "GET", limitMs: target.limitMs, headers: auth });
      for (const [what, { status }] of [
        ["a POST of text/plain", other],
        ["a POST without a type", none],
        ["a GET without an upgrade", get],
      ] as const)
        must(status >= 400 && status < 500, `${what} was answered ${status}, not 4xx`);
      mustBeWell(await target.poll(body), "a POST of protobuf");
      return `others are answered ${other.status}, ${none.status} and ${get.status}`;
    },
  },
  {
    row: 3,
    source: "[I]",
    what: "answers a poll with one ServerToAgent of exactly application/x-protobuf",
    async check(target) {
      const answer = await target.post(new TestAgent().full());
      messageOf(answer);
      const type = answer.headers["content-type"];
      must(type === "application/x-protobuf", `the content type is ${JSON.stringify(type)}`);
      return "no parameter after the type";
    },
  },
  {
    row: 4,
    source: "spec",
    what: "reads gzip and plain requests, and refuses other encodings",
    async check(target) {
      mustBeWell(await target.poll(new TestAgent().full()), "a plain body");
      const agent = new TestAgent();
      const zipped = await target.post(gzipSync(agent.full()), { "content-encoding": "gzip" });
      const reply = mustBeWell(messageOf(zipped), "a gzip body");
      must(uidToString(reply.instanceUid) === agent.uid, "the gzip body was answered to another agent");
      const other = await target.post(new TestAgent().full(), { "content-encoding": "br" });
      must(
        other.status === 415 || other.status === 400,
        `the encoding br was answered ${other.status}, not 415 or 400`,
      );
      return `br is answered ${other.status}`;
    },
  },
  {
    row: 5,
    source: "[I]",
    what: "answers gzip where the client takes it, and never where it does not",
    async check(target) {
      const accepting = async (accept: string | undefined) =>
        target.post(new TestAgent().full(), accept === undefined ? {} : { "accept-encoding": accept });
      for (const accept of [undefined, "identity", "gzip;q=0"]) {
        const { headers } = await accepting(accept);
        must(
          headers["content-encoding"] === undefined,
          `Accept-Encoding ${JSON.stringify(accept)} was answered ${headers["content-encoding"]}`,
        );
      }
      const zipped = await accepting("gzip");
      must(zipped.headers["content-encoding"] === "gzip", "a client that takes gzip was answered without");
      messageOf({ ...zipped, body: gunzipSync(zipped.body) });
      return "gzip with a weight above 0, nothing without";
    },
  },
  {
    row: 6,
    source: "spec",
    what: "answers 413 to a body over the limit, plain or inflated, without holding it",
    async check(target) {
      const huge = Buffer.alloc(target.messageBytesMax + 1_024);
      const plain = await target.post(huge);
      must(plain.status === 413, `a body over the limit was answered ${plain.status}`);
      const bomb = await target.post(gzipSync(huge), { "content-encoding": "gzip" });
      must(bomb.status === 413, `gzip that inflates beyond the limit was answered ${bomb.status}`);
      await target.mustBeAlive("bodies over the limit");
      return `413 for ${huge.byteLength} bytes, sent and inflated`;
    },
  },
  {
    row: 7,
    source: "spec",
    what: "sends no HTTP response over the limit, records it and answers 500",
    async check(target) {
      const agent = configurable();
      await target.needs("OffersRemoteConfig");
      const limit = knownLimit(target);
      mustBeWell(await target.poll(agent.full()), "a first message");
      const refusal = await assignTooLarge(target, agent, limit);
      for (let count = 0; count < LOOKS; count += 1) {
        const answer = await target.post(agent.message());
        must(answer.body.byteLength <= limit, `a response of ${answer.body.byteLength} bytes came`);
        if (answer.status === 500) continue;
        mustBeWell(messageOf(answer), "a poll");
      }
      return `not sent, and the agent is answered; the operator reads "${refusal}"`;
    },
  },
  {
    row: 8,
    source: "spec",
    what: "decodes the header of a WebSocket message, however long its zero is written",
    async check(target) {
      const socket = await target.open();
      const agent = new TestAgent();
      for (const length of [1, 2, 5, 10]) {
        const header = Buffer.alloc(length, 0x80);
        header[length - 1] = 0;
        socket.sendRaw(Buffer.concat([header, agent.full()]));
        const reply = mustBeWell(await socket.next(), `a header of ${length} bytes`);
        must(uidToString(reply.instanceUid) === agent.uid, `a header of ${length} bytes shifted the message`);
      }
      return "a zero of 1, 2, 5 and 10 bytes";
    },
  },
  {
    row: 9,
    source: "spec",
    what: "answers BAD_REQUEST to a header that is not 0, a cut one and bad protobuf, and lives on",
    async check(target) {
      const message = new TestAgent().full();
      await mustRefuse(target, "a header of 1", Buffer.concat([Buffer.from([1]), message]));
      await mustRefuse(target, "a header cut off", Buffer.from([0x80]));
      const why = await mustRefuse(target, "bad protobuf", Buffer.from([0, 0x0a, 0xff, 0xff, 0xff, 0xff]));
      await target.mustBeAlive("malformed messages");
      return `says, for one, ${JSON.stringify(why.slice(0, 120))}`;
    },
  },
  {
    row: 10,
    source: "spec",
    what: "takes a text frame as malformed",
    async check(target) {
      const why = await mustRefuse(target, "a text frame", "hello");
      await target.mustBeAlive("a text frame");
      return `says ${JSON.stringify(why.slice(0, 120))}`;
    },
  },
  {
    row: 11,
    source: "spec",
    what: "takes a header alone as a message without an instance_uid",
    async check(target) {
      return `says ${JSON.stringify(await mustRefuse(target, "a header alone", Buffer.from([0])))}`;
    },
  },
  {
    row: 12,
    source: "spec",
    what: "rejects a WebSocket message over the limit and closes with 1009",
    async check(target) {
      const socket = await target.open();
      socket.sendRaw(Buffer.alloc(target.messageBytesMax + 1_024));
      const code = await socket.closedWithin();
      must(code !== undefined, "the socket stayed open");
      must(code === CLOSE_TOO_LARGE, `the socket was closed with ${code}`);
      await target.mustBeAlive("a message over the limit");
      return `closed with 1009 for ${target.messageBytesMax + 1_024} bytes`;
    },
  },
  {
    row: 13,
    source: "spec",
    what: "sends no WebSocket message over the limit, and records it",
    async check(target) {
      const agent = configurable();
      await target.needs("OffersRemoteConfig");
      const limit = knownLimit(target);
      const socket = await target.open();
      mustBeWell(await socket.ask(agent.full()), "a first message");
      const refusal = await assignTooLarge(target, agent, limit);
      for (let count = 0; count < LOOKS; count += 1)
        mustBeWell(await socket.ask(agent.message()), "a message");
      const largest = Math.max(...socket.frames.map(({ data }) => data.byteLength));
      must(largest <= limit, `a message of ${largest} bytes came`);
      return `not sent, and the socket stays; the operator reads "${refusal}"`;
    },
  },
  {
    row: 14,
    source: "spec",
    what: "sends binary frames, one message each, with the header byte 0",
    async check(target) {
      const socket = await target.open();
      const agent = new TestAgent();
      const sent = 5;
      for (let count = 0; count < sent; count += 1) socket.send(agent.full());
      for (let count = 0; count < sent; count += 1) mustBeWell(await socket.next(), "a message");
      for (const { data, isBinary } of socket.frames) {
        must(isBinary, "a frame was text");
        must(data[0] === 0, `a frame begins with ${data[0]}`);
      }
      return `${socket.frames.length} frames for ${sent} messages`;
    },
  },
  {
    row: 15,
    source: "spec",
    what: "has a configurable limit; 64 MiB is the default",
    async check(target) {
      const messageBytesMax = knownLimit(target);
      const agent = new TestAgent();
      const padding = { "service.name": "x".repeat(messageBytesMax - 2_048) };
      const answer = await target.post(agent.full({ agentDescription: attributesOf(padding) }));
      must(
        answer.status !== 413,
        `a message of a little less than ${messageBytesMax} bytes was answered ${answer.status}`,
      );
      const over = await target.post(Buffer.alloc(messageBytesMax + 1));
      must(over.status === 413, `one byte more than the limit was answered ${over.status}`);
      return `${messageBytesMax} bytes, as it was configured`;
    },
  },
];

function knownLimit({ options }: Target): number {
  if (options.messageBytesMax === undefined)
    throw new NotApplicable(
      "set the server's limit and name it with --message-limit; 64 MiB was assumed elsewhere",
    );
  return options.messageBytesMax;
}

function configurable(): TestAgent {
  const agent = new TestAgent();
  agent.capabilities |= AGENT_CAPABILITY.AcceptsRemoteConfig | AGENT_CAPABILITY.ReportsRemoteConfig;
  return agent;
}

/** An operator gives it a configuration that no message has room for. Resolves with what the operator is told. */
async function assignTooLarge(target: Target, { uid }: TestAgent, limit: number): Promise<string> {
  const padding = "x".repeat(limit);
  const { refusal } = await target.operator("assigns a configuration").assign(
    uid,
    `receivers:
  otlp: {protocols: {grpc: {endpoint: "127.0.0.1:4317"}}}
exporters:
  debug: {}
service:
  telemetry: {resource: {padding: ${padding}}}
  pipelines:
    logs: {receivers: [otlp], exporters: [debug]}
`,
  );
  must(refusal !== "", "nobody tells the operator that it is not sent");
  return refusal;
}

function attributesOf(attributes: Record<string, string>) {
  return {
    nonIdentifyingAttributes: Object.entries(attributes).map(([key, value]) => ({
      key,
      value: { value: { case: "stringValue" as const, value } },
    })),
  };
}
