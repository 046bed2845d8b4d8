// What the server offers, and to whom: the rows of the checklist about desired state.

import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { AGENT_CAPABILITY, agentCapabilityBits, type AgentCapabilityName } from "../capabilities.ts";
import {
  AgentRemoteConfigSchema,
  ConnectionSettingsOffersSchema,
  OpAMPConnectionSettingsSchema,
  PackagesAvailableSchema,
  RemoteConfigStatuses,
  ServerErrorResponseType,
  ServerToAgentSchema,
  type AgentRemoteConfig,
} from "../gen/opamp_pb.ts";
import { OUR_CAPABILITY, TestAgent, TestServer, type AgentInit } from "../testing/test-server.ts";
import { uidFromString } from "../uid.ts";
import { opampOfferProblems } from "./offers.ts";
import { answerCertificateRequest } from "./replies.ts";
import type { Desired } from "./types.ts";

const UID = "01234567-89ab-7cde-8f01-23456789abcd";
const HASH = Uint8Array.of(0xb0);
const {
  RemoteConfigStatuses_APPLIED: APPLIED,
  RemoteConfigStatuses_APPLYING: APPLYING,
  RemoteConfigStatuses_FAILED: FAILED,
} = RemoteConfigStatuses;

describe("remote configuration", () => {
  it("opamp row 28: is not offered to an agent that does not accept it", () => {
    const { server, ws, sender } = setup(["ReportsRemoteConfig"], { remoteConfig: configuration(HASH) });
    expect(server.send(ws, sender.full()).remoteConfig).toBeUndefined();
    expect(server.push(UID)).toEqual([]);
  });

  it("opamp row 29: is offered until the agent reports its hash", () => {
    const { server, ws, sender } = reporting({ remoteConfig: configuration(HASH) });
    const offered = (init?: AgentInit) => server.send(ws, sender.next(init)).remoteConfig !== undefined;
    const other = (hash: number) => status(Uint8Array.of(hash), APPLIED);
    expect([offered(), offered(other(1)), offered(other(2))]).toEqual([true, true, true]);
    expect([offered(status(HASH, APPLIED)), offered()]).toEqual([false, false]);
    server.desired.set(UID, { remoteConfig: configuration(Uint8Array.of(0xc0)) });
    expect(offered()).toBe(true);
  });

  it("opamp row 29: is not repeated to messages that cross it on its socket, but on the next one, and to each poll", () => {
    const { server, ws, sender } = reporting({});
    const before = status(Uint8Array.of(1), APPLIED);
    server.send(ws, sender.full(before));
    server.desired.set(UID, { remoteConfig: configuration(HASH) });
    expect(server.push(UID)).toHaveLength(1);
    const offered = (on: string, init?: AgentInit) =>
      server.send(on, sender.next(init)).remoteConfig !== undefined;
    expect([offered(ws), offered(ws, before)]).toEqual([false, false]);
    expect(server.push(UID)).toEqual([]);
    server.close(ws);
    const again = server.open();
    expect([offered(again), offered(again)]).toEqual([true, false]);
    server.close(again);
    const polled = () => server.post(sender.next()).remoteConfig !== undefined;
    expect([polled(), polled()]).toEqual([true, true]);
  });

  it("opamp row 29: is offered once to an agent that does not report it, again after its restart", () => {
    const { server, ws, sender } = setup(["AcceptsRemoteConfig"], { remoteConfig: configuration(HASH) });
    const offered = () => server.send(ws, sender.next()).remoteConfig !== undefined;
    expect([offered(), offered()]).toEqual([true, false]);
    sender.sequenceNum = 70n;
    expect([offered(), offered()]).toEqual([true, false]);
  });

  it("opamp row 30: is never sent without a hash", () => {
    const { server, ws, sender } = reporting({ remoteConfig: configuration(new Uint8Array()) });
    expect(server.send(ws, sender.full()).remoteConfig).toBeUndefined();
    expect(server.effectsOf("offer_refused")[0]?.reason).toBe("config_hash is empty");
  });

  it("opamp row 31: is not offered again after it failed, except on request, once", () => {
    const { server, ws, sender } = reporting({ remoteConfig: configuration(HASH) });
    const offered = (init?: AgentInit) => server.send(ws, sender.next(init)).remoteConfig !== undefined;
    expect([offered(), offered(status(HASH, FAILED)), offered()]).toEqual([true, false, false]);
    server.desired.set(UID, { remoteConfig: configuration(HASH), retryRemoteConfig: "again-1" });
    expect([offered(), offered(), offered(status(HASH, FAILED)), offered()]).toEqual([
      true,
      false,
      false,
      false,
    ]);
  });

  it("opamp row 32: is held after the agent rolled back by itself, and freed when it works after all", () => {
    const { server, ws, sender } = reporting({ remoteConfig: configuration(HASH) });
    const offered = (init?: AgentInit) => server.send(ws, sender.next(init)).remoteConfig !== undefined;
    const before = Uint8Array.of(0xa0);
    expect([offered(), offered(status(HASH, FAILED)), offered(status(before, APPLIED))]).toEqual([
      true,
      false,
      false,
    ]);
    expect(server.state(UID)?.failedConfigHashes).toEqual(["b0"]);
    offered(status(HASH, APPLIED));
    expect(server.state(UID)?.failedConfigHashes).toEqual([]);
  });

  it("is offered once more to a new process that still says it is applying it", () => {
    const { server, ws, sender } = reporting({ remoteConfig: configuration(HASH) });
    const offered = (on: typeof ws, init?: AgentInit) =>
      server.send(on, sender.next(init)).remoteConfig !== undefined;
    expect([offered(ws), offered(ws, status(HASH, APPLYING))]).toEqual([true, false]);
    // A socket alone that is lost ends nothing.
    server.close(ws);
    const same = server.open();
    expect([offered(same), offered(same, status(HASH, APPLYING))]).toEqual([false, false]);
    server.close(same);
    sender.sequenceNum = 0n;
    const other = server.open();
    expect([
      offered(other, status(HASH, APPLYING)),
      offered(other),
      offered(other, status(HASH, APPLYING)),
    ]).toEqual([true, false, false]);
    expect([offered(other, status(HASH, APPLIED)), offered(other)]).toEqual([false, false]);
  });

  it("opamp row 33: is pushed to a WebSocket agent without waiting for a report", () => {
    const { server, ws, sender } = reporting({});
    server.send(ws, sender.full());
    expect(server.push(UID)).toEqual([]);
    server.desired.set(UID, { remoteConfig: configuration(HASH) });
    const [message, ...others] = server.push(UID);
    expect(message?.remoteConfig?.configHash).toEqual(HASH);
    expect(others).toEqual([]);
    server.close(ws);
    expect(server.push(UID)).toEqual([]);
  });

  it("opamp row 34: is refused when an entry is empty", () => {
    const { server, ws, sender } = reporting({ remoteConfig: configuration(HASH, "") });
    expect(server.send(ws, sender.full()).remoteConfig).toBeUndefined();
    expect(server.effectsOf("offer_refused")[0]?.reason).toBe('the body of "main.yaml" is empty');
  });
});

