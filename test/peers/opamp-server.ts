import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { create } from "@bufbuild/protobuf";
import { WebSocketServer, type RawData, type WebSocket } from "ws";
import {
  decodeAgentToServer,
  decodeFrame,
  effectiveConfigToJson,
  encodeFrame,
  encodeServerToAgent,
  healthToJson,
  remoteConfigStatusToJson,
  ServerToAgentSchema,
  uidFromString,
  uidToString,
  type HealthJson,
  type RemoteConfigStatusJson,
} from "@flowplane/opamp";
import { configOffer, TestServer } from "../../packages/opamp/src/testing/test-server.ts";

// What a client does with an offer, measured: the pure server machine behind real sockets, without database or rollout,
// and a record of what the client said, in order.

/** One message of a client: only what it carried. */
export interface Said {
  readonly status?: RemoteConfigStatusJson;
  readonly health?: HealthJson;
  /** By entry. */
  readonly effective?: Readonly<Record<string, string>>;
}

export interface OpampServer extends AsyncDisposable {
  endpoint(transport: "ws" | "http"): string;
  /** Everything the one client said, oldest first. */
  readonly said: readonly Said[];
  /** Null until the client has said anything. */
  uid(): string | null;
  /** Wants these entries on the client from now on; over HTTP it is told at its next poll. `hash` names the content. */
  offer(entries: Readonly<Record<string, string>>, hash: string): void;
  /** Sends these entries on the WebSocket, twice in a row. */
  sendTwice(entries: Readonly<Record<string, string>>, hash: string): void;
}

export async function startOpampServer(): Promise<OpampServer> {
  const machine = new TestServer();
  machine.random = Math.random;
  const said: Said[] = [];
  const sockets = new Map<string, WebSocket>();
  let uid: string | null = null;

  const record = (bytes: Uint8Array) => {
    machine.now = Date.now();
    const decoded = decodeAgentToServer(bytes);
    if (!decoded.ok) return;
    const { message } = decoded;
    uid = uidToString(message.instanceUid);
    said.push({
      ...(message.remoteConfigStatus && { status: remoteConfigStatusToJson(message.remoteConfigStatus) }),
      ...(message.health && { health: healthToJson(message.health) }),
      ...(message.effectiveConfig && { effective: bodies(effectiveConfigToJson(message.effectiveConfig)) }),
    });
  };
  const server = createServer((request, response) => void answerPoll(request, response));
  const answerPoll = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    record(body);
    const connection = machine.open("http");
    const reply = machine.receive(connection, body);
    machine.connections.delete(connection);
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end(encodeServerToAgent(reply));
  };
  const websockets = new WebSocketServer({ server });
  websockets.on("connection", (socket) => {
    const connection = machine.open("ws");
    sockets.set(connection, socket);
    socket.on("message", (data: RawData) => {
      const frame = decodeFrame(new Uint8Array(data as Buffer));
      if (!frame.ok) return;
      record(frame.data);
      socket.send(encodeFrame(encodeServerToAgent(machine.receive(connection, frame.data))));
    });
    socket.on("close", () => {
      sockets.delete(connection);
      machine.close(connection);
    });
  });
  await listening(server);
  const { port } = server.address() as AddressInfo;

  return {
    endpoint: (transport) => `${transport}://127.0.0.1:${port}/v1/opamp`,
    said,
    uid: () => uid,
    offer(entries, hash) {
      if (uid === null) throw new Error("nobody there to offer it to");
      machine.now = Date.now();
      machine.desired.set(uid, { remoteConfig: configOffer(entries, hash) });
      const [socket] = sockets.values();
      for (const message of machine.push(uid)) socket?.send(encodeFrame(encodeServerToAgent(message)));
    },
    sendTwice(entries, hash) {
      const [socket] = sockets.values();
      const instanceUid = uidFromString(uid ?? "");
      if (socket === undefined || instanceUid === null) throw new Error("nobody there to send it to");
      const remoteConfig = configOffer(entries, hash);
      // The machine would not.
      const message = encodeFrame(
        encodeServerToAgent(create(ServerToAgentSchema, { instanceUid, remoteConfig })),
      );
      machine.desired.set(uid ?? "", {});
      socket.send(message);
      socket.send(message);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.values()) socket.terminate();
      websockets.close();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

async function listening(server: Server): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
}

function bodies(map: ReturnType<typeof effectiveConfigToJson>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).map(([name, { body }]) => [name, body]));
}
