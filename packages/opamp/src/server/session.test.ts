import { create } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentToServerSchema } from "../gen/opamp_pb.ts";
import { anyAgentToServer } from "../testing/arbitraries.ts";
import { TestServer } from "../testing/test-server.ts";
import { newUid, uidToString } from "../uid.ts";
import { seededRandom } from "../testing/random.ts";
import { uidBytes } from "./replies.ts";
import { stepServer } from "./session.ts";
import { agentStateFromJson, agentStateToJson, newAgentState, newConnection } from "./state.ts";

const UIDS = [1, 2, 3].map((seed) => newUid(0, seededRandom(seed)));
const action = fc.record({
  message: anyAgentToServer,
  uid: fc.constantFrom(...UIDS),
  number: fc.bigInt({ min: 0n, max: 4n }),
  flags: fc.constantFrom(0n, 0n, 1n),
  connection: fc.nat(2),
  pauseMs: fc.constantFrom(0, 100, 15_000, 200_000),
  event: fc.constantFrom("none", "none", "none", "close", "restart", "post"),
});

describe("the server's machine", () => {
  it("answers any messages in any order, each to its sender, and keeps its state as JSON", () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 25 }), (actions) => {
        const server = new TestServer();
        server.random = seededRandom(7);
        const open = () => [server.open(), server.open("ws", "agent-b"), server.open()];
        let sockets = open();
        for (const { message, uid, number, flags, connection, pauseMs, event } of actions) {
          server.now += pauseMs;
          const { $typeName: _name, ...parts } = message;
          const init = { ...parts, instanceUid: uidBytes(uid), sequenceNum: number, flags };
          const socket = sockets[connection] ?? "";
          const reply = event === "post" ? server.post(init) : server.send(socket, init);
          expect(uidToString(reply.instanceUid)).toBe(uid);
          expect(reply.errorResponse).toBeUndefined();
          server.push(uid);
          const state = server.state(uid);
          if (state) expect(agentStateFromJson(agentStateToJson(state))).toEqual(state);
          if (event === "close") {
            server.close(socket);
            sockets = sockets.with(connection, server.open());
          }
          if (event === "restart") {
            server.restart();
            sockets = open();
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("refuses to mix up two agents' states", () => {
    const [uid = "", other = ""] = UIDS;
    const server = new TestServer();
    const context = {
      now: 0,
      random: Math.random,
      connection: newConnection("c", "ws", "a", 0),
      ownership: null,
      desired: {},
      server: server.profile,
    };
    const message = create(AgentToServerSchema, { instanceUid: uidBytes(uid) });
    expect(() => stepServer(newAgentState(other), { uid, message, digest: 1 }, context)).toThrow(other);
  });
});
