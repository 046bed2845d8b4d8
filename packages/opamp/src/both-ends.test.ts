// Both machines wired together without a network between them: whole stories rather than single rules.

import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { newAgentSession, nextWakeAt, stepAgent } from "./agent/session.ts";
import type { AgentEffect, AgentEvent, AgentSession } from "./agent/types.ts";
import { agentCapabilityBits } from "./capabilities.ts";
import { decodeServerToAgent, encodeAgentToServer, encodeServerToAgent } from "./codec.ts";
import {
  AgentDescriptionSchema,
  AvailableComponentsSchema,
  OpAMPConnectionSettingsSchema,
  ServerToAgentSchema,
  type ServerToAgent,
} from "./gen/opamp_pb.ts";
import { answerCertificateRequest, uidBytes } from "./server/replies.ts";
import { describedAs, OUR_CAPABILITY, TestServer } from "./testing/test-server.ts";
import { seededRandom } from "./testing/random.ts";

const UID = "01234567-89ab-7cde-8f01-23456789abcd";

describe("both ends", () => {
  it("settle within one exchange, and then only heartbeats pass", () => {
    const server = new TestServer();
    const agent = new WiredAgent(server, 1);
    agent.wake();
    expect(agent.sent).toBe(2); // everything, and again because it was asked for, now with the components
    expect(server.view(UID)).toMatchObject({
      description: { identifying: { "service.name": "site 1" } },
      customCapabilities: [OUR_CAPABILITY],
      availableComponents: { hash: "01", components: { otlp: {} } },
    });
    for (let count = 0; count < 10; count += 1) agent.wake();
    expect(agent.sent).toBe(12);
    expect(server.effectsOf("full_state_asked")).toHaveLength(1);
    agent.event({ kind: "stop" });
    expect([server.shown(UID), server.view(UID).present]).toEqual(["offline", false]);
  });

  it("renew a certificate, and take up the heartbeat interval that comes with it", () => {
    const server = new TestServer();
    const agent = new WiredAgent(server, 1);
    agent.wake();
    agent.event({ kind: "request_certificate", csr: new TextEncoder().encode("CSR") });
    const [request] = server.effectsOf("sign_certificate");
    expect(new TextDecoder().decode(request?.csr)).toBe("CSR");
    const settings = create(OpAMPConnectionSettingsSchema, {
      destinationEndpoint: "wss://fleet.example:4320/v1/opamp",
      headers: {},
      heartbeatIntervalSeconds: 7n,
    });
    const empty = create(ServerToAgentSchema, { instanceUid: uidBytes(UID) });
    const certificate = new TextEncoder().encode("CERT");
    const caCertificates = new TextEncoder().encode("CA");
    const answer = { kind: "issued", certificate, caCertificates, settings, hash: Uint8Array.of(1) } as const;
    agent.receive(answerCertificateRequest(empty, answer));
    const offer = agent.effects.find((effect) => effect.kind === "connection_settings");
    expect(offer?.kind === "connection_settings" && offer.offers.opamp?.certificate?.cert).toEqual(
      certificate,
    );
    const before = server.now;
    agent.wake();
    expect(server.now - before).toBe(7_000);
  });

  it("pass custom messages both ways", () => {
    const server = new TestServer();
    const agent = new WiredAgent(server, 1);
    agent.wake();
    const message = { capability: OUR_CAPABILITY, type: "up", data: Uint8Array.of(1) };
    agent.event({ kind: "send_custom", message: { id: "1", ...message } });
    expect(server.effectsOf("custom_message")).toMatchObject([message]);
    server.desired.set(UID, { customMessages: [{ id: "2", ...message, type: "down" }] });
    for (const pushed of server.push(UID)) agent.receive(pushed);
    expect(agent.effects).toContainEqual({ kind: "custom_message", ...message, type: "down" });
  });

  it("make two agents of two clones, and give the original its state back", () => {
    const server = new TestServer();
    const original = new WiredAgent(server, 1);
    original.wake();
    const clone = new WiredAgent(server, 2);
    clone.wake();
    expect(server.view(UID).description?.identifying).toEqual({ "service.name": "site 2" });
    original.wake(); // its heartbeat, 30 s later
    for (const { connectionId, message } of server.pushed) {
      expect(connectionId).toBe(clone.connectionId);
      clone.receive(message);
    }
    expect(original.session.instanceUid).toBe(UID);
    const cloneUid = clone.session.instanceUid;
    expect(cloneUid).not.toBe(UID);
    for (let count = 0; count < 3; count += 1) {
      clone.wake();
      original.wake();
    }
    const names = [UID, cloneUid].map((uid) => server.view(uid).description?.identifying["service.name"]);
    expect(names).toEqual(["site 1", "site 2"]);
    expect([server.shown(UID), server.shown(cloneUid)]).toEqual(["connected", "connected"]);
    expect(server.effectsOf("duplicate_uid")).toHaveLength(1);
  });
});

/** The agent's machine with its socket plugged straight into the server. */
class WiredAgent {
  session: AgentSession;
  connectionId = "";
  sent = 0;
  readonly effects: AgentEffect[] = [];
  readonly #server: TestServer;
  readonly #random: () => number;

  constructor(server: TestServer, seed: number) {
    this.#server = server;
    this.#random = seededRandom(seed);
    this.session = newAgentSession({
      instanceUid: UID,
      capabilities: agentCapabilityBits([
        "ReportsStatus",
        "ReportsHeartbeat",
        "AcceptsOpAMPConnectionSettings",
      ]),
      customCapabilities: [OUR_CAPABILITY],
      report: {
        description: create(AgentDescriptionSchema, describedAs(`site ${seed}`)),
        availableComponents: create(AvailableComponentsSchema, {
          hash: Uint8Array.of(seed),
          components: { otlp: {} },
        }),
      },
      now: server.now,
      random: this.#random,
    });
  }

  /** Lets time pass until the agent is due. */
  wake(): void {
    this.#server.now = Math.max(this.#server.now, nextWakeAt(this.session));
    this.event({ kind: "tick" });
  }

  event(event: AgentEvent): void {
    const { state, effects } = stepAgent(this.session, event, this.#server.now, this.#random);
    this.session = state;
    this.effects.push(...effects);
    for (const effect of effects) {
      if (effect.kind === "connect") {
        this.connectionId = this.#server.open();
        this.event({ kind: "opened" });
      } else if (effect.kind === "send") {
        this.sent += 1;
        const reply = this.#server.receive(this.connectionId, encodeAgentToServer(effect.message));
        this.event({ kind: "received", message: reply });
      } else if (effect.kind === "close") {
        this.#server.close(this.connectionId);
      }
    }
  }

  receive(message: ServerToAgent): void {
    const decoded = decodeServerToAgent(encodeServerToAgent(message));
    if (!decoded.ok) throw new Error(decoded.issue.message);
    this.event({ kind: "received", message: decoded.message });
  }
}
