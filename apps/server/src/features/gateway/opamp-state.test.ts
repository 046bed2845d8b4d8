import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { create } from "@bufbuild/protobuf";
import {
  AGENT_CAPABILITY,
  AgentToServerFlags,
  AvailableComponentsSchema,
  CommandType,
  ServerErrorResponseType,
  ServerToAgentFlags,
  SERVER_CAPABILITIES_ALL,
  SERVER_CAPABILITY,
  uidToString,
} from "@flowplane/opamp";
import { LINK_CAPABILITY, TENURE_CAPABILITY } from "@flowplane/link";
import { newId } from "../../platform/context.ts";
import { RELAY_CAPABILITY } from "./relay.ts";
import { agentOf } from "../fleet/fleet.ts";
import { revokeEnrolmentToken } from "../enrolment/tokens.ts";
import {
  agentByUid,
  agentRow,
  message,
  newToken,
  newVisitor,
  open,
  reportRow,
  startPlane,
  until,
  type TestPlane,
} from "../../testing/gateway.ts";
import { restartAgent } from "./routes.ts";

const FULL_STATE = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState);
const COMPONENTS = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportAvailableComponents);
const BAD_REQUEST = ServerErrorResponseType.ServerErrorResponseType_BadRequest;

let plane: TestPlane;
beforeAll(async () => {
  plane = await startPlane();
});
afterAll(() => plane[Symbol.asyncDispose]());

const text = (key: string, value: string) => ({
  key,
  value: { value: { case: "stringValue" as const, value } },
});
const described = (host: string) => ({
  agentDescription: {
    identifyingAttributes: [text("service.name", "otelcol"), text("service.version", "0.159.0")],
    nonIdentifyingAttributes: [text("host.name", host), text("os.type", "linux")],
  },
});
const full = (host: string) => ({
  ...described(host),
  capabilities: AGENT_CAPABILITY.ReportsStatus | AGENT_CAPABILITY.ReportsHealth,
  health: {
    healthy: true,
    status: "StatusOK",
    componentHealthMap: { "receiver/otlp": { healthy: true, status: "StatusOK" } },
  },
});

describe.each(["agents", "dashboard"] as const)("on the listener of the %s", (listener) => {
  test("opamp row 18: a message received twice is answered twice and processed once", async () => {
    const agent = await newVisitor(plane, listener);
    const socket = await agent.open();
    await socket.ask(message(agent.uid, 0, full("one")));
    const again = message(agent.uid, 1, described("two"));
    await socket.ask(again);
    const retried = await socket.ask(again);
    expect(uidToString(retried.instanceUid)).toBe(agent.uid);
    expect(retried.flags & FULL_STATE).toBe(0n);
    expect(await agentRow(plane, agent.agentId)).toMatchObject({ sequence_num: 1, hostname: "two" });
    expect((await socket.ask(message(agent.uid, 2))).flags).toBe(0n);
    await socket.close();
  });

  test("opamp row 19: the first reply on a connection has the capabilities, only such as are defined and honoured", async () => {
    const agent = await newVisitor(plane, listener);
    for (const sequence of [0, 1]) {
      const socket = await agent.open();
      const reply = await socket.ask(message(agent.uid, sequence));
      expect(reply.capabilities & SERVER_CAPABILITY.AcceptsStatus).not.toBe(0n);
      expect(reply.capabilities & ~SERVER_CAPABILITIES_ALL).toBe(0n);
      expect(reply.capabilities & SERVER_CAPABILITY.OffersPackages).toBe(0n);
      await socket.close();
    }
    expect((await agent.poll(message(agent.uid, 2))).message?.capabilities).not.toBe(0n);
  });

  test("opamp rows 20 and 21: an error stands alone; a success has none", async () => {
    const agent = await newVisitor(plane, listener);
    const socket = await agent.open();
    expect((await socket.ask(message(agent.uid, 0))).errorResponse).toBeUndefined();
    const refused = await socket.ask(message(newId(), 0));
    expect(refused.errorResponse?.type).toBe(BAD_REQUEST);
    expect(refused.errorResponse?.errorMessage).toContain("belongs to the agent");
    expect(refused).toMatchObject({ flags: 0n, capabilities: 0n });
    expect(refused.customCapabilities ?? refused.remoteConfig ?? refused.agentIdentification).toBeUndefined();
    await socket.close();
  });

  test("opamp rows 22 and 23: a gap is asked about once; the full report that follows is not asked about again", async () => {
    const agent = await newVisitor(plane, listener);
    const socket = await agent.open();
    const asks = async (sequence: number, more = {}) =>
      ((await socket.ask(message(agent.uid, sequence, more))).flags & FULL_STATE) !== 0n;
    expect(await asks(0)).toBe(true);
    expect(await asks(1, full("h"))).toBe(false);
    expect(await asks(2)).toBe(false);
    expect(await asks(7)).toBe(true);
    expect(await asks(8, full("h"))).toBe(false);
    expect(await asks(9)).toBe(false);
    await socket.close();
    const pollAsks = async (sequence: number, more = {}) =>
      (((await agent.poll(message(agent.uid, sequence, more))).message?.flags ?? 0n) & FULL_STATE) !== 0n;
    expect(await pollAsks(10)).toBe(false);
    expect(await pollAsks(20)).toBe(true);
    expect(await pollAsks(21, full("h"))).toBe(false);
    expect(await pollAsks(22)).toBe(false);
  });
});

