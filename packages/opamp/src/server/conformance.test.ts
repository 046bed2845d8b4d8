// The rows of the OpAMP server checklist that are decided without a socket. Each test bears its row's number.

import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { agentCapabilityBits, SERVER_CAPABILITIES_ALL, SERVER_CAPABILITY } from "../capabilities.ts";
import { decodeAgentToServer } from "../codec.ts";
import { decodeFrame, encodeFrame } from "../framing.ts";
import {
  AgentRemoteConfigSchema,
  RemoteConfigStatuses,
  ServerErrorResponseType,
  ServerToAgentSchema,
  type ServerToAgent,
} from "../gen/opamp_pb.ts";
import { AGENT_MESSAGE_LIMITS, ERROR_MESSAGE_CHARS_MAX, MESSAGE_BYTES_MAX } from "../limits.ts";
import { bytesOf, describedAs, OUR_CAPABILITY, TestAgent, TestServer } from "../testing/test-server.ts";
import { uidFromString, uidToString } from "../uid.ts";
import { connectionState } from "./liveness.ts";
import { badRequestReply, unavailableReply } from "./replies.ts";
import { receiveFromAgent } from "./session.ts";

const UID = "01234567-89ab-7cde-8f01-23456789abcd";
const OTHER_UID = "0fedcba9-8765-7321-8fed-cba987654321";
const BAD_REQUEST = ServerErrorResponseType.ServerErrorResponseType_BadRequest;

describe("messages", () => {
  it("opamp row 8: the header is decoded, whatever its length", () => {
    const data = bytesOf(agent().next());
    for (const header of [[0], [0x80, 0], [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0]]) {
      expect(decodeFrame(Uint8Array.from([...header, ...data]))).toEqual({ ok: true, data });
    }
  });

  it("opamp row 9: a wrong header, a cut varint and bad protobuf are refused with a sentence", () => {
    for (const frame of [[1, 8], [0x80, 0x80], []]) {
      expect(decodeFrame(Uint8Array.from(frame))).toMatchObject({ ok: false, issue: { message: /header/ } });
    }
    for (const data of [[0x0a], [0x0a, 0xff], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0x07], [0x00, 0x00]]) {
      const received = receiveFromAgent(Uint8Array.from(data));
      expect(received).toMatchObject({ ok: false, reply: { errorResponse: { type: BAD_REQUEST } } });
      if (!received.ok) expect(received.reply.errorResponse?.errorMessage).toMatch(/\w+ \w+/);
    }
  });

  it("opamp row 11: a message of no bytes is protobuf, and fails only for its uid", () => {
    const frame = decodeFrame(Uint8Array.of(0));
    expect(frame).toEqual({ ok: true, data: new Uint8Array() });
    expect(receiveFromAgent(new Uint8Array())).toMatchObject({
      ok: false,
      issue: { code: "bad_instance_uid" },
    });
  });

  it("opamp row 14: our frames begin with the byte 0", () => {
    expect(encodeFrame(Uint8Array.of(8, 1))).toEqual(Uint8Array.of(0, 8, 1));
  });

  it("opamp row 15: the limit is 64 MiB and can be set", () => {
    expect(MESSAGE_BYTES_MAX).toBe(64 * 1024 * 1024);
    const limits = { ...AGENT_MESSAGE_LIMITS, messageBytesMax: 20 };
    const data = bytesOf(agent().full());
    expect(receiveFromAgent(data, limits)).toMatchObject({ ok: false, issue: { code: "too_large" } });
    expect(receiveFromAgent(data).ok).toBe(true);
  });

  it("opamp row 16: an instance_uid that is not 16 bytes is a bad request", () => {
    for (const length of [0, 1, 15, 17, 36]) {
      const { server, ws } = setup();
      const reply = server.send(ws, { instanceUid: new Uint8Array(length).fill(7), sequenceNum: 1n });
      expect(reply.errorResponse?.type).toBe(BAD_REQUEST);
      expect(reply.errorResponse?.errorMessage).toBe(`instance_uid: must have 16 bytes, not ${length}`);
      expect(server.stored.size).toBe(0);
    }
  });

  it("opamp row 65: unknown fields and future enum values are ignored", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    const bytes = bytesOf(
      sender.next({ remoteConfigStatus: { status: 99 as never, lastRemoteConfigHash: Uint8Array.of(1) } }),
    );
    const unknown = [0xa2, 0x06, 3, 1, 2, 3, 0xa8, 0x06, 5, 0xb3, 0x06, 0x08, 0x01, 0xb4, 0x06]; // fields 100, 101 and a group 102
    const reply = server.receive(ws, Uint8Array.from([...bytes, ...unknown]));
    expect(reply.errorResponse).toBeUndefined();
    expect(server.view(UID).remoteConfigStatus).toMatchObject({ hash: "01", status: "unknown" });
  });

  it("opamp row 66: hostile nesting, counts and text are refused without recursion", () => {
    const refusals: [string, Uint8Array, string, string | null][] = [
      ["health", nested(5, [6, 2], 100_000), "too_deep", "health"],
      ["attributes", nested(3, [1, 2, 6], 30_000), "too_deep", "agent_description"],
      [
        "components",
        nested(14, [1, ...Array.from({ length: 50_000 }, () => 2)], 50_000),
        "too_deep",
        "available_components",
      ],
      ["groups", groups(200_000), "too_many_entries", null],
      [
        "entries",
        field(3, repeat(field(1, field(1, [65])), 10_000)),
        "too_many_entries",
        "agent_description",
      ],
      ["health entries", field(5, repeat(field(6, field(1, [65])), 12_000)), "too_many_entries", "health"],
      ["pieces", repeat(field(3, field(1, field(1, [65]))), 10_000), "too_many_entries", "agent_description"],
      ["size", field(6, new Uint8Array(9 * 1024 * 1024)), "too_large", "effective_config"],
      ["text", field(5, field(4, [0xff, 0xfe])), "bad_utf8", null],
    ];
    for (const [name, tail, code, about] of refusals) {
      const bytes = concat(bytesOf(agent().next()), tail);
      const received = receiveFromAgent(bytes);
      expect(received.ok, name).toBe(false);
      if (received.ok) continue;
      expect([name, received.issue.code, received.issue.field]).toEqual([name, code, about]);
      expect(received.reply).toEqual(badRequestReply(uidFromString(UID), received.issue.message));
    }
    // What large agents really send passes.
    const tree = field(
      14,
      repeat(field(1, concat(field(1, [65]), field(2, field(1, field(1, [66]))))), 2_000),
    );
    expect(decodeAgentToServer(Uint8Array.from(tree)).ok).toBe(true);
    expect(decodeAgentToServer(nested(5, [6, 2], 30)).ok).toBe(true);
  });
});

