// Agents and a server, both the real machines, joined by a network that delays, drops, duplicates, and
// reorders across sockets; either side is restarted at will, the server also to an older stored state. Time
// is simulated and all chance comes from one seed. `checks` run after every event.

import { create } from "@bufbuild/protobuf";
import { newAgentSession, nextWakeAt, stepAgent } from "../agent/session.ts";
import type { AgentEffect, AgentEvent, AgentReport, AgentSession } from "../agent/types.ts";
import { encodeAgentToServer } from "../codec.ts";
import { canonicalJson, type Json } from "../digest.ts";
import {
  AgentDescriptionSchema,
  ComponentHealthSchema,
  EffectiveConfigSchema,
  type AgentToServer,
  type ServerToAgent,
} from "../gen/opamp_pb.ts";
import { descriptionToJson, effectiveConfigToJson, healthToJson } from "../projections.ts";
import { newUid, uidToString } from "../uid.ts";
import { seededRandom, type Random } from "./random.ts";
import { describedAs, OUR_CAPABILITY, TestServer } from "./test-server.ts";

const LATENCY_MS_MAX = 1_500;
const NOTICE_MS_MAX = 6_000; // how long a side may take to notice that a socket is dead

type Socket = {
  id: string;
  agent: SimAgent;
  incarnation: number;
  isOpenAtAgent: boolean;
  isOpenAtServer: boolean;
  isCut: boolean;
  lastArrivalAtServer: number;
  lastArrivalAtAgent: number;
};

type SimAgent = {
  uid: string;
  incarnation: number;
  session: AgentSession;
  socket: Socket | null;
  inFlight: number;
  customSent: number;
};

type Scheduled = { at: number; order: number; run: () => void };

export class Simulation {
  readonly server = new TestServer();
  readonly agents: SimAgent[] = [];
  readonly trace: string[] = [];
  now = 1_700_000_000_000;
  /** ReportFullState flags seen by uid. */
  readonly fullStateAsked = new Map<string, number>();
  readonly #random: Random;
  #queue: Scheduled[] = [];
  #order = 0;
  #isCalm = false;
  #accepted = new Set<string>();
  #sockets: Socket[] = [];
  #snapshot: TestServer["stored"] = new Map();

  constructor(seed: number, agentCount: number) {
    this.#random = seededRandom(seed);
    this.server.random = this.#random;
    for (let index = 0; index < agentCount; index += 1) {
      const uid = newUid(this.now, this.#random);
      const agent: SimAgent = {
        uid,
        incarnation: 0,
        session: this.#newSession(uid),
        socket: null,
        inFlight: 0,
        customSent: 0,
      };
      this.agents.push(agent);
    }
  }

  /** Lets `ms` of simulated time pass. */
  run(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const wake = Math.min(...this.agents.map(({ session }) => nextWakeAt(session)));
      const next = this.#queue[0];
      const at = Math.max(this.now, Math.min(next?.at ?? Infinity, wake));
      if (at > until) break;
      this.now = this.server.now = at;
      if (next && next.at <= wake) {
        this.#queue.shift();
        next.run();
      } else {
        for (const agent of this.agents) {
          if (nextWakeAt(agent.session) <= at) this.#event(agent, { kind: "tick" });
        }
      }
      this.#check();
    }
    this.now = this.server.now = until;
  }

  /** One thing goes wrong, or changes. */
  disturb(): void {
    const agent = this.#pick(this.agents);
    const dice = this.#random();
    if (dice < 0.35) this.#event(agent, { kind: "reported", parts: this.#newParts() });
    else if (dice < 0.5) this.#sendCustom(agent);
    else if (dice < 0.75) this.#cut(agent.socket);
    else if (dice < 0.87) this.#restartAgent(agent);
    else if (dice < 0.93) this.#snapshot = new Map(this.server.stored);
    else this.#restartServer();
    this.#check();
  }

  /** From now on the network is perfect. */
  calm(): void {
    this.#isCalm = true;
  }

  /** True when the agent is linked and nothing is under way or due. */
  isSettled(agent: SimAgent): boolean {
    const { link, sendAll } = agent.session;
    if (agent.socket === null || agent.socket.isCut) return false;
    return link.kind === "connected" && link.replyBy === null && !sendAll && agent.inFlight === 0;
  }