test("opamp row 24: after a restart of the server the agent goes on where it was, without reporting everything again", async () => {
  const agent = await newVisitor(plane, "agents");
  const socket = await agent.open();
  await socket.ask(message(agent.uid, 0, full("persistent")));
  await socket.ask(message(agent.uid, 1, full("persistent")));
  plane = await plane.restart();
  expect(await socket.closed).toBe(1001);
  const again = await open(`wss://127.0.0.1:${plane.agentsPort}/v1/opamp`, socket.options);
  // The drain says nothing about the agent: it is not shown as gone while it comes back.
  expect(await agentRow(plane, agent.agentId)).toMatchObject({ disconnected_at: null });
  const reply = await again.ask(message(agent.uid, 2));
  expect(reply.flags).toBe(0n);
  expect(await agentRow(plane, agent.agentId)).toMatchObject({ hostname: "persistent", sequence_num: 2 });
  // What happened while nobody listened shows as a gap.
  expect((await again.ask(message(agent.uid, 5))).flags & FULL_STATE).not.toBe(0n);
  await again.close();
});

test("opamp row 25: a compressed first message to another node keeps the description it does not repeat", async () => {
  const agent = await newVisitor(plane, "agents");
  const first = await agent.open();
  await first.ask(message(agent.uid, 0, full("elsewhere")));
  await first.close();
  plane = await plane.restart();
  const second = await open(`wss://127.0.0.1:${plane.agentsPort}/v1/opamp`, first.options);
  await second.ask(message(agent.uid, 1, { capabilities: full("").capabilities }));
  const row = await agentRow(plane, agent.agentId);
  expect(row).toMatchObject({
    hostname: "elsewhere",
    version: "0.159.0",
    healthy: true,
    transport: "websocket",
  });
  const report = await reportRow(plane, agent.agentId);
  expect(report.identifying_attributes).toEqual({ "service.name": "otelcol", "service.version": "0.159.0" });
  await second.close();
});

test("opamp row 26: an absent sub-message keeps what was there; a present one replaces it whole", async () => {
  const agent = await newVisitor(plane, "agents");
  const socket = await agent.open();
  await socket.ask(message(agent.uid, 0, full("whole")));
  await socket.ask(message(agent.uid, 1, { health: { healthy: false, lastError: "disk full" } }));
  const row = await agentRow(plane, agent.agentId);
  expect(row).toMatchObject({ hostname: "whole", healthy: false, health_status: "disk full" });
  const report = await reportRow(plane, agent.agentId);
  expect(report.health).toMatchObject({ healthy: false, last_error: "disk full", components: {} });
  expect(report.non_identifying_attributes).toMatchObject({ "host.name": "whole" });
  await socket.close();
});

test("opamp row 27: capabilities that change in a session count from the next message on", async () => {
  const agent = await newVisitor(plane, "agents");
  const socket = await agent.open();
  const restarts = AGENT_CAPABILITY.ReportsStatus | AGENT_CAPABILITY.AcceptsRestartCommand;
  await socket.ask(message(agent.uid, 0, { ...full("h"), capabilities: restarts }));
  expect((await agentRow(plane, agent.agentId)).capabilities).toBe(Number(restarts));
  await socket.ask(message(agent.uid, 1, { capabilities: 1n }));
  expect((await agentRow(plane, agent.agentId)).capabilities).toBe(1);
  await expect(restartAgent(plane.ctx(), agent.agentId, "test")).rejects.toThrow(/cannot be restarted/);
  await socket.close();
});

