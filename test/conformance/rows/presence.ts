import {
  AGENT_CAPABILITY,
  CommandType,
  ServerToAgentFlags,
  uidToString,
  type ServerToAgent,
} from "@flowplane/opamp";
import type { Row } from "../row.ts";
import { must, NotApplicable } from "../verdict.ts";
import { seen, TestAgent } from "../target.ts";
import { mustBeWell } from "../wire.ts";

// Rows 54 to 60: who is there, commands, components and custom messages.

const COMPONENTS = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportAvailableComponents);
const SOON_MS = 10_000;
/** A poller's own pace decides; a server that goes by a fixed 30 s needs three of them. */
const SILENCE_MS = 120_000;
const POLLS = 8;
const POLL_MS = 1_000;

export const presenceRows: readonly Row[] = [
  {
    row: 54,
    source: "spec",
    what: "does not take an agent offline when its old socket closes late",
    async check(target) {
      const operator = target.operator("sees the agent");
      const agent = new TestAgent();
      const old = await target.open();
      await old.ask(agent.full());
      const fresh = await target.open();
      await fresh.ask(agent.full());
      await seen(
        operator,
        agent.uid,
        "the agent to be connected",
        ({ state }) => state === "connected",
        SOON_MS,
      );
      await old.close();
      for (let count = 0; count < 5; count += 1) {
        mustBeWell(await fresh.ask(agent.message()), "a message on the new socket");
        const now = await operator.agent(agent.uid);
        must(now?.state === "connected", `after the old socket closed the agent is ${now?.state}`);
      }
      return "connected all the while";
    },
  },
  {
    row: 55,
    source: "spec",
    what: "believes a goodbye at once, on a WebSocket and over HTTP",
    async check(target) {
      const operator = target.operator("sees the agent");
      const [one, two] = [new TestAgent(), new TestAgent()];
      const socket = await target.open();
      await socket.ask(one.full());
      await target.poll(two.full());
      for (const { uid } of [one, two])
        await seen(operator, uid, "the agent to be connected", ({ state }) => state === "connected", SOON_MS);
      await socket.ask(one.message({ agentDisconnect: {} }));
      await target.poll(two.message({ agentDisconnect: {} }));
      for (const { uid } of [one, two])
        await seen(operator, uid, "the agent to be offline", ({ state }) => state === "offline", SOON_MS);
      return "offline within seconds, the socket of one still open";
    },
  },
  {
    row: 56,
    source: "spec",
    what: "shows an agent that misses its polls as stale, then as offline",
    async check(target) {
      const operator = target.operator("sees the agent");
      const agent = new TestAgent();
      agent.capabilities |= AGENT_CAPABILITY.ReportsHeartbeat;
      await target.poll(agent.full());
      await target.poll(agent.full());
      for (let count = 0; count < POLLS; count += 1) {
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        await target.poll(agent.message());
      }
      const lastAt = Date.now();
      const since = () => Math.round((Date.now() - lastAt) / 1_000);
      await seen(operator, agent.uid, "the agent to be stale", ({ state }) => state === "stale", SILENCE_MS);
      const staleAfter = since();
      await seen(
        operator,
        agent.uid,
        "the agent to be offline",
        ({ state }) => state === "offline",
        SILENCE_MS * 3,
      );
      return `polling every second, it was stale after ${staleAfter} s and offline after ${since()} s`;
    },
  },
  {
    row: 57,
    source: "spec",
    what: "keeps agents on one WebSocket apart, and takes its loss for the loss of each",
    async check(target) {
      const socket = await target.open();
      const agents = [new TestAgent(), new TestAgent(), new TestAgent()];
      for (const agent of agents) socket.send(agent.full());
      const answered = new Set<string>();
      for (const _ of agents) answered.add(uidToString((await socket.next()).instanceUid));
      must(
        agents.every(({ uid }) => answered.has(uid)),
        `the replies are for ${[...answered].join(", ")}`,
      );
      // A gap of one is no gap of the others.
      const [first, ...others] = agents;
      for (const agent of agents) await socket.ask(agent.full());
      must(first !== undefined, "no agent");
      first.sequence += 5;
      must(((await socket.ask(first.message())).flags & 1n) !== 0n, "the gap of one was not seen");
      for (const agent of others)
        must(
          ((await socket.ask(agent.message())).flags & 1n) === 0n,
          "the gap of one was taken for another's",
        );
      const { operator } = target.options;
      if (operator === undefined) return "each answered for itself; its loss is for an operator to see";
      for (const { uid } of agents)
        await seen(operator, uid, "each to be connected", ({ state }) => state === "connected", SOON_MS);
      await socket.close();
      for (const { uid } of agents)
        await seen(operator, uid, "each to be offline", ({ state }) => state === "offline", SOON_MS);
      return "each answered for itself; all offline when the socket was gone";
    },
  },
  {
    row: 58,
    source: "spec",
    what: "sends the restart command alone, once, and only to an agent that accepts it",
    async check(target) {
      const operator = target.operator("asks an agent to restart");
      const open = async (bits: bigint) => {
        const agent = new TestAgent();
        agent.capabilities |= bits;
        const socket = await target.open();
        await socket.ask(agent.full());
        await socket.ask(agent.full());
        await seen(
          operator,
          agent.uid,
          "the agent to be connected",
          ({ state }) => state === "connected",
          SOON_MS,
        );
        return { agent, socket };
      };
      const unable = await open(0n);
      const { accepted, why } = await operator.restart(unable.agent.uid);
      const after = await unable.socket.ask(unable.agent.message());
      must(!accepted || after.command === undefined, "a command was sent to an agent that takes none");
      const able = await open(AGENT_CAPABILITY.AcceptsRestartCommand);
      const asked = await operator.restart(able.agent.uid);
      must(asked.accepted, `the restart of an agent that accepts it was refused: ${asked.why}`);
      const pushed = await able.socket.next();
      must(pushed.command?.type === CommandType.CommandType_Restart, "what came is no restart command");
      must(isAlone(pushed), "the command does not stand alone");
      must((await able.socket.ask(able.agent.message())).command === undefined, "the command came twice");
      await able.socket.close();
      const again = await target.open();
      const reply = await again.ask(able.agent.message());
      must(reply.command === undefined, "the command came again after a reconnect");
      return accepted ? "sent once, to the one that takes it" : `to the other it is refused: ${why}`;
    },
  },
  {
    row: 59,
    source: "spec",
    what: "asks once what is behind an unknown hash of components, and not again for a known one",
    async check(target) {
      const hash = crypto.getRandomValues(new Uint8Array(32));
      const bit = AGENT_CAPABILITY.ReportsAvailableComponents;
      const asks = ({ flags }: ServerToAgent) => (flags & COMPONENTS) !== 0n;
      const agent = new TestAgent();
      agent.capabilities |= bit;
      const socket = await target.open();
      const first = mustBeWell(await socket.ask(agent.full({ availableComponents: { hash } })), "a hash");
      if (!asks(first)) throw new NotApplicable("it may ask for components, and does not");
      must(!asks(await socket.ask(agent.message())), "it asked twice");
      const components = { receivers: { subComponentMap: { otlp: {} } } };
      must(
        !asks(await socket.ask(agent.message({ availableComponents: { hash, components } }))),
        "it asked again while it was told",
      );
      const twin = new TestAgent();
      twin.capabilities |= bit;
      const other = await target.open();
      must(
        !asks(await other.ask(twin.full({ availableComponents: { hash } }))),
        "it asked a second agent for a hash it knew",
      );
      return "asked the first once, the second not at all";
    },
  },
  {
    row: 60,
    source: "spec",
    what: "ignores custom messages it does not know, sends none to who lists none, and announces its own list once",
    async check(target) {
      const socket = await target.open();
      const agent = new TestAgent();
      const replies = [mustBeWell(await socket.ask(agent.full()), "a first message")];
      const customMessage = { capability: "com.example.unknown/1", type: "x", data: new Uint8Array([1]) };
      replies.push(mustBeWell(await socket.ask(agent.full({ customMessage })), "an unknown custom message"));
      for (let count = 0; count < 3; count += 1) replies.push(await socket.ask(agent.message()));
      const announced = replies.filter(({ customCapabilities }) => customCapabilities !== undefined).length;
      must(announced <= 1, `the list was announced ${announced} times`);
      must(
        replies.every((reply) => reply.customMessage === undefined),
        "a custom message was sent to an agent that lists no capability",
      );
      const list = replies[0]?.customCapabilities?.capabilities ?? [];
      return list.length === 0 ? "it has none of its own" : `announced once: ${list.join(", ")}`;
    },
  },
];

function isAlone({ flags, ...message }: ServerToAgent): boolean {
  const { remoteConfig, connectionSettings, packagesAvailable, agentIdentification, errorResponse } = message;
  return (
    flags === 0n &&
    [
      remoteConfig,
      connectionSettings,
      packagesAvailable,
      agentIdentification,
      errorResponse,
      message.customCapabilities,
      message.customMessage,
    ].every((part) => part === undefined)
  );
}
