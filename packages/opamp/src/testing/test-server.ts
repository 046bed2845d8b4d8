// The least shell around the server machine, for tests: records in a map that survive a restart as JSON,
// live connections that do not, messages only as bytes. It does what a gateway has to do and nothing else.

import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { SERVER_CAPABILITIES_ALL } from "../capabilities.ts";
import { decodeServerToAgent, encodeAgentToServer, encodeServerToAgent } from "../codec.ts";
import {
  AgentRemoteConfigSchema,
  AgentToServerSchema,
  type AgentRemoteConfig,
  type AgentToServer,
  type ServerToAgent,
} from "../gen/opamp_pb.ts";
import { connectionState, type ConnectionState } from "../server/liveness.ts";
import { isOwned, release, type Ownership } from "../server/ownership.ts";
import { pushToAgent, receiveFromAgent, stepServer, tellToMove } from "../server/session.ts";
import { agentStateFromJson, agentStateToJson, newConnection, type AgentStateJson } from "../server/state.ts";
import type {
  AgentState,
  Changes,
  Connection,
  Desired,
  Effect,
  ServerProfile,
  StepContext,
  Transport,
} from "../server/types.ts";
import { hasCapability } from "../capabilities.ts";

export type AgentInit = Exclude<MessageInitShape<typeof AgentToServerSchema>, { $typeName: string }>;

export const OUR_CAPABILITY = "com.example.ours/1";

type Live = { ownership: Ownership | null; lastSeenAt: number | null; transport: Transport };

export class TestServer {
  now = 1_700_000_000_000;
  random: () => number = () => 0.5;
  /** What a database would hold. */
  readonly stored = new Map<string, { state: AgentStateJson; view: Changes }>();
  readonly components = new Set<string>();
  readonly desired = new Map<string, Desired>();
  readonly effects: Effect[] = [];
  readonly pushed: { connectionId: string; message: ServerToAgent }[] = [];
  profile: ServerProfile = {
    capabilities: SERVER_CAPABILITIES_ALL,
    customCapabilities: [OUR_CAPABILITY],
    isKnownComponents: (hash) => this.components.has(hash),
  };
  connections = new Map<string, Connection>();
  #live = new Map<string, Live>();
  #opened = 0;

  open(transport: Transport = "ws", credential = "agent-a"): string {
    this.#opened += 1;
    const id = `${transport}-${this.#opened}`;
    this.connections.set(id, newConnection(id, transport, credential, this.now));
    return id;
  }

  /** Sends a message built from `init`; gives the reply as the agent decodes it. */
  send(connectionId: string, init: AgentInit): ServerToAgent {
    return this.receive(connectionId, encodeAgentToServer(create(AgentToServerSchema, init)));
  }

  receive(connectionId: string, bytes: Uint8Array): ServerToAgent {
    const received = receiveFromAgent(bytes);
    if (!received.ok) return wire(received.reply);
    const { incoming } = received;
    const key = this.#keyOf(incoming.uid);
    const known = key === null ? null : this.state(key);
    const live = this.#liveOf(key ?? incoming.uid);
    const context = this.#context(connectionId, key ?? incoming.uid, live);
    const result = stepServer(known, incoming, context);
    this.connections.set(connectionId, result.connection);
    live.ownership = result.ownership;
    live.lastSeenAt = this.now;
    live.transport = result.connection.transport;
    if (key !== null && key !== result.state.instanceUid) this.#rekey(key, result.state.instanceUid);
    this.#store(result.state, result.changes);
    this.#perform(result.state.instanceUid, result.effects);
    return wire(result.reply);
  }

  /** An HTTP agent's request: a connection of its own each time. */
  post(init: AgentInit, credential?: string): ServerToAgent {
    const id = this.open("http", credential);
    const reply = this.send(id, init);
    this.connections.delete(id);
    return reply;
  }

  /** Sends what is outstanding for the agent on the connection that owns it. */
  push(uid: string): ServerToAgent[] {
    const live = this.#liveOf(uid);
    const state = this.state(uid);
    const owner = live.ownership?.connectionId;
    if (!owner || !state) return [];
    const result = pushToAgent(state, this.#context(owner, uid, live));
    this.#store(result.state, {});
    this.#perform(uid, result.effects);
    return result.messages.map(wire);
  }

  close(connectionId: string): void {
    const connection = this.connections.get(connectionId);
    this.connections.delete(connectionId);
    for (const uid of connection?.agents.keys() ?? []) {
      const live = this.#liveOf(uid);
      live.ownership = release(live.ownership, connectionId).ownership;
    }
  }

  /** Everything that was only in memory is lost. */
  restart(): void {
    this.connections = new Map();
    this.#live = new Map();
  }

  state(uid: string): AgentState | null {
    const record = this.stored.get(uid);
    return record ? agentStateFromJson(record.state) : null;
  }

  view(uid: string): Changes {
    return this.stored.get(uid)?.view ?? {};
  }

  shown(uid: string): ConnectionState {
    const state = this.state(uid);
    const { ownership, lastSeenAt, transport } = this.#liveOf(uid);
    const liveness = {
      lastSeenAt,
      transport,
      heartbeatIntervalMs: null,
      reportsHeartbeat: hasCapability(state?.capabilities ?? 0n, "ReportsHeartbeat"),
      isOpen: isOwned(ownership),
      present: state?.present ?? false,
    };
    return connectionState(liveness, this.now);
  }

  effectsOf<Kind extends Effect["kind"]>(kind: Kind): Extract<Effect, { kind: Kind }>[] {
    return this.effects.filter((effect): effect is Extract<Effect, { kind: Kind }> => effect.kind === kind);
  }

  #context(connectionId: string, uid: string, live: Live): StepContext {
    const connection = this.connections.get(connectionId);
    if (!connection) throw new Error(`no connection ${connectionId}`);
    return {
      now: this.now,
      random: this.random,
      connection,
      ownership: live.ownership,
      desired: this.desired.get(uid) ?? {},
      server: this.profile,
    };
  }