describe("packages", () => {
  const packages = create(PackagesAvailableSchema, { allPackagesHash: HASH });

  it("opamp row 35, opamp row 37: go to agents that accept them until they report the hash", () => {
    const refusing = setup([], { packages });
    expect(refusing.server.send(refusing.ws, refusing.sender.full()).packagesAvailable).toBeUndefined();
    const { server, ws, sender } = setup(["AcceptsPackages", "ReportsPackageStatuses"], { packages });
    const offered = (init?: AgentInit) => server.send(ws, sender.next(init)).packagesAvailable !== undefined;
    const reported = { packageStatuses: { serverProvidedAllPackagesHash: HASH } };
    const other = { packageStatuses: { serverProvidedAllPackagesHash: Uint8Array.of(1) } };
    // What is under way on this very socket is not repeated, until the agent says that it has something else.
    expect([offered(), offered(), offered(other), offered()]).toEqual([true, false, true, false]);
    expect([offered(reported), offered()]).toEqual([false, false]);
  });

  it.each([
    ["one that reports", ["AcceptsPackages", "ReportsPackageStatuses"] as const],
    ["one that does not", ["AcceptsPackages"] as const],
  ])("are tried once more for each time somebody asks: %s", (_name, capabilities) => {
    const { server, ws, sender } = setup([...capabilities], { packages });
    const reported = { packageStatuses: { serverProvidedAllPackagesHash: HASH } };
    const offered = (init?: AgentInit) => server.send(ws, sender.next(init)).packagesAvailable !== undefined;
    expect([offered(), offered(reported)]).toEqual([true, false]);
    for (const retryPackages of ["r1", "r2"]) {
      server.desired.set(UID, { packages, retryPackages });
      expect([offered(), offered(), offered()]).toEqual([true, false, false]);
    }
  });

  it("opamp row 36: are never sent without all_packages_hash", () => {
    const { server, ws, sender } = setup(["AcceptsPackages"], { packages: create(PackagesAvailableSchema) });
    expect(server.send(ws, sender.full()).packagesAvailable).toBeUndefined();
    expect(server.effectsOf("offer_refused")).toMatchObject([{ offer: "packages" }]);
  });
});

