import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { judge } from "./row.ts";
import { rowsToJudge } from "./rows.ts";
import { Target } from "./target.ts";

// No row may pass because nothing happened: a server that opens sockets and says nothing, and one that answers every poll
// with nothing, pass none that a server has to do something for.

const LIMIT_MS = 250;
let server: Server;
let target: Target;

beforeAll(async () => {
  server = createServer((request, response) => {
    request.resume();
    request.on("end", () => response.writeHead(200, { "content-type": "text/html" }).end("hello"));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => socket.on("error", () => socket.terminate()));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  target = new Target({
    url: `ws://127.0.0.1:${address.port}/v1/opamp`,
    authorization: "Bearer secret",
    messageBytesMax: 64 * 1024,
    limitMs: LIMIT_MS,
  });
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

test.each(rowsToJudge)(
  "a server that says nothing does not pass row $row",
  { timeout: 60_000 },
  async (row) => {
    const { result, why } = await judge(row, target);
    expect([result, why]).toEqual([expect.stringMatching(/^(fail|skip)$/), expect.stringMatching(/./)]);
  },
);