  #check(): void {
    for (const agent of this.agents) {
      if (!this.isSettled(agent)) continue;
      const view = this.server.view(agent.uid);
      const { description, health, effectiveConfig, customCapabilities } = view;
      const seen = {
        description,
        health,
        effectiveConfig,
        customCapabilities: [...(customCapabilities ?? [])],
      };
      const { report } = agent.session;
      const truth = {
        description: descriptionToJson(report.description),
        health: report.health && healthToJson(report.health),
        effectiveConfig: report.effectiveConfig && effectiveConfigToJson(report.effectiveConfig),
        customCapabilities: [...agent.session.customCapabilities],
      };
      const [left, right] = [canonicalJson(seen as Json), canonicalJson(truth as Json)];
      if (left !== right)
        this.#fail(`${this.#name(agent)} settled, but the server sees ${left}, not ${right}`);
      if (this.server.shown(agent.uid) !== "connected")
        this.#fail(`${this.#name(agent)} is linked and not shown so`);
    }
    if (this.server.effectsOf("duplicate_uid").length > 0) this.#fail("a reconnect was taken for a clone");
  }

  #event(agent: SimAgent, event: AgentEvent): void {
    const { state, effects } = stepAgent(agent.session, event, this.now, this.#random);
    agent.session = state;
    for (const effect of effects) this.#perform(agent, effect);
  }

  #perform(agent: SimAgent, effect: AgentEffect): void {
    switch (effect.kind) {
      case "connect":
        return this.#connect(agent);
      case "send":
        if (agent.socket) this.#carryToServer(agent.socket, effect.message);
        return;
      case "close":
        if (agent.socket) this.#hangUp(agent.socket);
        return;
      case "adopt_uid":
        this.#fail(`${this.#name(agent)} was given another uid`);
        return;
      case "server_error":
        this.#fail(`${this.#name(agent)} was refused: ${effect.message}`);
        return;
      case "linked":
      case "custom_sent":
      case "custom_refused":
      case "custom_message":
      case "connection_settings":
      case "certificate_refused":
      case "remote_config":
      case "packages":
      case "restart":
        return;
    }
  }

  #connect(agent: SimAgent): void {
    const { incarnation } = agent;
    const isLost = !this.#isCalm && this.#random() < 0.15;
    this.#after(this.#latency(), () => {
      if (agent.incarnation !== incarnation || agent.session.link.kind !== "connecting") return;
      if (isLost) return this.#event(agent, { kind: "closed" });
      const socket: Socket = {
        id: this.server.open("ws", agent.uid),
        agent,
        incarnation,
        isOpenAtAgent: true,
        isOpenAtServer: true,
        isCut: false,
        lastArrivalAtServer: 0,
        lastArrivalAtAgent: 0,
      };
      agent.socket = socket;
      this.#sockets.push(socket);
      this.#log(`${this.#name(agent)} opens ${socket.id}`);
      this.#event(agent, { kind: "opened" });
    });
  }

  #carryToServer(socket: Socket, message: AgentToServer): void {
    const { agent, incarnation } = socket;
    const bytes = encodeAgentToServer(message);
    const isTwice = !this.#isCalm && this.#random() < 0.05;
    const survivesCut = this.#random() < 0.5;
    if (socket.isCut) return;
    agent.inFlight += 1;
    socket.lastArrivalAtServer = Math.max(socket.lastArrivalAtServer + 1, this.now + this.#latency());
    this.#at(socket.lastArrivalAtServer, () => {
      agent.inFlight -= 1;
      if (!socket.isOpenAtServer || (socket.isCut && !survivesCut)) return;
      for (let count = isTwice ? 2 : 1; count > 0; count -= 1) {
        const before = this.server.state(agent.uid);
        const reply = this.server.receive(socket.id, bytes);
        const after = this.server.state(agent.uid);
        const wasAccepted =
          before?.sequenceNum !== after?.sequenceNum || before?.messageDigest !== after?.messageDigest;
        this.#log(
          `${socket.id} number ${message.sequenceNum} ${wasAccepted ? "accepted" : "answered"}, flags ${reply.flags}`,
        );
        if (wasAccepted) this.#countAccepted(`${agent.uid}/${incarnation}/${message.sequenceNum}`);
        if (uidToString(reply.instanceUid) !== uidToString(message.instanceUid)) {
          this.#fail(
            `the reply to ${uidToString(message.instanceUid)} went to ${uidToString(reply.instanceUid)}`,
          );
        }
        if ((reply.flags & 1n) !== 0n) {
          this.fullStateAsked.set(agent.uid, (this.fullStateAsked.get(agent.uid) ?? 0) + 1);
        }
        this.#carryToAgent(socket, reply);
      }
    });
  }

  #carryToAgent(socket: Socket, reply: ServerToAgent): void {
    const { agent } = socket;
    agent.inFlight += 1;
    socket.lastArrivalAtAgent = Math.max(socket.lastArrivalAtAgent + 1, this.now + this.#latency());
    this.#at(socket.lastArrivalAtAgent, () => {
      agent.inFlight -= 1;
      if (socket.isCut || !socket.isOpenAtAgent || agent.incarnation !== socket.incarnation) return;
      this.#event(agent, { kind: "received", message: reply });
    });
  }

  // The cable is cut: each side notices when it does, what is under way may or may not arrive.
  #cut(socket: Socket | null): void {
    if (!socket || socket.isCut) return;
    socket.isCut = true;
    this.#log(`${socket.id} is cut`);
    this.#after(this.#random() * NOTICE_MS_MAX, () => this.#closeAtAgent(socket));
    this.#after(this.#random() * NOTICE_MS_MAX, () => this.#closeAtServer(socket));
  }

  #hangUp(socket: Socket): void {
    socket.isOpenAtAgent = false;
    if (socket.agent.socket === socket) socket.agent.socket = null;
    this.#after(this.#random() * NOTICE_MS_MAX, () => this.#closeAtServer(socket));
  }

  #closeAtAgent(socket: Socket): void {
    if (!socket.isOpenAtAgent) return;
    socket.isOpenAtAgent = false;
    const { agent } = socket;
    if (agent.socket !== socket) return;
    agent.socket = null;
    this.#event(agent, { kind: "closed" });
  }

  #closeAtServer(socket: Socket): void {
    if (!socket.isOpenAtServer) return;
    socket.isOpenAtServer = false;
    this.server.close(socket.id);
  }

  #restartAgent(agent: SimAgent): void {
    this.#log(`${this.#name(agent)} restarts`);
    if (agent.socket) this.#hangUp(agent.socket);
    agent.incarnation += 1;
    agent.session = this.#newSession(agent.uid);
  }

  // Sockets are gone; half of the time the last writes are, too.
  #restartServer(): void {
    const isCrash = this.#random() < 0.5;
    this.#log(isCrash ? "the server crashes" : "the server restarts");
    this.server.restart();
    if (isCrash) {
      this.server.stored.clear();
      for (const [uid, record] of this.#snapshot) this.server.stored.set(uid, record);
      this.#accepted = new Set();
    }
    for (const socket of this.#sockets) {
      socket.isOpenAtServer = false;
      socket.isCut = true;
      if (socket.isOpenAtAgent) this.#after(this.#random() * NOTICE_MS_MAX, () => this.#closeAtAgent(socket));
    }
    this.#sockets = [];
  }

  #sendCustom(agent: SimAgent): void {
    agent.customSent += 1;
    const id = `${agent.uid}/${agent.incarnation}/${agent.customSent}`;
    const data = new TextEncoder().encode(id);
    this.#event(agent, { kind: "send_custom", message: { id, capability: OUR_CAPABILITY, type: "t", data } });
  }

  #countAccepted(key: string): void {
    if (this.#accepted.has(key)) this.#fail(`${key} was accepted twice`);
    this.#accepted.add(key);
  }

  #newSession(instanceUid: string): AgentSession {
    const report: AgentReport = {
      description: create(AgentDescriptionSchema, describedAs("sim")),
      ...this.#newParts(),
    };
    const customCapabilities = [OUR_CAPABILITY];
    return newAgentSession({
      instanceUid,
      capabilities: 0x2805n,
      customCapabilities,
      report,
      now: this.now,
      random: this.#random,
    });
  }

  #newParts(): Partial<AgentReport> {
    const number = Math.floor(this.#random() * 1e6);
    const parts: { -readonly [Part in keyof AgentReport]?: AgentReport[Part] } = {};
    parts.health = create(ComponentHealthSchema, {
      healthy: this.#random() < 0.5,
      status: `status ${number}`,
    });
    const body = new TextEncoder().encode(`number: ${number}`);
    parts.effectiveConfig = create(EffectiveConfigSchema, { configMap: { configMap: { "": { body } } } });
    if (this.#random() < 0.3)
      parts.description = create(AgentDescriptionSchema, describedAs(`sim ${number}`));
    return parts;
  }

  #latency(): number {
    return this.#isCalm ? 10 : this.#random() * LATENCY_MS_MAX;
  }

  #after(ms: number, run: () => void): void {
    this.#at(this.now + ms, run);
  }

  #at(at: number, run: () => void): void {
    this.#order += 1;
    const scheduled = { at, order: this.#order, run };
    const index = this.#queue.findIndex((other) => other.at > at);
    this.#queue.splice(index === -1 ? this.#queue.length : index, 0, scheduled);
  }

  #pick<T>(list: readonly T[]): T {
    const item = list[Math.floor(this.#random() * list.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  #name({ uid, incarnation }: SimAgent): string {
    return `agent ${this.agents.findIndex((agent) => agent.uid === uid)}.${incarnation}`;
  }

  #log(line: string): void {
    this.trace.push(`${((this.now - 1_700_000_000_000) / 1_000).toFixed(3)} ${line}`);
  }

  #fail(what: string): never {
    throw new Error(`${what}\n${this.trace.slice(-40).join("\n")}`);
  }
}