  #store(state: AgentState, changes: Changes): void {
    const view = { ...this.view(state.instanceUid), ...changes };
    // As through a database: nothing but JSON comes back.
    const json = JSON.parse(JSON.stringify(agentStateToJson(state))) as AgentStateJson;
    this.stored.set(state.instanceUid, { state: json, view });
    const available = changes.availableComponents;
    if (available?.components) this.components.add(available.hash);
  }

  #perform(uid: string, effects: readonly Effect[]): void {
    this.effects.push(...effects);
    for (const effect of effects) {
      if (effect.kind === "duplicate_uid") {
        const connection = this.connections.get(effect.connectionId);
        if (!connection || connection.agents.get(effect.uid)?.movedTo) continue;
        const moved = tellToMove(connection, effect.uid, effect.newUid);
        this.connections.set(effect.connectionId, moved.connection);
        this.pushed.push({ connectionId: effect.connectionId, message: wire(moved.message) });
      } else if (effect.kind === "restart_sent" || effect.kind === "restart_refused") {
        const { restart: _done, ...desired } = this.desired.get(uid) ?? {};
        this.desired.set(uid, desired);
      } else if (effect.kind === "custom_message_sent" || effect.kind === "custom_message_refused") {
        const desired = this.desired.get(uid) ?? {};
        const customMessages = (desired.customMessages ?? []).filter(({ id }) => id !== effect.id);
        this.desired.set(uid, { ...desired, customMessages });
      }
    }
  }

  #keyOf(uid: string): string | null {
    if (this.stored.has(uid)) return uid;
    for (const [key, { state }] of this.stored) if (state.nextUid === uid) return key;
    return null;
  }

  #rekey(from: string, to: string): void {
    const record = this.stored.get(from);
    const live = this.#live.get(from);
    if (record) this.stored.set(to, record);
    if (live) this.#live.set(to, live);
    this.stored.delete(from);
    this.#live.delete(from);
  }

  #liveOf(uid: string): Live {
    let live = this.#live.get(uid);
    if (!live) {
      live = { ownership: null, lastSeenAt: null, transport: "ws" };
      this.#live.set(uid, live);
    }
    return live;
  }
}

function wire(message: ServerToAgent): ServerToAgent {
  const decoded = decodeServerToAgent(encodeServerToAgent(message));
  if (!decoded.ok) throw new Error(`the reply cannot be decoded: ${decoded.issue.message}`);
  return decoded.message;
}

/** Messages of one agent process: its uid and its running sequence number. */
export class TestAgent {
  sequenceNum: bigint;
  readonly uid: Uint8Array;
  readonly capabilities: bigint;

  constructor(uid: Uint8Array, { first = 0n, capabilities = 0x1n } = {}) {
    this.uid = uid;
    this.sequenceNum = first;
    this.capabilities = capabilities;
  }

  /** The next message. */
  next(init: AgentInit = {}): AgentInit {
    const sequenceNum = this.sequenceNum;
    this.sequenceNum += 1n;
    return { instanceUid: this.uid, sequenceNum, capabilities: this.capabilities, ...init };
  }

  full(init: AgentInit = {}): AgentInit {
    return this.next({ agentDescription: describedAs("shop-collector"), ...init });
  }
}

export function describedAs(name: string): NonNullable<AgentInit["agentDescription"]> {
  return {
    identifyingAttributes: [{ key: "service.name", value: { value: { case: "stringValue", value: name } } }],
  };
}

export function bytesOf(message: AgentInit): Uint8Array {
  return encodeAgentToServer(create(AgentToServerSchema, message) satisfies AgentToServer);
}

/** An offer of these entries; `hash` is any text that names their content. */
export function configOffer(entries: Readonly<Record<string, string>>, hash: string): AgentRemoteConfig {
  const configMap = Object.fromEntries(
    Object.entries(entries).map(([name, body]) => [
      name,
      { body: new TextEncoder().encode(body), contentType: "text/yaml" },
    ]),
  );
  return create(AgentRemoteConfigSchema, {
    config: { configMap },
    configHash: new TextEncoder().encode(hash),
  });
}