describe("connection settings", () => {
  const telemetry = { destinationEndpoint: "https://telemetry.example" };
  const connectionSettings = create(ConnectionSettingsOffersSchema, {
    hash: HASH,
    opamp: complete(),
    ownMetrics: telemetry,
    ownTraces: telemetry,
    ownLogs: telemetry,
    otherConnections: { kafka: {} },
  });

  it.each([
    ["AcceptsOpAMPConnectionSettings", "opamp"],
    ["ReportsOwnMetrics", "ownMetrics"],
    ["ReportsOwnTraces", "ownTraces"],
    ["ReportsOwnLogs", "ownLogs"],
  ] as const)("opamp row 39: with only %s, only %s is offered", (capability, part) => {
    const { server, ws, sender } = setup([capability], { connectionSettings });
    const offers = server.send(ws, sender.full()).connectionSettings;
    const parts = ["opamp", "ownMetrics", "ownTraces", "ownLogs"] as const;
    expect(parts.filter((name) => offers?.[name] !== undefined)).toEqual([part]);
    expect(offers?.otherConnections).toEqual({});
  });

  it("opamp row 39: an agent with none of the bits is offered nothing", () => {
    const { server, ws, sender } = setup([], { connectionSettings });
    expect(server.send(ws, sender.full()).connectionSettings).toBeUndefined();
  });

  it("opamp row 40: settings an agent does not report on are offered in the first reply and not repeated", () => {
    const { server, ws, sender } = setup(["ReportsOwnMetrics"], { connectionSettings });
    const offered = () => server.send(ws, sender.next()).connectionSettings !== undefined;
    expect([offered(), offered()]).toEqual([true, false]);
    server.restart();
    expect(server.send(server.open(), sender.next()).connectionSettings).toBeUndefined();
  });

  it("opamp row 41: settings are offered until the agent reports their hash, failed ones too", () => {
    const names = ["ReportsOwnMetrics", "ReportsConnectionSettingsStatus"] as const;
    for (const outcome of [1, 3] as const) {
      const { server, ws, sender } = setup(names, { connectionSettings });
      const offered = (init?: AgentInit) =>
        server.send(ws, sender.next(init)).connectionSettings !== undefined;
      const reported = { connectionSettingsStatus: { lastConnectionSettingsHash: HASH, status: outcome } };
      expect([offered(), offered(), offered(reported), offered()]).toEqual([true, true, false, false]);
    }
  });

  it("opamp row 42: incomplete opamp settings are refused", () => {
    expect(problems({})).toEqual([]);
    expect(problems({ destinationEndpoint: "" })).toHaveLength(1);
    expect(problems({ destinationEndpoint: "ftp://host" })).toHaveLength(1);
    expect(problems({ headers: undefined })).toHaveLength(1);
    expect(problems({ certificate: undefined })).toHaveLength(1);
    expect(problems({ certificate: undefined, destinationEndpoint: "ws://127.0.0.1:4320" })).toEqual([]);
    expect(problems({ heartbeatIntervalSeconds: 0n })).toHaveLength(1);
    const partial = create(ConnectionSettingsOffersSchema, {
      hash: HASH,
      opamp: { destinationEndpoint: "ws://h" },
    });
    const { server, ws, sender } = setup(["AcceptsOpAMPConnectionSettings"], { connectionSettings: partial });
    expect(server.send(ws, sender.full()).connectionSettings).toBeUndefined();
    expect(server.effectsOf("offer_refused")).toMatchObject([{ offer: "connection_settings" }]);
  });

  it("opamp row 43: settings without a hash are refused", () => {
    const hashless = create(ConnectionSettingsOffersSchema, { ownMetrics: telemetry });
    const { server, ws, sender } = setup(["ReportsOwnMetrics"], { connectionSettings: hashless });
    expect(server.send(ws, sender.full()).connectionSettings).toBeUndefined();
    expect(server.effectsOf("offer_refused")[0]?.reason).toBe("hash is empty");
  });
});