test("opamp row 52: an agent that asks gets a fresh instance_uid, and its record moves with it", async () => {
  const agent = await newVisitor(plane, "dashboard");
  const socket = await agent.open();
  const plain = await socket.ask(message(agent.uid, 0, full("h")));
  expect(plain.agentIdentification).toBeUndefined();
  const flags = BigInt(AgentToServerFlags.AgentToServerFlags_RequestInstanceUid);
  const { agentIdentification } = await socket.ask(message(agent.uid, 1, { flags }));
  const uid = uidToString(agentIdentification?.newInstanceUid ?? new Uint8Array());
  expect(uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  // The promise outlives a restart of ours.
  plane = await plane.restart();
  const again = await open(`ws://127.0.0.1:${plane.httpPort}/v1/opamp`, socket.options);
  const reply = await again.ask(message(uid, 2));
  expect(reply.errorResponse).toBeUndefined();
  expect(reply.agentIdentification).toBeUndefined();
  const row = await agentRow(plane, agent.agentId);
  expect(row).toMatchObject({ instance_uid: uid, next_instance_uid: null, hostname: "h" });
  await again.close();
});

describe("two programs with one instance_uid", () => {
  let clock = Date.now();
  let own: TestPlane;
  beforeAll(async () => {
    own = await startPlane({ now: () => clock });
  });
  afterAll(() => own[Symbol.asyncDispose]());

  test("opamp row 53: a reconnect takes over at once; a clone is told so when the first one speaks again", async () => {
    const { secret } = await newToken(own);
    const uid = newId();
    const connect = () =>
      open(`ws://127.0.0.1:${own.httpPort}/v1/opamp`, { headers: { authorization: `Bearer ${secret}` } });
    const first = await connect();
    await first.ask(message(uid, 0, full("original")));
    clock += 60_000;
    const second = await connect();
    // Nothing tells it from a reconnect yet, so it is not made to wait.
    expect((await second.ask(message(uid, 1))).agentIdentification).toBeUndefined();
    clock += 60_000;
    await first.ask(message(uid, 2));
    const told = await second.next();
    const fresh = uidToString(told.agentIdentification?.newInstanceUid ?? new Uint8Array());
    expect(fresh).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    await second.ask(message(fresh, 0, full("copy")));
    const [original, copy] = [await agentByUid(own, uid), await agentByUid(own, fresh)];
    expect(original?.hostname).toBe("original");
    expect(copy?.hostname).toBe("copy");
    expect(copy?.id).not.toBe(original?.id);
    await Promise.all([first.close(), second.close()]);
  });

  test("opamp row 54: the late close of an old socket does not take a reconnected agent offline", async () => {
    const agent = await newVisitor(own, "agents");
    const old = await agent.open();
    await old.ask(message(agent.uid, 0, full("h")));
    const reconnected = await agent.open();
    await reconnected.ask(message(agent.uid, 1));
    await old.close();
    await reconnected.ask(message(agent.uid, 2));
    const row = await agentRow(own, agent.agentId);
    expect(row).toMatchObject({ disconnected_at: null, sequence_num: 2 });
    expect(agentOf(row, clock).state).toBe("connected");
    await reconnected.close();
    await until("the agent to be offline", async () =>
      (await agentRow(own, agent.agentId)).disconnected_at === null ? undefined : true,
    );
  });

  test("opamp row 56: who misses polls or heartbeats is stale, then offline; a silent socket without heartbeats is not", async () => {
    const state = async (id: string) => agentOf(await agentRow(own, id), clock).state;
    const poller = await newVisitor(own, "dashboard");
    await poller.poll(message(poller.uid, 0));
    const beating = await newVisitor(own, "agents");
    const beats = await beating.open();
    await beats.ask(message(beating.uid, 0, { capabilities: 1n | AGENT_CAPABILITY.ReportsHeartbeat }));
    const silent = await newVisitor(own, "agents");
    const quiet = await silent.open();
    await quiet.ask(message(silent.uid, 0));
    const ids = [poller.agentId, beating.agentId, silent.agentId];
    expect(await Promise.all(ids.map(state))).toEqual(["connected", "connected", "connected"]);
    clock += 3 * 30_000;
    expect(await Promise.all(ids.map(state))).toEqual(["stale", "stale", "connected"]);
    clock += 7 * 30_000;
    expect(await Promise.all(ids.map(state))).toEqual(["offline", "offline", "connected"]);
    await beats.ask(message(beating.uid, 1, { capabilities: 1n | AGENT_CAPABILITY.ReportsHeartbeat }));
    expect(await state(beating.agentId)).toBe("connected");
    await Promise.all([beats.close(), quiet.close()]);
  });

  test("opamp row 56: who polls faster is missed sooner", async () => {
    const poller = await newVisitor(own, "dashboard");
    for (let sequence = 0; sequence < 8; sequence += 1) {
      await poller.poll(message(poller.uid, sequence));
      clock += 2_000;
    }
    const row = await agentRow(own, poller.agentId);
    expect(row.heartbeat_ms).toBe(2_000);
    expect(agentOf(row, clock).state).toBe("connected");
    expect(agentOf(row, clock + 6_000).state).toBe("stale");
    expect(agentOf(row, clock + 20_000).state).toBe("offline");
  });
});

test("opamp row 55: a goodbye is believed at once, on a WebSocket and over HTTP", async () => {
  const agent = await newVisitor(plane, "agents");
  const socket = await agent.open();
  await socket.ask(message(agent.uid, 0, full("h")));
  const reply = await socket.ask(message(agent.uid, 1, { agentDisconnect: {} }));
  expect(uidToString(reply.instanceUid)).toBe(agent.uid);
  const gone = await agentRow(plane, agent.agentId);
  expect(agentOf(gone, Date.now()).state).toBe("offline");
  expect(gone.connection_id).toBeNull();
  await socket.close();

  const poller = await newVisitor(plane, "dashboard");
  await poller.poll(message(poller.uid, 0));
  expect(agentOf(await agentRow(plane, poller.agentId), Date.now()).state).toBe("connected");
  await poller.poll(message(poller.uid, 1, { agentDisconnect: {} }));
  expect(agentOf(await agentRow(plane, poller.agentId), Date.now()).state).toBe("offline");
  await poller.poll(message(poller.uid, 2));
  expect(agentOf(await agentRow(plane, poller.agentId), Date.now()).state).toBe("connected");
});

test("opamp row 57: many agents on one socket are kept apart, and its loss is the loss of all", async () => {
  const { secret, token } = await newToken(plane);
  const socket = await open(`ws://127.0.0.1:${plane.httpPort}/api/v1/opamp/v1/opamp`, {
    headers: { authorization: `Bearer ${secret}` },
  });
  const uids = [newId(), newId(), newId()];
  for (const [index, uid] of uids.entries()) socket.send(message(uid, 10 * index, full(`host-${index}`)));
  const answered = new Set<string>();
  for (const _ of uids) answered.add(uidToString((await socket.next()).instanceUid));
  expect(answered).toEqual(new Set(uids));
  for (const [index, uid] of uids.entries()) {
    expect((await socket.ask(message(uid, 10 * index + 1))).flags).toBe(0n);
    expect(await agentByUid(plane, uid)).toMatchObject({
      hostname: `host-${index}`,
      name: `otelcol@host-${index}`,
      disconnected_at: null,
    });
  }
  await socket.close();
  for (const uid of uids) {
    await until("each to be offline", async () =>
      (await agentByUid(plane, uid))?.disconnected_at === null ? undefined : true,
    );
  }
  await revokeEnrolmentToken(plane.ctx(), token.id);
});

test("opamp row 58: the restart command goes out once, alone, and only to who accepts it", async () => {
  const agent = await newVisitor(plane, "agents");
  const socket = await agent.open();
  const capabilities = AGENT_CAPABILITY.ReportsStatus | AGENT_CAPABILITY.AcceptsRestartCommand;
  await socket.ask(message(agent.uid, 0, { ...full("h"), capabilities }));
  await plane.gateway.flush();
  await restartAgent(plane.ctx(), agent.agentId, "because");
  const pushed = await socket.next();
  expect(pushed.command?.type).toBe(CommandType.CommandType_Restart);
  expect(uidToString(pushed.instanceUid)).toBe(agent.uid);
  expect(pushed).toMatchObject({ flags: 0n });
  expect(pushed.customCapabilities ?? pushed.remoteConfig ?? pushed.errorResponse).toBeUndefined();
  expect((await socket.ask(message(agent.uid, 1, { capabilities }))).command).toBeUndefined();
  await socket.close();

  const poller = await newVisitor(plane, "dashboard");
  await poller.poll(message(poller.uid, 0, { ...full("h"), capabilities }));
  await plane.gateway.flush();
  await restartAgent(plane.ctx(), poller.agentId, "because");
  expect((await poller.poll(message(poller.uid, 1, { capabilities }))).message?.command).toBeDefined();
  expect((await poller.poll(message(poller.uid, 2, { capabilities }))).message?.command).toBeUndefined();
});

test("opamp row 59: an unknown hash of components is asked about once; a known one is not, whoever has it", async () => {
  const hash = Buffer.from(newId());
  const only = { availableComponents: create(AvailableComponentsSchema, { hash }) };
  const tree = {
    availableComponents: { hash, components: { receivers: { subComponentMap: { otlp: {} } } } },
  };
  const one = await newVisitor(plane, "agents");
  const socket = await one.open();
  const asks = async (sequence: number, more = {}) =>
    ((await socket.ask(message(one.uid, sequence, more))).flags & COMPONENTS) !== 0n;
  expect(await asks(0, { ...full("h"), ...only })).toBe(true);
  expect(await asks(1, only)).toBe(false);
  expect(await asks(2, tree)).toBe(false);
  await socket.close();
  await until("the tree to be stored", async () =>
    plane.base.storage.system
      .selectFrom("available_components")
      .select("components")
      .where("hash", "=", hash)
      .executeTakeFirst(),
  );
  for (const restarted of [false, true]) {
    if (restarted) plane = await plane.restart();
    const other = await newVisitor(plane, "dashboard");
    const flags = (await other.poll(message(other.uid, 0, { ...full("h"), ...only }))).message?.flags ?? 0n;
    expect(flags & COMPONENTS).toBe(0n);
    expect((await reportRow(plane, other.agentId)).available_components_hash).toEqual(hash);
  }
});

test("opamp row 60: our capability is announced once and used only with agents that list it; unknown ones are ignored", async () => {
  const agent = await newVisitor(plane, "dashboard");
  const socket = await agent.open();
  const first = await socket.ask(message(agent.uid, 0, full("h")));
  expect(first.customCapabilities?.capabilities).toEqual([
    LINK_CAPABILITY,
    TENURE_CAPABILITY,
    RELAY_CAPABILITY,
  ]);
  const unknown = { customMessage: { capability: "com.example.unknown", type: "x", data: Buffer.from("y") } };
  const second = await socket.ask(message(agent.uid, 1, unknown));
  expect(second.errorResponse).toBeUndefined();
  expect(second.customCapabilities).toBeUndefined();
  plane.base.bus.publish(`agent.${agent.agentId}.watch`, { run_id: newId(), from_seq: 1, ttl_ms: 5_000 });
  const third = await socket.ask(message(agent.uid, 2));
  expect(third.customMessage).toBeUndefined();
  await socket.close();
});

test("opamp row 65: fields and enum values of a later specification are ignored", async () => {
  const agent = await newVisitor(plane, "agents");
  // Field 900 as text, and a remote config status of 77.
  const later = Buffer.concat([
    message(agent.uid, 0, full("later")),
    Buffer.from([0xa2, 0x38, 3, 97, 98, 99]),
    Buffer.from([0x3a, 2, 0x10, 77]),
  ]);
  const socket = await agent.open();
  expect((await socket.ask(later)).errorResponse).toBeUndefined();
  expect(await agentRow(plane, agent.agentId)).toMatchObject({ hostname: "later" });
  await socket.close();
});

test("an agent without a stable instance_uid stays one agent by its bearer, and polls are answered meanwhile", async () => {
  const agent = await newVisitor(plane, "dashboard");
  await agent.poll(message(agent.uid, 0, full("first-life")));
  const reborn = newId();
  expect((await agent.poll(message(reborn, 0, full("second-life")))).message?.errorResponse).toBeUndefined();
  expect(await agentRow(plane, agent.agentId)).toMatchObject({
    instance_uid: reborn,
    hostname: "second-life",
  });
});

test("unusual counters break nobody's batch", async () => {
  const agent = await newVisitor(plane, "agents");
  const socket = await agent.open();
  const most = 2n ** 64n - 1n;
  await socket.ask(message(agent.uid, 0, { ...full("h"), sequenceNum: most, capabilities: most }));
  expect((await agentRow(plane, agent.agentId)).hostname).toBe("h");
  await socket.close();
});