describe("messages kept in memory", () => {
  it("opamp row 66: hashes and error texts are bounded, too", () => {
    const hash = new Uint8Array(257);
    for (const [name, init] of [
      ["available_components", { availableComponents: { hash } }],
      ["remote_config_status", { remoteConfigStatus: { lastRemoteConfigHash: hash } }],
      ["connection_settings_status", { connectionSettingsStatus: { lastConnectionSettingsHash: hash } }],
      ["package_statuses", { packageStatuses: { serverProvidedAllPackagesHash: hash } }],
    ] as const) {
      const received = receiveFromAgent(bytesOf(agent().next(init)));
      expect(received).toMatchObject({ ok: false, issue: { code: "too_large", field: name } });
    }
    const { server, ws, sender } = setup();
    const errorMessage = `${"x".repeat(ERROR_MESSAGE_CHARS_MAX - 1)}${"\u{1f4a5}".repeat(9)}`;
    server.send(ws, sender.next({ remoteConfigStatus: { errorMessage } }));
    const kept = server.view(UID).remoteConfigStatus?.error_message ?? "";
    expect([kept.length, kept.isWellFormed()]).toEqual([ERROR_MESSAGE_CHARS_MAX + 1, true]);
  });
});

describe("replies", () => {
  it("opamp row 17: every message is answered to its uid, even with nothing to say", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    server.send(ws, sender.full());
    const reply = server.send(ws, sender.next());
    expect(reply).toEqual(
      create(ServerToAgentSchema, { instanceUid: uidFromString(UID) ?? new Uint8Array() }),
    );
  });

  it("opamp row 18: a retry is answered each time and processed once", () => {
    const { server, ws, sender } = setup();
    const first = sender.full({ customMessage: { capability: OUR_CAPABILITY, type: "t" } });
    const replies = [1, 2, 3].map(() => server.send(ws, first));
    expect(replies.map(asksFullState)).toEqual([true, true, true]);
    expect(server.effectsOf("custom_message")).toHaveLength(1);
    expect(server.state(UID)?.sequenceNum).toBe(0n);
    expect(asksFullState(server.send(ws, sender.full()))).toBe(false);
  });

  it("opamp row 18: a retry gets again what the lost reply carried", () => {
    const server = new TestServer();
    const remoteConfig = { configHash: Uint8Array.of(1), config: { configMap: {} } };
    const sender = agent(agentCapabilityBits(["ReportsStatus", "AcceptsRemoteConfig"]));
    server.desired.set(UID, { remoteConfig: create(AgentRemoteConfigSchema, remoteConfig) });
    const first = sender.full();
    const replies = [server.post(first), server.post(first), server.post(sender.next())];
    expect(replies.map((reply) => reply.remoteConfig !== undefined)).toEqual([true, true, false]);
    expect(replies.map((reply) => reply.customCapabilities !== undefined)).toEqual([true, true, false]);
  });

  it("opamp row 19: the first reply has our capabilities, only defined bits", () => {
    const { server, ws, sender } = setup();
    server.profile = { ...server.profile, capabilities: 0xffffn };
    const replies = [server.send(ws, sender.full()), server.send(ws, sender.next())];
    expect(replies.map((reply) => reply.capabilities)).toEqual([SERVER_CAPABILITIES_ALL, 0n]);
    expect(SERVER_CAPABILITIES_ALL & SERVER_CAPABILITY.AcceptsStatus).toBe(1n);
    const again = server.open();
    expect(server.send(again, sender.next()).capabilities).toBe(SERVER_CAPABILITIES_ALL);
    const intruder = server.open("ws", "agent-b");
    expect(server.send(intruder, agent().full()).capabilities).toBe(SERVER_CAPABILITIES_ALL);
  });

  it("opamp row 20: a refusal has the error and the uid and nothing else", () => {
    const instanceUid = uidFromString(UID) ?? new Uint8Array();
    for (const reply of [
      badRequestReply(instanceUid, "no"),
      unavailableReply(instanceUid, "later", 31_000),
    ]) {
      const { $typeName, instanceUid: to, errorResponse, flags, capabilities, ...others } = reply;
      expect([$typeName, uidToString(to), flags, capabilities]).toEqual([
        "opamp.proto.ServerToAgent",
        UID,
        0n,
        0n,
      ]);
      expect(errorResponse?.errorMessage).not.toBe("");
      expect(others).toEqual({});
    }
    const later = unavailableReply(null, "later", 31_000).errorResponse;
    expect(later?.details).toMatchObject({
      case: "retryInfo",
      value: { retryAfterNanoseconds: 31_000_000_000n },
    });
  });

  it("opamp row 21: a processed message gets no error", () => {
    const { server, ws, sender } = setup();
    for (const message of [sender.full(), sender.next(), sender.next({ agentDisconnect: {} })]) {
      expect(server.send(ws, message).errorResponse).toBeUndefined();
    }
  });
});

