import { afterEach, expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import {
  AGENT_CAPABILITY,
  AgentRemoteConfigSchema,
  ConnectionSettingsOffersSchema,
  SERVER_CAPABILITY,
} from "@flowplane/opamp";
import { nudgeDesired } from "../../platform/bus/bus.ts";
import { message, newVisitor, startPlane, type TestPlane } from "../../testing/gateway.ts";
import type { DesiredSource, Wanted } from "./desired.ts";

/** A part of the control plane whose truth is a map. */
function source(name: string, capabilities: bigint) {
  const wanted = new Map<string, Wanted>();
  const changed: string[] = [];
  const it = { wanted, changed, loads: [] as number[], isDown: false };
  const desired: DesiredSource = {
    name,
    capabilities,
    async load(agents) {
      it.loads.push(agents.length);
      if (it.isDown) throw new Error("the database is away");
      return wanted;
    },
    changedSince: async () => changed.splice(0),
  };
  return { ...desired, it };
}

const config = (hash: number) => ({
  remoteConfig: create(AgentRemoteConfigSchema, {
    config: { configMap: { "": { body: new TextEncoder().encode("a: 1") } } },
    configHash: Uint8Array.of(hash),
  }),
});
const metrics = (hash: number, endpoint: string) => ({
  connectionSettings: create(ConnectionSettingsOffersSchema, {
    hash: Uint8Array.of(hash),
    ownMetrics: { destinationEndpoint: endpoint },
  }),
});
const CAPABILITIES =
  AGENT_CAPABILITY.ReportsStatus |
  AGENT_CAPABILITY.AcceptsRemoteConfig |
  AGENT_CAPABILITY.ReportsRemoteConfig |
  AGENT_CAPABILITY.ReportsOwnMetrics;

let plane: TestPlane | undefined;
afterEach(async () => {
  await plane?.[Symbol.asyncDispose]();
  plane = undefined;
});

test("each source gives what is its own; the first decides where two give the same; the first reply has it", async () => {
  const configs = source("configs", SERVER_CAPABILITY.OffersRemoteConfig);
  const telemetry = source("telemetry", SERVER_CAPABILITY.OffersConnectionSettings);
  plane = await startPlane({ desiredSources: [configs, telemetry] });
  const agent = await newVisitor(plane, "agents");
  configs.it.wanted.set(agent.agentId, { ...config(1), ...metrics(7, "http://first") });
  telemetry.it.wanted.set(agent.agentId, metrics(8, "http://second"));
  const socket = await agent.open();
  const reply = await socket.ask(message(agent.uid, 0, { capabilities: CAPABILITIES }));
  expect(reply.capabilities & SERVER_CAPABILITY.OffersRemoteConfig).not.toBe(0n);
  expect(reply.capabilities & SERVER_CAPABILITY.OffersConnectionSettings).not.toBe(0n);
  expect(reply.remoteConfig?.configHash).toEqual(Uint8Array.of(1));
  expect(reply.connectionSettings?.ownMetrics?.destinationEndpoint).toBe("http://first");
  await socket.close();
  const polled = await (await newVisitor(plane, "agents")).poll(message(agent.uid, 0));
  expect(polled.message?.remoteConfig).toBeUndefined();
});

test("opamp row 33: a nudge reaches a socket at once, a lost one is caught up with, a poll has it in its answer", async () => {
  const configs = source("configs", SERVER_CAPABILITY.OffersRemoteConfig);
  plane = await startPlane({ desiredSources: [configs] });
  const agent = await newVisitor(plane, "agents");
  const socket = await agent.open();
  await socket.ask(message(agent.uid, 0, { capabilities: CAPABILITIES }));
  configs.it.wanted.set(agent.agentId, config(1));
  nudgeDesired(plane.base.bus, [agent.agentId]);
  expect((await socket.next()).remoteConfig?.configHash).toEqual(Uint8Array.of(1));
  configs.it.wanted.set(agent.agentId, config(2));
  configs.it.changed.push(agent.agentId);
  await plane.gateway.catchUp();
  expect((await socket.next()).remoteConfig?.configHash).toEqual(Uint8Array.of(2));
  await socket.close();
  const polled = await agent.poll(message(agent.uid, 1, { capabilities: CAPABILITIES }));
  expect(polled.message?.remoteConfig?.configHash).toEqual(Uint8Array.of(2));
});

test("many agents nudged at once are read together", async () => {
  const configs = source("configs", SERVER_CAPABILITY.OffersRemoteConfig);
  plane = await startPlane({ desiredSources: [configs] });
  const agents = await Promise.all(
    Array.from({ length: 12 }, () => newVisitor(plane as TestPlane, "agents")),
  );
  const sockets = await Promise.all(agents.map((agent) => agent.open()));
  await Promise.all(
    sockets.map((socket, index) =>
      socket.ask(message(agents[index]?.uid ?? "", 0, { capabilities: CAPABILITIES })),
    ),
  );
  for (const { agentId } of agents) configs.it.wanted.set(agentId, config(3));
  configs.it.loads.length = 0;
  nudgeDesired(
    plane.base.bus,
    agents.map(({ agentId }) => agentId),
  );
  await Promise.all(sockets.map((socket) => socket.next()));
  expect(configs.it.loads.length).toBeLessThanOrEqual(3);
  await Promise.all(sockets.map((socket) => socket.close()));
});

test("an agent is let in while what is wanted of it cannot be read, and gets it when it can", async () => {
  const configs = source("configs", SERVER_CAPABILITY.OffersRemoteConfig);
  plane = await startPlane({ desiredSources: [configs] });
  const agent = await newVisitor(plane, "agents");
  configs.it.wanted.set(agent.agentId, config(1));
  configs.it.isDown = true;
  const socket = await agent.open();
  const reply = await socket.ask(message(agent.uid, 0, { capabilities: CAPABILITIES }));
  expect(reply.errorResponse ?? reply.remoteConfig).toBeUndefined();
  configs.it.isDown = false;
  await plane.gateway.catchUp();
  expect((await socket.next()).remoteConfig?.configHash).toEqual(Uint8Array.of(1));
  await socket.close();
});
