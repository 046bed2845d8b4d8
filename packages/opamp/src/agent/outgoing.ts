// What the agent has to send: one message with all that is news, and one custom message riding along with
// it; further custom messages get a message each. Every message counts the sequence number up by one.

import { create, equals, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import {
  AgentDescriptionSchema,
  AgentToServerSchema,
  AvailableComponentsSchema,
  ComponentHealthSchema,
  ConnectionSettingsStatusSchema,
  EffectiveConfigSchema,
  PackageStatusesSchema,
  RemoteConfigStatusSchema,
} from "../gen/opamp_pb.ts";
import { uidFromString } from "../uid.ts";
import type {
  AgentEffect,
  AgentReport,
  AgentSession,
  AgentStepResult,
  CustomMessageIn,
  Link,
  ReportPart,
} from "./types.ts";

/** Custom messages waiting to be sent, and their bytes. Beyond that the sender is told no. */
export const OUTBOX_MESSAGES_MAX = 256;
export const OUTBOX_BYTES_MAX = 8 * 1024 * 1024;
export const CUSTOM_MESSAGE_BYTES_MAX = 1024 * 1024;

/** A server that asks for the full state again sooner than this waits. */
export const FULL_STATE_INTERVAL_MIN_MS = 1_000;

/** The server answers every message; one that has not after this is gone. */
export const REPLY_TIMEOUT_MS = 30_000;

type AgentToServerInit = Exclude<MessageInitShape<typeof AgentToServerSchema>, { $typeName: string }>;
type ConnectedLink = Extract<Link, { kind: "connected" }>;

const partSchemas: Record<ReportPart, DescMessage> = {
  description: AgentDescriptionSchema,
  health: ComponentHealthSchema,
  effectiveConfig: EffectiveConfigSchema,
  remoteConfigStatus: RemoteConfigStatusSchema,
  connectionSettingsStatus: ConnectionSettingsStatusSchema,
  packageStatuses: PackageStatusesSchema,
  availableComponents: AvailableComponentsSchema,
};

export const REPORT_PARTS = Object.keys(partSchemas) as ReportPart[]; // the keys of the literal above

/** The session with changed parts taken in and marked as news. */
export function withReported(state: AgentSession, parts: Partial<AgentReport>): AgentSession {
  const changed = REPORT_PARTS.filter((part) => {
    const [before, after] = [state.report[part], parts[part]];
    return after !== undefined && !(before && equals(partSchemas[part], before, after));
  });
  if (changed.length === 0) return state;
  const report = { ...state.report, ...parts };
  return { ...state, report, unsent: new Set([...state.unsent, ...changed]) };
}

/** The session with the message queued, or a refusal. */
export function withQueued(
  state: AgentSession,
  message: CustomMessageIn,
): { state: AgentSession; effects: AgentEffect[] } {
  const { id, data } = message;
  if (data.length > CUSTOM_MESSAGE_BYTES_MAX) {
    return { state, effects: [{ kind: "custom_refused", id, reason: "too_large" }] };
  }
  const outboxBytes = state.outboxBytes + data.length;
  if (state.outbox.length >= OUTBOX_MESSAGES_MAX || outboxBytes > OUTBOX_BYTES_MAX) {
    return { state, effects: [{ kind: "custom_refused", id, reason: "queue_full" }] };
  }
  return { state: { ...state, outbox: [...state.outbox, message], outboxBytes }, effects: [] };
}

/** When a full report that was asked for may go. */
export function fullStateDueAt(state: AgentSession): number | null {
  if (!state.sendAll) return null;
  return state.fullStateSentAt === null ? 0 : state.fullStateSentAt + FULL_STATE_INTERVAL_MIN_MS;
}

/** Sends all that is news over the open connection; with `greeting` a message even if nothing is. */
export function flush(
  given: AgentSession,
  link: ConnectedLink,
  now: number,
  greeting = false,
): { state: AgentSession; effects: AgentEffect[] } {
  const effects: AgentEffect[] = [];
  let state = given;
  let mustSend = greeting;
  for (;;) {
    const custom = nextCustomMessage(state, link);
    const dueAt = fullStateDueAt(state);
    const sendAll = dueAt !== null && dueAt <= now;
    const asksCertificate = state.certificateRequest?.isSent === false;
    const isNews = sendAll || state.unsent.size > 0 || asksCertificate || state.sendComponents;
    if (!isNews && !custom && !mustSend) return { state, effects };
    mustSend = false;
    const message = create(AgentToServerSchema, content(state, sendAll, custom));
    effects.push({ kind: "send", message });
    if (custom) effects.push({ kind: "custom_sent", id: custom.id });
    state = sent(state, link, sendAll, custom, now);
  }
}

/** Sends what is news if there is a connection, and keeps it otherwise. */
export function news(state: AgentSession, now: number): AgentStepResult {
  return state.link.kind === "connected" ? flush(state, state.link, now) : { state, effects: [] };
}

/** The message that says goodbye. */
export function goodbye(state: AgentSession): AgentEffect {
  const message = create(AgentToServerSchema, { ...content(state, false, undefined), agentDisconnect: {} });
  return { kind: "send", message };
}

/** Says nothing but "still here". */
export function heartbeat(
  state: AgentSession,
  link: ConnectedLink,
  now: number,
): { state: AgentSession; effects: AgentEffect[] } {
  return flush(state, link, now, true);
}

function nextCustomMessage(state: AgentSession, link: ConnectedLink): CustomMessageIn | undefined {
  // Before the first reply nothing is known of what the server understands.
  return state.outbox.find(({ capability }) => link.serverCustomCapabilities.includes(capability));
}

function content(
  state: AgentSession,
  sendAll: boolean,
  custom: CustomMessageIn | undefined,
): AgentToServerInit {
  const { report, certificateRequest } = state;
  const init: AgentToServerInit = {
    instanceUid: uidFromString(state.instanceUid) ?? new Uint8Array(),
    sequenceNum: state.sequenceNum,
    capabilities: state.capabilities,
  };
  const has = (part: ReportPart) => sendAll || state.unsent.has(part);
  if (has("description")) init.agentDescription = report.description;
  if (has("health")) init.health = report.health;
  if (has("effectiveConfig")) init.effectiveConfig = report.effectiveConfig;
  if (has("remoteConfigStatus")) init.remoteConfigStatus = report.remoteConfigStatus;
  if (has("connectionSettingsStatus")) init.connectionSettingsStatus = report.connectionSettingsStatus;
  if (has("packageStatuses")) init.packageStatuses = report.packageStatuses;
  if (sendAll || state.unsent.has("customCapabilities")) {
    init.customCapabilities = { capabilities: [...state.customCapabilities] };
  }
  const components = report.availableComponents;
  if (components && state.sendComponents) init.availableComponents = components;
  else if (components && has("availableComponents")) init.availableComponents = { hash: components.hash };
  if (certificateRequest && !certificateRequest.isSent) {
    init.connectionSettingsRequest = { opamp: { certificateRequest: { csr: certificateRequest.csr } } };
  }
  if (custom) init.customMessage = { capability: custom.capability, type: custom.type, data: custom.data };
  return init;
}

const NOTHING: AgentSession["unsent"] = new Set();

function sent(
  state: AgentSession,
  link: ConnectedLink,
  sendAll: boolean,
  custom: CustomMessageIn | undefined,
  now: number,
): AgentSession {
  const { heartbeatIntervalMs } = state;
  const current = state.link.kind === "connected" ? state.link : link;
  return {
    ...state,
    sequenceNum: state.sequenceNum + 1n,
    unsent: NOTHING,
    sendAll: sendAll ? false : state.sendAll,
    // The greeting is not an answer: a server that does not know us asks at once, and rightly.
    fullStateSentAt: sendAll && current.serverCapabilities !== null ? now : state.fullStateSentAt,
    sendComponents: false,
    certificateRequest: state.certificateRequest && { ...state.certificateRequest, isSent: true },
    outbox: custom ? state.outbox.filter((other) => other !== custom) : state.outbox,
    outboxBytes: state.outboxBytes - (custom?.data.length ?? 0),
    link: {
      ...current,
      heartbeatAt: now + heartbeatIntervalMs,
      replyBy: current.replyBy ?? now + REPLY_TIMEOUT_MS,
    },
  };
}