describe("state", () => {
  it("opamp row 22: an unknown agent and every sequence gap are asked for the full state", () => {
    const { server, ws, sender } = setup();
    const asked = [
      server.send(ws, sender.full()),
      server.send(ws, sender.full()),
      server.send(ws, sender.next()),
    ];
    sender.sequenceNum += 1n; // one lost on the way
    asked.push(server.send(ws, sender.next()), server.send(ws, sender.full()));
    sender.sequenceNum = 0n; // a new process
    asked.push(server.send(ws, sender.next()), server.send(ws, sender.full()));
    asked.push(server.send(ws, { ...sender.next(), sequenceNum: 1n, flags: 2n })); // same number, other message
    expect(asked.map(asksFullState)).toEqual([true, false, false, true, false, true, false, true]);
  });

  it("opamp row 23: one question for each gap, also when heartbeats cross it, and no loop", () => {
    const { server, ws, sender } = setup();
    const asked = [server.send(ws, sender.full())];
    for (let count = 0; count < 5; count += 1) {
      server.now += 1_000;
      asked.push(server.send(ws, sender.next()));
    }
    asked.push(server.send(ws, sender.full()), server.send(ws, sender.next()));
    expect(asked.filter(asksFullState)).toHaveLength(1);
  });

  it("opamp row 23: a question whose reply was lost is put again", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    server.send(ws, sender.full());
    sender.sequenceNum += 1n;
    expect(asksFullState(server.send(ws, sender.next()))).toBe(true);
    server.close(ws);
    const again = server.open();
    expect(asksFullState(server.send(again, sender.next()))).toBe(true);
    expect(asksFullState(server.send(again, sender.next()))).toBe(false);
    server.now += 61_000;
    expect(asksFullState(server.send(again, sender.next()))).toBe(true);
    expect(asksFullState(server.send(again, sender.full()))).toBe(false);
    server.now += 61_000;
    expect(asksFullState(server.send(again, sender.next()))).toBe(false);
  });

  it("opamp row 24: after a server restart the sequence continues, or one round trip repairs it", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    server.send(ws, sender.full());
    server.restart();
    expect(asksFullState(server.send(server.open(), sender.next()))).toBe(false);
    server.restart();
    sender.next(); // sent while the server was down
    const socket = server.open();
    expect(asksFullState(server.send(socket, sender.next()))).toBe(true);
    expect(asksFullState(server.send(socket, sender.full({ agentDescription: describedAs("new") })))).toBe(
      false,
    );
    expect(server.view(UID).description?.identifying).toEqual({ "service.name": "new" });
  });

  it("opamp row 25: a compressed first message on another node finds the shared state", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    server.send(ws, sender.full({ health: { healthy: true } }));
    server.restart(); // the other node shares the stored state and nothing else
    const reply = server.send(server.open(), sender.next());
    expect(asksFullState(reply)).toBe(false);
    expect(server.view(UID)).toMatchObject({
      description: { identifying: { "service.name": "shop-collector" } },
      health: { healthy: true },
    });
  });

  it("an agent that lost its socket while it applied a configuration is asked what came of it", () => {
    const { server, ws, sender } = setup();
    const says = (status: RemoteConfigStatuses) => ({
      remoteConfigStatus: { lastRemoteConfigHash: Uint8Array.of(1), status, errorMessage: "" },
    });
    server.send(ws, sender.full());
    server.send(ws, sender.full(says(RemoteConfigStatuses.RemoteConfigStatuses_APPLYING)));
    server.close(ws);
    // It was done while nobody could be told, and comes back as if nothing had changed.
    const again = server.open();
    expect(asksFullState(server.send(again, sender.next()))).toBe(true);
    expect(asksFullState(server.send(again, sender.next()))).toBe(false);
    const applied = says(RemoteConfigStatuses.RemoteConfigStatuses_APPLIED);
    expect(asksFullState(server.send(again, sender.full(applied)))).toBe(false);
    server.close(again);
    expect(asksFullState(server.send(server.open(), sender.next()))).toBe(false);
  });

  it("an agent that says what came of it with its first message is not asked", () => {
    const { server, ws, sender } = setup();
    const said = { lastRemoteConfigHash: Uint8Array.of(1), errorMessage: "" };
    const applying = { ...said, status: RemoteConfigStatuses.RemoteConfigStatuses_APPLYING };
    const applied = { ...said, status: RemoteConfigStatuses.RemoteConfigStatuses_APPLIED };
    server.send(ws, sender.full());
    server.send(ws, sender.full({ remoteConfigStatus: applying }));
    server.close(ws);
    expect(asksFullState(server.send(server.open(), sender.next({ remoteConfigStatus: applied })))).toBe(
      false,
    );
  });

  it("opamp row 26: an absent sub-message keeps its value, a present one replaces it whole", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full({ health: { healthy: false, lastError: "disk", status: "bad" } }));
    server.send(ws, sender.next());
    expect(server.view(UID).health).toMatchObject({ healthy: false, last_error: "disk", status: "bad" });
    server.send(ws, sender.next({ health: { healthy: true } }));
    expect(server.view(UID).health).toMatchObject({ healthy: true, last_error: "", status: "" });
    expect(server.view(UID).description?.identifying).toEqual({ "service.name": "shop-collector" });
  });

  it("opamp row 27: changed capabilities count from that message on", () => {
    const server = new TestServer();
    const ws = server.open();
    const uid = uidFromString(UID) ?? new Uint8Array();
    const sender = new TestAgent(uid, { capabilities: 0x3n });
    server.desired.set(UID, {
      remoteConfig: create(AgentRemoteConfigSchema, { configHash: Uint8Array.of(9) }),
      restart: { id: "r1" },
    });
    const capabilities = agentCapabilityBits(["ReportsStatus", "AcceptsRestartCommand"]);
    server.send(ws, sender.full({ capabilities }));
    const reply = server.send(ws, sender.full({ capabilities }));
    expect([reply.remoteConfig, reply.command]).toEqual([undefined, expect.anything()]);
    expect(server.send(ws, sender.next()).remoteConfig).toBeDefined();
    expect(server.state(UID)?.capabilities).toBe(3n);
    server.send(ws, sender.next({ capabilities: 0n })); // left out
    expect(server.state(UID)?.capabilities).toBe(3n);
  });
});

