// What a message of the server makes of the session, and what of it the shell has to hear.

import { toHex } from "../bytes.ts";
import { hasCapability } from "../capabilities.ts";
import {
  ServerErrorResponseType,
  ServerToAgentFlags,
  type ConnectionSettingsOffers,
  type ServerErrorResponse,
  type ServerToAgent,
} from "../gen/opamp_pb.ts";
import { INSTANCE_UID_BYTES, uidToString } from "../uid.ts";
import { hangUp } from "./leaving.ts";
import { news } from "./outgoing.ts";
import type { AgentEffect, AgentSession, AgentStepResult } from "./types.ts";

/** Offers outside of this are bent into it. */
export const HEARTBEAT_MS_MIN = 1_000;
export const HEARTBEAT_MS_MAX = 3_600_000;

const FLAG_FULL_STATE = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState);
const FLAG_COMPONENTS = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportAvailableComponents);

/** Takes in a message; what is not for us is ignored. */
export function received(
  given: AgentSession,
  message: ServerToAgent,
  now: number,
  random: () => number,
): AgentStepResult {
  if (given.link.kind !== "connected") return { state: given, effects: [] };
  // What is addressed to another uid is not for us; a refusal of what it could not read has no address.
  const { instanceUid, errorResponse } = message;
  if (instanceUid.length > 0 && !isUid(instanceUid, given.instanceUid)) return { state: given, effects: [] };
  const alive: AgentSession = { ...given, link: { ...given.link, replyBy: null } };
  if (errorResponse) return refused(alive, errorResponse, now, random);

  const greeted = greet(alive, message);
  const taken = takeOrders(greeted.state, message);
  const sent = news(taken.state, now);
  return { state: sent.state, effects: [...greeted.effects, ...taken.effects, ...sent.effects] };
}

function refused(
  state: AgentSession,
  { type, errorMessage, details }: ServerErrorResponse,
  now: number,
  random: () => number,
): AgentStepResult {
  if (type === ServerErrorResponseType.ServerErrorResponseType_Unavailable) {
    const nanoseconds = details.case === "retryInfo" ? details.value.retryAfterNanoseconds : undefined;
    const retryAfterMs = nanoseconds === undefined ? undefined : Number(nanoseconds / 1_000_000n);
    const effect: AgentEffect = { kind: "server_error", error: "unavailable", message: errorMessage };
    // What it refused is lost; the next report holds everything.
    const left = hangUp({ ...state, sendAll: true }, "the server is unavailable", retryAfterMs, now, random);
    return { state: left.state, effects: [effect, ...left.effects] };
  }
  const isBad = type === ServerErrorResponseType.ServerErrorResponseType_BadRequest;
  const error = isBad ? "bad_request" : "unknown";
  const effects: AgentEffect[] = [{ kind: "server_error", error, message: errorMessage }];
  if (!isBad || !state.certificateRequest?.isSent) return { state, effects };
  effects.push({ kind: "certificate_refused", message: errorMessage });
  return { state: { ...state, certificateRequest: null }, effects };
}

// Who the server is and who it says we are.
function greet(given: AgentSession, message: ServerToAgent): { state: AgentSession; effects: AgentEffect[] } {
  const effects: AgentEffect[] = [];
  let state = given;
  if (state.link.kind !== "connected") return { state, effects };
  const { link } = state;
  if (link.serverCapabilities === null || message.capabilities !== 0n || message.customCapabilities) {
    const capabilities = message.capabilities || link.serverCapabilities || 0n;
    const customCapabilities = message.customCapabilities?.capabilities ?? link.serverCustomCapabilities;
    const greeted = {
      ...link,
      serverCapabilities: capabilities,
      serverCustomCapabilities: customCapabilities,
    };
    state = { ...state, link: greeted };
    effects.push({ kind: "linked", capabilities, customCapabilities });
  }
  const newUid = message.agentIdentification?.newInstanceUid;
  if (newUid?.length === INSTANCE_UID_BYTES) {
    const instanceUid = uidToString(newUid);
    if (instanceUid !== state.instanceUid) {
      state = { ...state, instanceUid };
      effects.push({ kind: "adopt_uid", instanceUid });
    }
  }
  return { state, effects };
}

function takeOrders(
  given: AgentSession,
  message: ServerToAgent,
): { state: AgentSession; effects: AgentEffect[] } {
  const effects: AgentEffect[] = [];
  let state = given;
  const { capabilities } = state;
  // A command stands alone; whatever came with it is not meant.
  if (message.command && hasCapability(capabilities, "AcceptsRestartCommand")) {
    return { state, effects: [{ kind: "restart" }] };
  }
  if ((message.flags & FLAG_FULL_STATE) !== 0n) state = { ...state, sendAll: true };
  if ((message.flags & FLAG_COMPONENTS) !== 0n && state.report.availableComponents) {
    state = { ...state, sendComponents: true };
  }
  if (message.remoteConfig && hasCapability(capabilities, "AcceptsRemoteConfig")) {
    effects.push({ kind: "remote_config", config: message.remoteConfig });
  }
  if (message.packagesAvailable && hasCapability(capabilities, "AcceptsPackages")) {
    effects.push({ kind: "packages", packages: message.packagesAvailable });
  }
  if (message.connectionSettings) state = takeSettings(state, message.connectionSettings, effects);
  const custom = message.customMessage;
  if (custom && state.customCapabilities.includes(custom.capability)) {
    effects.push({
      kind: "custom_message",
      capability: custom.capability,
      type: custom.type,
      data: custom.data,
    });
  }
  return { state, effects };
}

function takeSettings(
  given: AgentSession,
  offers: ConnectionSettingsOffers,
  effects: AgentEffect[],
): AgentSession {
  let state = given;
  const settingsHash = toHex(offers.hash);
  if (settingsHash !== "" && settingsHash === state.settingsHash) return state;
  effects.push({ kind: "connection_settings", offers });
  if (offers.opamp?.certificate) state = { ...state, certificateRequest: null };
  // proto3 cannot tell "off" from "left out", so a 0 leaves the interval as it is.
  const seconds = offers.opamp?.heartbeatIntervalSeconds ?? 0n;
  if (seconds === 0n) return { ...state, settingsHash };
  const heartbeatIntervalMs = Math.min(Math.max(Number(seconds) * 1_000, HEARTBEAT_MS_MIN), HEARTBEAT_MS_MAX);
  const { link } = state;
  if (link.kind !== "connected") return { ...state, settingsHash, heartbeatIntervalMs };
  const heartbeatAt = link.heartbeatAt - state.heartbeatIntervalMs + heartbeatIntervalMs;
  return { ...state, settingsHash, heartbeatIntervalMs, link: { ...link, heartbeatAt } };
}

function isUid(bytes: Uint8Array, uid: string): boolean {
  return bytes.length === INSTANCE_UID_BYTES && uidToString(bytes) === uid;
}
