// The parts of a reply. Each function adds what is due to the message under construction and gives back
// the state that remembers it.

import { SERVER_CAPABILITIES_ALL, hasCapability, whyNot } from "../capabilities.ts";
import { digestText } from "../digest.ts";
import { AgentToServerFlags, CommandType, ServerToAgentFlags, type AgentToServer } from "../gen/opamp_pb.ts";
import { newUid } from "../uid.ts";
import type { Arrival } from "./arrival.ts";
import { addOffers, type ServerToAgentInit, type UnderWay } from "./offers.ts";
import { uidBytes } from "./replies.ts";
import type { AgentState, Effect, ServerProfile, StepContext } from "./types.ts";

const FLAG_FULL_STATE = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState);
const FLAG_COMPONENTS = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportAvailableComponents);
const FLAG_REQUEST_UID = BigInt(AgentToServerFlags.AgentToServerFlags_RequestInstanceUid);

/**
 * Capabilities go with the first reply on a connection and to a new process; HTTP agents have no connection
 * to remember it by, and two bytes do no harm. Our custom capabilities go when they are news.
 */
export function addAnnouncements(
  init: ServerToAgentInit,
  state: AgentState,
  arrival: Arrival,
  { server, connection }: StepContext,
): AgentState {
  if (arrival.isFirst || arrival.kind === "unknown_agent" || arrival.kind === "sequence_gap") {
    init.capabilities = server.capabilities & SERVER_CAPABILITIES_ALL;
  }
  const listDigest = announcementDigest(server.customCapabilities);
  const isFirstOnSocket = arrival.isFirst && connection.transport === "ws";
  if (state.sent.customCapabilities === listDigest && !isFirstOnSocket) return state;
  init.customCapabilities = { capabilities: [...server.customCapabilities] };
  return { ...state, sent: { ...state.sent, customCapabilities: listDigest } };
}

// The list is one array for the whole server, so its digest is made once.
const announcementDigests = new WeakMap<readonly string[], number>();

function announcementDigest(list: readonly string[]): number {
  const known = announcementDigests.get(list);
  if (known !== undefined) return known;
  const digest = digestText(list.join("\n"));
  announcementDigests.set(list, digest);
  return digest;
}

/** ReportFullState and ReportAvailableComponents. */
export function addFlags(
  init: ServerToAgentInit,
  effects: Effect[],
  state: AgentState,
  message: AgentToServer,
  arrival: Arrival,
  { connection, server }: StepContext,
): AgentState {
  let flags = 0n;
  if (arrival.asksFullState) {
    flags |= FLAG_FULL_STATE;
    effects.push({ kind: "full_state_asked", reason: arrival.asksFullState });
  }
  const { componentsHash: hash, componentsAsked: asked } = state;
  let componentsAsked = asked;
  if (hash && hasTree(message)) componentsAsked = { hash, sequenceNum: message.sequenceNum };
  else if (hash && !server.isKnownComponents(hash)) {
    const wasAsked = asked?.hash === hash;
    const isRepeat = arrival.kind === "retry" && asked?.sequenceNum === message.sequenceNum;
    const mayBeLost = arrival.kind === "sequence_gap" || (arrival.isFirst && connection.transport === "ws");
    if (!wasAsked || isRepeat || mayBeLost) {
      flags |= FLAG_COMPONENTS;
      componentsAsked = { hash, sequenceNum: message.sequenceNum };
    }
  }
  if (flags !== 0n) init.flags = flags;
  return componentsAsked === asked ? state : { ...state, componentsAsked };
}

function hasTree({ availableComponents }: AgentToServer): boolean {
  return availableComponents !== undefined && Object.keys(availableComponents.components).length > 0;
}

/** The uid on offer is kept until the agent uses it: a lost reply must not cost it a second one. */
export function addIdentification(
  init: ServerToAgentInit,
  state: AgentState,
  message: AgentToServer,
  { now, random }: StepContext,
): AgentState {
  if ((message.flags & FLAG_REQUEST_UID) === 0n) return state;
  const nextUid = state.nextUid ?? newUid(now, random);
  init.agentIdentification = { newInstanceUid: uidBytes(nextUid) };
  return { ...state, nextUid };
}

/** What the agent asks for that a pure machine cannot give. */
export function requestsIn(message: AgentToServer, arrival: Arrival, server: ServerProfile): Effect[] {
  const requests: Effect[] = [];
  const request = message.connectionSettingsRequest?.opamp?.certificateRequest;
  if (request) {
    requests.push({ kind: "sign_certificate", csr: request.csr, repeated: arrival.kind === "retry" });
  }
  const custom = message.customMessage;
  if (custom && arrival.kind !== "retry" && server.customCapabilities.includes(custom.capability)) {
    const { capability, type, data } = custom;
    requests.push({ kind: "custom_message", capability, type, data });
  }
  return requests;
}

/** The desired state, as far as this message can carry it. `news`: the agent is new here, or just said that it has another one than before. */
export function addDesired(
  init: ServerToAgentInit,
  effects: Effect[],
  state: AgentState,
  context: StepContext,
  news: UnderWay = { configuration: false, packages: false },
): AgentState {
  const { desired, server, connection } = context;
  if (desired.restart) {
    const { id } = desired.restart;
    if (!hasCapability(state.capabilities, "AcceptsRestartCommand")) {
      const { consequence, remedy } = whyNot("AcceptsRestartCommand");
      effects.push({ kind: "restart_refused", id, reason: `${consequence} ${remedy}` });
    } else if (canCarryCommand(init)) {
      init.command = { type: CommandType.CommandType_Restart };
      effects.push({ kind: "restart_sent", id });
      return state;
    }
  }
  // Behind a gateway a message may be lost on a socket that lives on.
  const isAlone = connection.transport === "ws" && connection.agents.size <= 1;
  const isUnderWay = {
    configuration: isAlone && !news.configuration,
    packages: isAlone && !news.packages,
  };
  const sent = addOffers(init, effects, state, desired, server, isUnderWay);
  addCustomMessage(init, effects, state, context);
  if (sent === state.sent) return state;
  return { ...state, sent, interruptedConfig: init.remoteConfig ? null : state.interruptedConfig };
}

// A command stands alone but for uid and capabilities; what else must be said goes first.
function canCarryCommand({ flags, agentIdentification, customCapabilities }: ServerToAgentInit): boolean {
  return !flags && !agentIdentification && !customCapabilities;
}

// One message carries one custom message. What the agent does not list is refused, unless its list is
// still to come with the full report it was asked for.
function addCustomMessage(
  init: ServerToAgentInit,
  effects: Effect[],
  state: AgentState,
  { desired }: StepContext,
): void {
  for (const { id, capability, type, data } of desired.customMessages ?? []) {
    if (state.customCapabilities.includes(capability)) {
      init.customMessage = { capability, type, data };
      effects.push({ kind: "custom_message_sent", id });
      return;
    }
    if (state.fullStateAsked) continue;
    effects.push({
      kind: "custom_message_refused",
      id,
      reason: `the agent does not understand ${capability}`,
    });
  }
}