describe("identity and liveness", () => {
  it("opamp row 52: a requested uid is a fresh UUIDv7, and the record moves to it", () => {
    const { server, ws, sender } = setup();
    expect(server.send(ws, sender.full()).agentIdentification).toBeUndefined();
    const request = sender.next({ flags: 1n });
    const offered = [server.send(ws, request), server.send(ws, request)].map(
      (reply) => reply.agentIdentification?.newInstanceUid ?? new Uint8Array(),
    );
    const [newUid = new Uint8Array()] = offered;
    expect(offered[1]).toEqual(newUid); // a lost reply does not cost a second uid
    expect(uidToString(newUid)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    const reply = server.send(ws, sender.next({ instanceUid: newUid }));
    expect(uidToString(reply.instanceUid)).toBe(uidToString(newUid));
    expect(asksFullState(reply)).toBe(false);
    expect([...server.stored.keys()]).toEqual([uidToString(newUid)]);
    expect(server.view(uidToString(newUid)).description).toBeDefined();
    expect(server.effectsOf("agent_rekeyed")).toEqual([
      { kind: "agent_rekeyed", from: UID, to: uidToString(newUid) },
    ]);
  });

  it("opamp row 53: a reconnect beside a half-open socket keeps its uid", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    server.send(ws, sender.full());
    const again = server.open();
    for (let count = 0; count < 5; count += 1) {
      expect(server.send(again, sender.next()).agentIdentification).toBeUndefined();
      server.now += 30_000;
    }
    expect(server.effectsOf("duplicate_uid")).toEqual([]);
  });

  it("opamp row 53: what was still on the way on the old socket is answered and not processed", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    const late = sender.next({ health: { healthy: false } });
    const again = server.open();
    server.send(again, sender.full({ health: { healthy: true } }));
    server.now += 2_000;
    const reply = server.send(ws, late);
    expect(uidToString(reply.instanceUid)).toBe(UID);
    expect(server.view(UID).health?.healthy).toBe(true);
    expect(server.effectsOf("duplicate_uid")).toEqual([]);
  });

  it("opamp row 53: a clone is told apart by the old socket speaking on, and becomes another agent", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    server.send(ws, sender.full());
    const clone = agent();
    const cloneSocket = server.open();
    server.send(cloneSocket, clone.full({ agentDescription: describedAs("clone") }));
    server.now += 30_000;
    const kept = server.send(ws, sender.next());
    expect(kept.agentIdentification).toBeUndefined();
    expect(asksFullState(kept)).toBe(true); // the clone's reports are to be replaced
    const [push] = server.pushed;
    expect(push?.connectionId).toBe(cloneSocket);
    const newUid = push?.message.agentIdentification?.newInstanceUid ?? new Uint8Array();
    expect(newUid).toHaveLength(16);
    // Until the clone obeys it is told again, and changes nothing.
    const told = server.send(cloneSocket, clone.next({ health: { healthy: false } }));
    expect(told.agentIdentification?.newInstanceUid).toEqual(newUid);
    server.send(ws, sender.full());
    server.send(cloneSocket, clone.full({ instanceUid: newUid, agentDescription: describedAs("clone") }));
    expect(server.view(UID).description?.identifying).toEqual({ "service.name": "shop-collector" });
    expect(server.view(UID).health).toBeUndefined();
    expect(server.view(uidToString(newUid)).description?.identifying).toEqual({ "service.name": "clone" });
    expect([server.shown(UID), server.shown(uidToString(newUid))]).toEqual(["connected", "connected"]);
  });

  it("opamp row 53: another credential never takes over a live agent", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    const intruder = server.open("ws", "agent-b");
    const reply = server.send(intruder, agent().full({ agentDescription: describedAs("intruder") }));
    expect(reply.agentIdentification?.newInstanceUid).toHaveLength(16);
    expect(server.view(UID).description?.identifying).toEqual({ "service.name": "shop-collector" });
    expect(server.effectsOf("duplicate_uid")).toMatchObject([{ uid: UID, connectionId: intruder }]);
  });

  it("opamp row 54: the old socket of a reconnected agent closing late changes nothing", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    const again = server.open();
    server.send(again, sender.next());
    server.close(ws);
    expect(server.shown(UID)).toBe("connected");
    server.close(again);
    expect(server.shown(UID)).toBe("offline");
  });

  it("opamp row 55: agent_disconnect is offline at once, on both transports", () => {
    const { server, ws, sender } = setup();
    server.send(ws, sender.full());
    expect(server.shown(UID)).toBe("connected");
    server.send(ws, sender.next({ agentDisconnect: {} }));
    expect(server.shown(UID)).toBe("offline");
    expect(server.effectsOf("agent_disconnected")).toHaveLength(1);
    server.post(sender.next());
    expect([server.shown(UID), server.view(UID).present]).toEqual(["connected", true]);
    server.post(sender.next({ agentDisconnect: {} }));
    expect([server.shown(UID), server.view(UID).present]).toEqual(["offline", false]);
  });

  it("opamp row 56: silence makes who promised to speak stale, then offline", () => {
    const base = { lastSeenAt: 0, heartbeatIntervalMs: 10_000, isOpen: true, present: true };
    const silent = { ...base, transport: "ws", reportsHeartbeat: false } as const;
    const beating = { ...base, transport: "ws", reportsHeartbeat: true } as const;
    const polling = { ...base, transport: "http", reportsHeartbeat: false, isOpen: false } as const;
    const at = [0, 29_999, 30_000, 99_999, 100_000];
    const expected = ["connected", "connected", "stale", "stale", "offline"];
    expect(at.map((now) => connectionState(silent, now))).toEqual(at.map(() => "connected"));
    expect(at.map((now) => connectionState(beating, now))).toEqual(expected);
    expect(at.map((now) => connectionState(polling, now))).toEqual(expected);
    expect(connectionState({ ...beating, isOpen: false }, 0)).toBe("offline");
    expect(connectionState({ ...polling, heartbeatIntervalMs: 0 }, 89_999)).toBe("connected"); // default 30 s
  });

  it("opamp row 57: two agents on one socket are independent, and its loss marks both", () => {
    const { server, ws, sender } = setup();
    const other = new TestAgent(uidFromString(OTHER_UID) ?? new Uint8Array(), { first: 40n });
    const replies = [
      server.send(ws, sender.full()),
      server.send(ws, other.full({ agentDescription: describedAs("other") })),
      server.send(ws, sender.full()),
      server.send(ws, other.full({ agentDescription: describedAs("other") })),
    ];
    expect(replies.map((reply) => uidToString(reply.instanceUid))).toEqual([UID, OTHER_UID, UID, OTHER_UID]);
    expect(replies.map(asksFullState)).toEqual([true, true, false, false]);
    expect(replies.map((reply) => reply.capabilities !== 0n)).toEqual([true, true, false, false]);
    expect(server.view(UID).description).not.toEqual(server.view(OTHER_UID).description);
    expect([server.shown(UID), server.shown(OTHER_UID)]).toEqual(["connected", "connected"]);
    server.close(ws);
    expect([server.shown(UID), server.shown(OTHER_UID)]).toEqual(["offline", "offline"]);
  });
});