describe("certificates", () => {
  const csr = new TextEncoder().encode("-----BEGIN CERTIFICATE REQUEST-----");
  const request = { connectionSettingsRequest: { opamp: { certificateRequest: { csr } } } };
  const reply = create(ServerToAgentSchema, {
    instanceUid: uidFromString(UID) ?? new Uint8Array(),
    connectionSettings: { ownMetrics: { destinationEndpoint: "https://telemetry.example" } },
    flags: 1n,
  });
  const issued = {
    kind: "issued",
    certificate: Uint8Array.of(1),
    caCertificates: Uint8Array.of(2),
    settings: { ...complete(), certificate: undefined },
    hash: HASH,
  } as const;

  it("a request is handed out as an effect, and a retry is marked", () => {
    const { server, ws, sender } = setup([], {});
    const message = sender.full(request);
    server.send(ws, message);
    server.send(ws, message);
    expect(server.effectsOf("sign_certificate")).toEqual([
      { kind: "sign_certificate", csr, repeated: false },
      { kind: "sign_certificate", csr, repeated: true },
    ]);
  });

  it("opamp row 47: a refused one is a bad request and nothing else", () => {
    const refused = answerCertificateRequest(reply, { kind: "refused", reason: "not a PEM block" });
    expect(refused).toEqual(
      create(ServerToAgentSchema, {
        instanceUid: reply.instanceUid,
        errorResponse: {
          type: ServerErrorResponseType.ServerErrorResponseType_BadRequest,
          errorMessage: "not a PEM block",
        },
      }),
    );
  });

  it("opamp row 49: an issued one comes in complete settings, without a private key", () => {
    const { connectionSettings, flags } = answerCertificateRequest(reply, issued);
    expect(connectionSettings?.opamp?.certificate).toMatchObject({
      cert: issued.certificate,
      caCert: issued.caCertificates,
      privateKey: new Uint8Array(),
    });
    expect(connectionSettings?.opamp && opampOfferProblems(connectionSettings.opamp)).toEqual([]);
    expect([connectionSettings?.hash, flags]).toEqual([HASH, 1n]);
    expect(connectionSettings?.ownMetrics).toEqual(reply.connectionSettings?.ownMetrics);
    expect(reply.connectionSettings?.opamp).toBeUndefined(); // the given reply is left alone
    const settings = create(OpAMPConnectionSettingsSchema, { destinationEndpoint: "wss://h" });
    expect(() => answerCertificateRequest(reply, { ...issued, settings })).toThrow("incomplete");
  });

  it("opamp row 51: a pending one gets the ordinary reply", () => {
    expect(answerCertificateRequest(reply, { kind: "pending" })).toBe(reply);
  });
});

