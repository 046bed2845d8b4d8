// The agent's machine by script: a line is something that happens, what it answers stands indented below.

import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { AGENT_CAPABILITY, agentCapabilityBits } from "../capabilities.ts";
import {
  AgentDescriptionSchema,
  AvailableComponentsSchema,
  ComponentHealthSchema,
  ServerToAgentSchema,
  type ServerToAgent,
} from "../gen/opamp_pb.ts";
import { describedAs, OUR_CAPABILITY } from "../testing/test-server.ts";
import { seededRandom } from "../testing/random.ts";
import { uidFromString } from "../uid.ts";
import { backoffMs, BACKOFF_MAX_MS, retryDelayMs } from "./backoff.ts";
import { CUSTOM_MESSAGE_BYTES_MAX, OUTBOX_MESSAGES_MAX } from "./outgoing.ts";
import { newAgentSession, nextWakeAt, stepAgent } from "./session.ts";
import type { AgentEffect, AgentEvent, AgentSession } from "./types.ts";

const UID = "01234567-89ab-7cde-8f01-23456789abcd";
const NEW_UID = "0fedcba9-8765-7321-8fed-cba987654321";

describe("the agent's link", () => {
  it("reports everything first, then what changed, then nothing but heartbeats", () => {
    expect(
      play(`
        wake
        opened
        reply capabilities custom
        health down
        health down
        reply
        +30s
        wake
        reply
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s reply capabilities custom
        linked com.example.ours/1
      0.0s health down
        send 1: health
      0.0s health down
      0.0s reply
      30.0s wake
        send 2: nothing
      30.0s reply"
    `);
  });

  it("answers ReportFullState, but not in a loop", () => {
    expect(
      play(`
        wake
        opened
        reply capabilities full-state
        reply full-state
        wake
        reply full-state
        wake
        reply
        health down
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s reply capabilities full-state
        linked
        send 1: agentDescription, health, customCapabilities, components hash
      0.0s reply full-state
      1.0s wake
        send 2: agentDescription, health, customCapabilities, components hash
      1.0s reply full-state
      2.0s wake
        send 3: agentDescription, health, customCapabilities, components hash
      2.0s reply
      2.0s health down
        send 4: health"
    `);
  });

  it("sends only what is news after a reconnect, and the tree of its components when asked", () => {
    expect(
      play(`
        wake
        opened
        reply capabilities
        closed
        health down
        wake
        opened
        reply capabilities components
        closed
        wake
        opened
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s reply capabilities
        linked
      0.0s closed
      0.0s health down
      1.1s wake
        connect
      1.1s opened
        send 1: health
      1.1s reply capabilities components
        linked
        send 2: components tree
      1.1s closed
      2.2s wake
        connect
      2.2s opened
        send 3: nothing"
    `);
  });

  it("reports everything again when nobody answered on the last connection", () => {
    expect(
      play(`
        wake
        opened
        closed
        wake
        opened
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s closed
      2.2s wake
        connect
      2.2s opened
        send 1: agentDescription, health, customCapabilities, components hash"
    `);
  });

  it("backs off longer with each failure, and obeys Retry-After", () => {
    expect(
      play(`
        wake
        closed
        wake
        closed
        wake
        closed
        wake
        closed retry-after=300
        wake
        wake
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s closed
      2.2s wake
        connect
      2.2s closed
      6.6s wake
        connect
      6.6s closed
      15.4s wake
        connect
      15.4s closed retry-after=300
      330.4s wake
        connect
      350.4s wake
        close: the connection could not be opened in time"
    `);
  });

  it("gives up a connection that does not open, and one whose server falls silent", () => {
    expect(
      play(`
        wake
        wake
        wake
        opened
        reply capabilities
        wake
        wake
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      20.0s wake
        close: the connection could not be opened in time
      22.2s wake
        connect
      22.2s opened
        send 0: agentDescription, health, customCapabilities, components hash
      22.2s reply capabilities
        linked
      52.2s wake
        send 1: nothing
      82.2s wake
        close: the server did not answer"
    `);
  });

  it("leaves an unavailable server for as long as it asks", () => {
    expect(
      play(`
        wake
        opened
        unavailable 120
        closed
        wake
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s unavailable 120
        unavailable: busy
        close: the server is unavailable
      0.0s closed
      126.0s wake
        connect"
    `);
  });

  it("adopts another uid, and ignores what is addressed to others", () => {
    expect(
      play(`
        wake
        opened
        reply capabilities identify
        reply to=${UID} full-state
        health down
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s reply capabilities identify
        linked
        adopt 0fedcba9-8765-7321-8fed-cba987654321
      0.0s reply to=01234567-89ab-7cde-8f01-23456789abcd full-state
      0.0s health down
        send 1 as new uid: health"
    `);
  });

  it("obeys a restart command alone, and takes offers once by their hash", () => {
    expect(
      play(`
        wake
        opened
        reply capabilities
        reply restart full-state
        reply settings=10 hash=aa
        reply settings=10 hash=aa
        reply settings=999999 hash=bb
        reply settings=0 hash=cc
        wake
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s reply capabilities
        linked
      0.0s reply restart full-state
        restart
      0.0s reply settings=10 hash=aa
        connection_settings
      0.0s reply settings=10 hash=aa
      0.0s reply settings=999999 hash=bb
        connection_settings
      0.0s reply settings=0 hash=cc
        connection_settings
      3600.0s wake
        send 1: nothing"
    `);
  });

  it("asks for a certificate on each connection until it has an answer", () => {
    expect(
      play(`
        csr
        wake
        opened
        reply capabilities
        closed
        wake
        opened
        reply capabilities certificate hash=dd
        closed
        wake
        opened
        reply capabilities
        csr
        bad-request
        closed
        wake
        opened
      `),
    ).toMatchInlineSnapshot(`
      "0.0s csr
      0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, connectionSettingsRequest, customCapabilities, components hash
      0.0s reply capabilities
        linked
      0.0s closed
      1.1s wake
        connect
      1.1s opened
        send 1: connectionSettingsRequest
      1.1s reply capabilities certificate hash=dd
        linked
        connection_settings
      1.1s closed
      2.2s wake
        connect
      2.2s opened
        send 2: nothing
      2.2s reply capabilities
        linked
      2.2s csr
        send 3: connectionSettingsRequest
      2.2s bad-request
        bad_request: no
        certificate refused: no
      2.2s closed
      3.3s wake
        connect
      3.3s opened
        send 4: nothing"
    `);
  });

  it("keeps custom messages until a server that understands them is there", () => {
    expect(
      play(`
        custom a
        wake
        opened
        custom b
        reply capabilities custom
        custom c
        custom d other
        incoming ${OUR_CAPABILITY}
        incoming com.example.unknown
        list com.example.more
      `),
    ).toMatchInlineSnapshot(`
      "0.0s custom a
      0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s custom b
      0.0s reply capabilities custom
        linked com.example.ours/1
        send 1: custom a
        custom a sent
        send 2: custom b
        custom b sent
      0.0s custom c
        send 3: custom c
        custom c sent
      0.0s custom d other
      0.0s incoming com.example.ours/1
        custom message of com.example.ours/1
      0.0s incoming com.example.unknown
      0.0s list com.example.more
        send 4: customCapabilities"
    `);
  });

  it("says goodbye, and then nothing any more", () => {
    expect(
      play(`
        wake
        opened
        reply capabilities
        stop
        wake
        custom a
        reply full-state
      `),
    ).toMatchInlineSnapshot(`
      "0.0s wake
        connect
      0.0s opened
        send 0: agentDescription, health, customCapabilities, components hash
      0.0s reply capabilities
        linked
      0.0s stop
        send 1: agentDisconnect
        close: agent stops
      1000000.0s wake
      1000000.0s custom a
        custom a refused: stopped
      1000000.0s reply full-state"
    `);
  });
});

describe("limits", () => {
  it("bound the queue of custom messages", () => {
    let state = start();
    const reasons: string[] = [];
    const put = (bytes: number) => {
      const message = { id: "m", capability: OUR_CAPABILITY, type: "t", data: new Uint8Array(bytes) };
      const stepped = stepAgent(state, { kind: "send_custom", message }, 0, Math.random);
      state = stepped.state;
      for (const effect of stepped.effects) if (effect.kind === "custom_refused") reasons.push(effect.reason);
    };
    put(CUSTOM_MESSAGE_BYTES_MAX + 1);
    for (let count = 0; count < OUTBOX_MESSAGES_MAX + 1; count += 1) put(1);
    expect(reasons).toEqual(["too_large", "queue_full"]);
    state = start();
    for (let count = 0; count < 9; count += 1) put(CUSTOM_MESSAGE_BYTES_MAX);
    expect(reasons).toEqual(["too_large", "queue_full", "queue_full"]);
  });

  it("bound the backoff, and spread it", () => {
    const random = seededRandom(1);
    for (let failures = 0; failures < 2_000; failures += 1) {
      const delay = backoffMs(failures, random);
      expect(delay).toBeGreaterThanOrEqual(200);
      expect(delay).toBeLessThanOrEqual(BACKOFF_MAX_MS);
    }
    const first = Array.from({ length: 1_000 }, () => backoffMs(0, random));
    expect(new Set(first.map((delay) => Math.floor(delay / 200))).size).toBeGreaterThanOrEqual(9);
    expect(retryDelayMs(0, 90_000, random)).toBeGreaterThanOrEqual(90_000);
    expect(retryDelayMs(0, 0, random)).toBeGreaterThanOrEqual(200);
  });
});

function start(): AgentSession {
  const components = { otlp: { subComponentMap: { grpc: {} } } };
  return newAgentSession({
    instanceUid: UID,
    capabilities:
      AGENT_CAPABILITY.ReportsStatus | agentCapabilityBits(["AcceptsRestartCommand", "ReportsHealth"]),
    customCapabilities: [OUR_CAPABILITY],
    report: {
      description: create(AgentDescriptionSchema, describedAs("site")),
      health: create(ComponentHealthSchema, { healthy: true }),
      availableComponents: create(AvailableComponentsSchema, { hash: Uint8Array.of(1), components }),
    },
    now: 0,
    random: () => 0,
  });
}

function play(script: string): string {
  let state = start();
  let now = 0;
  const trace: string[] = [];
  const lines = script.split("\n").map((line) => line.trim());
  for (const line of lines.filter((line) => line !== "")) {
    if (line.startsWith("+")) {
      now += Number(line.slice(1, -1)) * 1_000;
      continue;
    }
    let event: AgentEvent;
    if (line === "wake") {
      now = Math.max(now, Math.min(nextWakeAt(state), now + 1e9));
      event = { kind: "tick" };
    } else {
      event = eventOf(line, state.instanceUid);
    }
    trace.push(`${(now / 1_000).toFixed(1)}s ${line}`);
    const stepped = stepAgent(state, event, now, () => 0.5);
    state = stepped.state;
    trace.push(...stepped.effects.map((effect) => `  ${shownEffect(effect)}`));
  }
  return trace.join("\n");
}

function eventOf(line: string, uid: string): AgentEvent {
  const [word = "", ...words] = line.split(" ");
  const valueOf = (name: string) => words.find((part) => part.startsWith(`${name}=`))?.slice(name.length + 1);
  switch (word) {
    case "opened":
      return { kind: "opened" };
    case "closed": {
      const seconds = valueOf("retry-after");
      return { kind: "closed", ...(seconds === undefined ? {} : { retryAfterMs: Number(seconds) * 1_000 }) };
    }
    case "health":
      return {
        kind: "reported",
        parts: { health: create(ComponentHealthSchema, { status: words[0] ?? "" }) },
      };
    case "custom": {
      const capability = words[1] === "other" ? "com.example.other" : OUR_CAPABILITY;
      const id = words[0] ?? "";
      return { kind: "send_custom", message: { id, capability, type: id, data: new Uint8Array() } };
    }
    case "list":
      return { kind: "custom_capabilities", capabilities: words };
    case "csr":
      return { kind: "request_certificate", csr: Uint8Array.of(1) };
    case "stop":
      return { kind: "stop" };
    case "incoming":
      return received(uid, { customMessage: { capability: words[0] ?? "", type: "t" } });
    case "unavailable": {
      const value = { retryAfterNanoseconds: BigInt(words[0] ?? 0) * 1_000_000_000n };
      return received(uid, {
        errorResponse: { type: 2, errorMessage: "busy", details: { case: "retryInfo", value } },
      });
    }
    case "bad-request":
      return received(uid, { errorResponse: { type: 1, errorMessage: "no" } });
    case "reply":
      return received(valueOf("to") ?? uid, replyOf(words, valueOf));
    default:
      throw new Error(`the script has no "${word}"`);
  }
}

type ReplyInit = Exclude<Parameters<typeof create<typeof ServerToAgentSchema>>[1], undefined | ServerToAgent>;

function received(uid: string, init: ReplyInit): AgentEvent {
  const instanceUid = uidFromString(uid) ?? new Uint8Array();
  return { kind: "received", message: create(ServerToAgentSchema, { ...init, instanceUid }) };
}

function replyOf(words: string[], valueOf: (name: string) => string | undefined): ReplyInit {
  const init: ReplyInit = {};
  const has = (name: string) => words.includes(name);
  init.flags = (has("full-state") ? 1n : 0n) | (has("components") ? 2n : 0n);
  if (has("capabilities")) init.capabilities = 0x61n;
  if (has("custom")) init.customCapabilities = { capabilities: [OUR_CAPABILITY] };
  if (has("identify")) {
    init.agentIdentification = { newInstanceUid: uidFromString(NEW_UID) ?? new Uint8Array() };
  }
  if (has("restart")) init.command = {};
  const hash = Uint8Array.of(Number.parseInt(valueOf("hash") ?? "0", 16));
  const seconds = valueOf("settings");
  if (seconds) init.connectionSettings = { hash, opamp: { heartbeatIntervalSeconds: BigInt(seconds) } };
  if (has("certificate"))
    init.connectionSettings = { hash, opamp: { certificate: { cert: Uint8Array.of(1) } } };
  return init;
}

function shownEffect(effect: AgentEffect): string {
  switch (effect.kind) {
    case "send": {
      const { sequenceNum, instanceUid, availableComponents, customMessage, ...message } = effect.message;
      const { $typeName: _name, capabilities: _bits, flags: _flags, ...parts } = message;
      const names: string[] = Object.entries(parts).flatMap(([name, value]) =>
        value === undefined ? [] : [name],
      );
      if (availableComponents) {
        names.push(
          Object.keys(availableComponents.components).length > 0 ? "components tree" : "components hash",
        );
      }
      if (customMessage) names.push(`custom ${customMessage.type}`);
      const from = instanceUid[0] === 0x0f ? " as new uid" : "";
      return `send ${sequenceNum}${from}: ${names.join(", ") || "nothing"}`;
    }
    case "close":
      return `close: ${effect.reason}`;
    case "linked":
      return `linked ${effect.customCapabilities.join(" ")}`.trimEnd();
    case "adopt_uid":
      return `adopt ${effect.instanceUid}`;
    case "custom_sent":
      return `custom ${effect.id} sent`;
    case "custom_refused":
      return `custom ${effect.id} refused: ${effect.reason}`;
    case "custom_message":
      return `custom message of ${effect.capability}`;
    case "server_error":
      return `${effect.error}: ${effect.message}`;
    case "certificate_refused":
      return `certificate refused: ${effect.message}`;
    case "connect":
    case "remote_config":
    case "connection_settings":
    case "packages":
    case "restart":
      return effect.kind;
  }
}