describe("components and custom messages", () => {
  it("opamp row 59: an unknown components hash is asked about once, a known one never", () => {
    const { server, ws, sender } = setup();
    const hash = Uint8Array.of(0xab, 0xcd);
    const replies = [server.send(ws, sender.full({ availableComponents: { hash } }))];
    replies.push(
      server.send(ws, sender.full({ availableComponents: { hash } })),
      server.send(ws, sender.next()),
    );
    const components = { otlp: { metadata: [] } };
    replies.push(server.send(ws, sender.next({ availableComponents: { hash, components } })));
    replies.push(server.send(ws, sender.full({ availableComponents: { hash } })));
    expect(replies.map(asksComponents)).toEqual([true, false, false, false, false]);
    expect(server.view(UID).availableComponents?.hash).toBe("abcd");
    const other = new TestAgent(uidFromString(OTHER_UID) ?? new Uint8Array());
    expect(asksComponents(server.send(ws, other.full({ availableComponents: { hash } })))).toBe(false);
    expect(
      asksComponents(server.send(ws, other.full({ availableComponents: { hash: Uint8Array.of(1) } }))),
    ).toBe(true);
  });

  it("opamp row 60: custom messages go only to agents that list the capability", () => {
    const { server, ws, sender } = setup();
    server.desired.set(UID, {
      customMessages: [
        message("1", "com.example.other"),
        message("2", OUR_CAPABILITY),
        message("3", OUR_CAPABILITY),
      ],
    });
    const customCapabilities = { capabilities: [OUR_CAPABILITY] };
    const first = server.send(ws, sender.full({ customCapabilities }));
    expect(first.customMessage?.capability).toBe(OUR_CAPABILITY);
    server.send(ws, sender.full({ customCapabilities }));
    expect(server.effectsOf("custom_message_sent").map(({ id }) => id)).toEqual(["2", "3"]);
    expect(server.effectsOf("custom_message_refused").map(({ id }) => id)).toEqual(["1"]);
    server.send(ws, sender.next({ customCapabilities: { capabilities: [] } }));
    server.desired.set(UID, { customMessages: [message("4", OUR_CAPABILITY)] });
    expect(server.send(ws, sender.next()).customMessage).toBeUndefined();
  });

  it("opamp row 60: messages of unknown capabilities are ignored", () => {
    const { server, ws, sender } = setup();
    const reply = server.send(
      ws,
      sender.full({ customMessage: { capability: "com.example.what", type: "t" } }),
    );
    expect(reply.errorResponse).toBeUndefined();
    expect(server.effectsOf("custom_message")).toEqual([]);
  });

  it("opamp row 60: our own list is announced when it is news", () => {
    const { server, ws, sender } = setup();
    const announced = () => server.send(ws, sender.full()).customCapabilities?.capabilities;
    expect([announced(), announced(), announced()]).toEqual([[OUR_CAPABILITY], undefined, undefined]);
    server.profile = { ...server.profile, customCapabilities: ["com.example.new"] };
    expect([announced(), announced()]).toEqual([["com.example.new"], undefined]);
    const polled = () => server.post(sender.next()).customCapabilities;
    expect([polled(), polled()]).toEqual([undefined, undefined]);
  });
});

