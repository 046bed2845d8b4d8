import { create } from "@bufbuild/protobuf";
import {
  AGENT_CAPABILITY,
  AgentToServerSchema,
  encodeAgentToServer,
  SERVER_CAPABILITIES_ALL,
  SERVER_CAPABILITY,
  ServerToAgentFlags,
  uidToString,
  type ServerToAgent,
} from "@flowplane/opamp";
import type { Row } from "../row.ts";
import { must, NotApplicable } from "../verdict.ts";
import { description, seen, TestAgent, type AgentInit, type Target } from "../target.ts";
import { mustBeBadRequest, mustBeWell } from "../wire.ts";

// Rows 16 to 27, 65 and 66: replies, sequence numbers, compression of state, and what is hostile.

const FULL_STATE = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState);
const SEEN_MS = 15_000;

function asksFullState({ flags }: ServerToAgent): boolean {
  return (flags & FULL_STATE) !== 0n;
}

/** An agent the server knows well: it has reported everything, and nothing is asked of it. */
async function settled(target: Target, more: Parameters<TestAgent["full"]>[0] = {}) {
  const socket = await target.open();
  const agent = new TestAgent();
  mustBeWell(await socket.ask(agent.full(more)), "a first message");
  mustBeWell(await socket.ask(agent.full(more)), "a full report");
  return { socket, agent };
}

function restarting(target: Target): () => Promise<void> {
  const { restartServer } = target.options;
  if (restartServer === undefined)
    throw new NotApplicable("needs somebody who restarts the server: --restart-command");
  return restartServer;
}