describe("restart command", () => {
  it("opamp row 58: stands alone, after what must be said first, and is sent once", () => {
    const { server, ws, sender } = setup(["AcceptsRestartCommand", "AcceptsRemoteConfig"], {
      restart: { id: "r1" },
      remoteConfig: configuration(HASH),
    });
    const first = server.send(ws, sender.full());
    expect([first.command, first.flags]).toEqual([undefined, 1n]);
    server.desired.set(UID, { restart: { id: "r1" }, remoteConfig: configuration(Uint8Array.of(1)) });
    const [command] = server.push(UID);
    expect(command).toEqual(
      create(ServerToAgentSchema, { instanceUid: command?.instanceUid ?? HASH, command: {} }),
    );
    expect(server.effectsOf("restart_sent")).toEqual([{ kind: "restart_sent", id: "r1" }]);
    expect(server.send(ws, sender.full()).command).toBeUndefined();
    server.close(ws);
    expect(server.send(server.open(), sender.next()).command).toBeUndefined();
  });

  it("opamp row 58: is refused with a reason when the agent does not accept it", () => {
    const { server, ws, sender } = setup([], { restart: { id: "r1" } });
    expect(server.send(ws, sender.full()).command).toBeUndefined();
    expect(server.effectsOf("restart_refused")[0]?.reason).toContain("accepts_restart_command");
  });
});

describe("push", () => {
  it("sends every waiting custom message once, in order, one to a message", () => {
    const { server, ws, sender } = setup([], {});
    server.send(ws, sender.full({ customCapabilities: { capabilities: [OUR_CAPABILITY] } }));
    const customMessages = ["a", "b", "c"].map((id) => ({
      id,
      capability: id === "b" ? "com.example.unknown" : OUR_CAPABILITY,
      type: id,
      data: HASH,
    }));
    server.send(ws, sender.full());
    server.desired.set(UID, { customMessages });
    expect(server.push(UID).map(({ customMessage }) => customMessage?.type)).toEqual(["a", "c"]);
    expect(server.effectsOf("custom_message_refused").map(({ id }) => id)).toEqual(["b"]);
    expect(server.push(UID)).toEqual([]);
  });

  it("keeps custom messages while the agent's own list is still to come", () => {
    const { server, ws, sender } = setup([], {
      customMessages: [{ id: "a", capability: OUR_CAPABILITY, type: "a", data: HASH }],
    });
    expect(server.send(ws, sender.next()).customMessage).toBeUndefined();
    const full = sender.full({ customCapabilities: { capabilities: [OUR_CAPABILITY] } });
    expect(server.send(ws, full).customMessage?.type).toBe("a");
  });
});

function setup(names: readonly AgentCapabilityName[], desired: Desired) {
  const server = new TestServer();
  const capabilities = AGENT_CAPABILITY.ReportsStatus | agentCapabilityBits(names);
  const sender = new TestAgent(uidFromString(UID) ?? new Uint8Array(), { capabilities });
  server.desired.set(UID, desired);
  return { server, ws: server.open(), sender };
}

function reporting(desired: Desired) {
  return setup(["AcceptsRemoteConfig", "ReportsRemoteConfig"], desired);
}

function configuration(configHash: Uint8Array, text = "receivers: {}"): AgentRemoteConfig {
  const body = new TextEncoder().encode(text);
  return create(AgentRemoteConfigSchema, { configHash, config: { configMap: { "main.yaml": { body } } } });
}

function status(lastRemoteConfigHash: Uint8Array, value: RemoteConfigStatuses): AgentInit {
  return { remoteConfigStatus: { lastRemoteConfigHash, status: value } };
}

function problems(change: object): string[] {
  return opampOfferProblems({ ...complete(), ...change });
}

function complete() {
  return create(OpAMPConnectionSettingsSchema, {
    destinationEndpoint: "wss://fleet.example:4320/v1/opamp",
    headers: {},
    certificate: { cert: Uint8Array.of(9), caCert: Uint8Array.of(9) },
    heartbeatIntervalSeconds: 30n,
  });
}