function agent(capabilities = 0x1n): TestAgent {
  return new TestAgent(uidFromString(UID) ?? new Uint8Array(), { capabilities });
}

function message(id: string, capability: string) {
  return { id, capability, type: "t", data: Uint8Array.of(1) };
}

function setup(): { server: TestServer; ws: string; sender: TestAgent } {
  const server = new TestServer();
  return { server, ws: server.open(), sender: agent() };
}

function asksFullState(reply: ServerToAgent): boolean {
  return (reply.flags & 1n) !== 0n;
}

function asksComponents(reply: ServerToAgent): boolean {
  return (reply.flags & 2n) !== 0n;
}

// Protobuf written by hand, because no encoder would produce these messages.

function field(number: number, body: ArrayLike<number>): Uint8Array {
  return concat([(number << 3) | 2, ...varint(body.length)], body);
}

function repeat(part: Uint8Array, count: number): Uint8Array {
  const whole = new Uint8Array(part.length * count);
  for (let index = 0; index < count; index += 1) whole.set(part, index * part.length);
  return whole;
}

/** `levels` messages inside each other, the outermost in field `top`, then the fields of `path` in turn. */
function nested(top: number, path: readonly number[], levels: number): Uint8Array {
  const heads: number[][] = [];
  let size = 0;
  for (let level = levels; level >= 0; level -= 1) {
    const number = level === 0 ? top : (path[(level - 1) % path.length] ?? top);
    const head = [(number << 3) | 2, ...varint(size)];
    heads.push(head);
    size += head.length;
  }
  return Uint8Array.from(heads.toReversed().flat());
}

function groups(count: number): Uint8Array {
  return concat(repeat(Uint8Array.of(0xb3, 0x06, 0xb4, 0x06), count), []);
}

function concat(left: ArrayLike<number>, right: ArrayLike<number>): Uint8Array {
  const whole = new Uint8Array(left.length + right.length);
  whole.set(left);
  whole.set(right, left.length);
  return whole;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}