export const messageRows: readonly Row[] = [
  {
    row: 16,
    source: "spec",
    what: "answers BAD_REQUEST with a reason to an instance_uid that is not 16 bytes",
    async check(target) {
      const reasons: string[] = [];
      for (const bytes of [0, 1, 15, 17, 36]) {
        const socket = await target.open();
        const data = encodeAgentToServer(
          create(AgentToServerSchema, { instanceUid: new Uint8Array(bytes).fill(7), capabilities: 1n }),
        );
        reasons.push(mustBeBadRequest(await socket.ask(data), `an instance_uid of ${bytes} bytes`));
        mustBeBadRequest(await target.poll(data), `a poll with an instance_uid of ${bytes} bytes`);
      }
      return `says ${JSON.stringify(reasons[2])}`;
    },
  },
  {
    row: 17,
    source: "spec",
    what: "replies to every message, to its own instance_uid, also when there is nothing to say",
    async check(target) {
      const { socket, agent } = await settled(target);
      for (let count = 0; count < 5; count += 1) {
        const reply = await socket.ask(agent.message());
        must(uidToString(reply.instanceUid) === agent.uid, "a reply is for another instance_uid");
      }
      const poller = new TestAgent();
      for (let count = 0; count < 3; count += 1) {
        const reply = await target.poll(poller.message());
        must(uidToString(reply.instanceUid) === poller.uid, "an answer is for another instance_uid");
      }
      must(socket.frames.length === 7, `${socket.frames.length} messages came for 7`);
      return "7 replies to 7 messages, 3 to 3 polls";
    },
  },
  {
    row: 18,
    source: "spec",
    what: "answers a message received twice twice, and processes it once",
    async check(target) {
      const { socket, agent } = await settled(target);
      const data = agent.message({ health: { healthy: true } });
      mustBeWell(await socket.ask(data), "a message");
      mustBeWell(await socket.ask(data), "the same message again");
      const next = mustBeWell(await socket.ask(agent.message()), "the message after it");
      must(!asksFullState(next), "after a retry the next message was taken for a gap");
      return "two replies, and no gap afterwards";
    },
  },
  {
    row: 19,
    source: "spec",
    what: "tells its capabilities in the first reply: AcceptsStatus among them, and none that is not defined",
    async check(target) {
      for (const transport of ["ws", "http"] as const) {
        const data = new TestAgent().full();
        const { capabilities } =
          transport === "ws" ? await (await target.open()).ask(data) : await target.poll(data);
        must(
          (capabilities & SERVER_CAPABILITY.AcceptsStatus) !== 0n,
          `over ${transport} the first reply has capabilities ${capabilities}`,
        );
        must(
          (capabilities & ~SERVER_CAPABILITIES_ALL) === 0n,
          `bits that are not defined are set: 0x${capabilities.toString(16)}`,
        );
      }
      return `0x${(await target.capabilities()).toString(16)}`;
    },
  },
  {
    row: 20,
    source: "spec",
    what: "sends an error_response alone",
    async check(target) {
      const socket = await target.open();
      const data = encodeAgentToServer(create(AgentToServerSchema, { instanceUid: new Uint8Array(15) }));
      const reply = await socket.ask(data);
      mustBeBadRequest(reply, "an instance_uid of 15 bytes");
      const { remoteConfig, connectionSettings, packagesAvailable, agentIdentification, command } = reply;
      const others = { remoteConfig, connectionSettings, packagesAvailable, agentIdentification, command };
      const { customCapabilities, customMessage } = reply;
      const set = Object.entries({ ...others, customCapabilities, customMessage }).filter(
        ([, value]) => value !== undefined,
      );
      must(set.length === 0, `beside the error it sends ${set.map(([name]) => name).join(", ")}`);
      must(
        reply.flags === 0n && reply.capabilities === 0n,
        `beside the error flags are ${reply.flags} and capabilities ${reply.capabilities}`,
      );
      return "nothing beside it";
    },
  },
  {
    row: 21,
    source: "spec",
    what: "sends no error_response where it succeeds",
    async check(target) {
      const { socket, agent } = await settled(target);
      mustBeWell(await socket.ask(agent.message()), "a heartbeat");
      mustBeWell(await target.poll(new TestAgent().full()), "a poll");
      return "none in 4 replies";
    },
  },
  {
    row: 22,
    source: "spec",
    what: "asks for the full state of an agent it does not know, and after a gap",
    async check(target) {
      const stranger = await target.open();
      const first = mustBeWell(await stranger.ask(new TestAgent().message()), "a stranger's heartbeat");
      must(asksFullState(first), "a stranger that said nothing of itself was not asked");
      const { socket, agent } = await settled(target);
      agent.sequence += 3;
      must(asksFullState(await socket.ask(agent.message())), "after a gap of 3 nothing was asked");
      const poller = new TestAgent();
      await target.poll(poller.full());
      await target.poll(poller.full());
      poller.sequence += 2;
      must(asksFullState(await target.poll(poller.message())), "after a gap of polls nothing was asked");
      return "asked of a stranger, after a gap, and over HTTP";
    },
  },
  {
    row: 23,
    source: "[I]",
    what: "asks once for a gap: the full report that follows ends it",
    async check(target) {
      const { socket, agent } = await settled(target);
      agent.sequence += 3;
      must(asksFullState(await socket.ask(agent.message())), "after a gap nothing was asked");
      let asked = 0;
      if (asksFullState(await socket.ask(agent.full()))) asked += 1;
      for (let count = 0; count < 5; count += 1)
        if (asksFullState(await socket.ask(agent.message()))) asked += 1;
      must(asked === 0, `it was asked ${asked} times more after the full report`);
      return "one question for one gap";
    },
  },
  {
    row: 24,
    source: "spec",
    what: "knows an agent again after its own restart, or asks it, within one round trip",
    async check(target) {
      const restart = restarting(target);
      const { agent } = await settled(target);
      target.closeAll();
      await restart();
      const socket = await target.open();
      const reply = mustBeWell(await socket.ask(agent.message()), "the first message after the restart");
      const asked = asksFullState(reply);
      if (asked) mustBeWell(await socket.ask(agent.full()), "the full report");
      const after = mustBeWell(await socket.ask(agent.message()), "the message after that");
      must(!asksFullState(after), "it is asked again after the round trip");
      return asked ? "it asked, once" : "it matched the sequence number it had kept";
    },
  },
  {
    row: 25,
    source: "spec",
    what: "takes a compressed first message where no socket of the agent was before, without losing its description",
    async check(target) {
      const restart = restarting(target);
      const operator = target.operator("sees the agent");
      const { agent } = await settled(target);
      await seen(
        operator,
        agent.uid,
        "the description",
        ({ attributes }) => "service.name" in attributes,
        SEEN_MS,
      );
      target.closeAll();
      await restart();
      const socket = await target.open();
      const reply = mustBeWell(await socket.ask(agent.message()), "a compressed first message");
      const now = await operator.agent(agent.uid);
      must(
        now !== undefined && "service.name" in now.attributes,
        "the agent is shown without its description",
      );
      return asksFullState(reply) ? "asked again, and shown meanwhile" : "shown, and not asked again";
    },
  },
  {
    row: 26,
    source: "spec",
    what: "keeps what a message leaves out, and replaces what it has as a whole",
    async check(target) {
      const operator = target.operator("sees the agent");
      const socket = await target.open();
      const agent = new TestAgent();
      const first = { agentDescription: description({ "service.name": "first", "host.name": "one" }) };
      await socket.ask(agent.full(first));
      await socket.ask(agent.full(first));
      await socket.ask(agent.message({ health: { healthy: false, lastError: "ill" } }));
      const kept = await seen(operator, agent.uid, "the health", ({ health }) => health === false, SEEN_MS);
      must(kept.attributes["host.name"] === "one", "a message without a description took it away");
      await socket.ask(agent.message({ agentDescription: description({ "service.name": "second" }) }));
      const replaced = await seen(
        operator,
        agent.uid,
        "the new description",
        ({ attributes }) => attributes["service.name"] === "second",
        SEEN_MS,
      );
      must(!("host.name" in replaced.attributes), "an attribute that is not repeated is still there");
      must(replaced.health === false, "a message without health took it away");
      return "health alone left the description, a description replaced the former one";
    },
  },
  {
    row: 27,
    source: "spec",
    what: "follows capabilities that change, from the next message on",
    async check(target) {
      const operator = target.operator("asks an agent to restart");
      const socket = await target.open();
      const agent = new TestAgent();
      agent.capabilities |= AGENT_CAPABILITY.AcceptsRestartCommand;
      await socket.ask(agent.full());
      await socket.ask(agent.full());
      await seen(
        operator,
        agent.uid,
        "the capability",
        ({ capabilities }) => capabilities.includes("AcceptsRestartCommand"),
        SEEN_MS,
      );
      agent.capabilities &= ~AGENT_CAPABILITY.AcceptsRestartCommand;
      await socket.ask(agent.message());
      await seen(
        operator,
        agent.uid,
        "the capability to be gone",
        ({ capabilities }) => !capabilities.includes("AcceptsRestartCommand"),
        SEEN_MS,
      );
      const { accepted, why } = await operator.restart(agent.uid);
      must(!accepted, "a restart was still taken for an agent that gave the capability up");
      const reply = await socket.ask(agent.message());
      must(reply.command === undefined, "the agent was sent a command it no longer takes");
      return `a restart is refused: ${why}`;
    },
  },
  {
    row: 65,
    source: "spec",
    what: "ignores fields and enum values of a later specification",
    async check(target) {
      const { socket, agent } = await settled(target);
      // Field 1000 as a number, and as 5 bytes.
      const unknown = Buffer.from([0xc0, 0x3e, 0x2a, 0xc2, 0x3e, 5, 1, 2, 3, 4, 5]);
      mustBeWell(await socket.ask(Buffer.concat([agent.message(), unknown])), "unknown fields");
      const status = { status: 99, lastRemoteConfigHash: new Uint8Array([1]) };
      const later = agent.message({ remoteConfigStatus: status as AgentInit["remoteConfigStatus"] });
      mustBeWell(await socket.ask(later), "an unknown enum value");
      agent.capabilities |= 1n << 50n;
      mustBeWell(await socket.ask(agent.message({ flags: 1n << 40n })), "unknown bits");
      return "unknown fields, an enum value of 99 and unknown bits";
    },
  },
  {
    row: 66,
    source: "spec",
    what: "bounds hostile trees, entries and texts: BAD_REQUEST, and the next agent is served",
    async check(target) {
      const deep = new TestAgent();
      const hostile = [
        ["a health tree 2,000 deep", Buffer.concat([deep.message(), nestedHealth(2_000)])],
        [
          "an attribute's name that is not UTF-8",
          Buffer.concat([new TestAgent().message(), field(3, field(1, field(1, Buffer.from([0xff, 0xfe]))))]),
        ],
        [
          "50,000 custom capabilities",
          new TestAgent().message({
            customCapabilities: { capabilities: Array.from({ length: 50_000 }, (_, at) => `c${at}`) },
          }),
        ],
      ] as const;
      const reasons: string[] = [];
      for (const [what, data] of hostile) {
        const socket = await target.open();
        reasons.push(mustBeBadRequest(await socket.ask(data), what));
        await target.mustBeAlive(what);
      }
      return `says, for one, ${JSON.stringify(reasons[0]?.slice(0, 120))}`;
    },
  },
];

/** A length-delimited protobuf field. */
function field(number: number, data: Uint8Array): Buffer {
  return Buffer.concat([varint((number << 3) | 2), varint(data.byteLength), data]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  while (left > 0x7f) {
    bytes.push((left & 0x7f) | 0x80);
    left >>>= 7;
  }
  return Buffer.from([...bytes, left]);
}

/** `health` of a message, each component within the one before. */
function nestedHealth(depth: number): Buffer {
  let component: Buffer = Buffer.from([8, 1]);
  for (let level = 0; level < depth; level += 1)
    component = field(6, Buffer.concat([field(1, Buffer.from("c")), field(2, component)]));
  return field(5, component);
}
