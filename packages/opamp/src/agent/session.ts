// Our agent's side of the link. It reports everything once after its start and when the server asks, and
// otherwise only what changed, over however many connections; the running sequence number tells the
// server when something was missed. Nothing here waits: the shell calls `stepAgent` with what happened,
// performs the effects in order, and sends `tick` at `nextWakeAt`.

import { hasCapability } from "../capabilities.ts";
import { toHex } from "../bytes.ts";
import {
  ServerErrorResponseType,
  ServerToAgentFlags,
  type ConnectionSettingsOffers,
  type ServerErrorResponse,
  type ServerToAgent,
} from "../gen/opamp_pb.ts";
import { INSTANCE_UID_BYTES, uidToString } from "../uid.ts";
import { retryDelayMs } from "./backoff.ts";
import {
  flush,
  fullStateDueAt,
  goodbye,
  heartbeat,
  REPORT_PARTS,
  withQueued,
  withReported,
} from "./outgoing.ts";
import type { AgentEffect, AgentEvent, AgentReport, AgentSession, AgentStepResult, Link } from "./types.ts";

/** The specification's default. */
export const HEARTBEAT_MS_DEFAULT = 30_000;
/** Offers outside of this are bent into it. */
export const HEARTBEAT_MS_MIN = 1_000;
export const HEARTBEAT_MS_MAX = 3_600_000;
/** From `connect` to `opened`. */
export const CONNECT_TIMEOUT_MS = 20_000;

const FIRST_SEQUENCE_NUM_MAX = 2 ** 31; // five bytes on the wire

const FLAG_FULL_STATE = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState);
const FLAG_COMPONENTS = BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportAvailableComponents);

/** A process that has just started; it connects at the first `tick`. */
export function newAgentSession(given: {
  instanceUid: string;
  capabilities: bigint;
  customCapabilities: readonly string[];
  report: AgentReport;
  now: number;
  random: () => number;
}): AgentSession {
  const { instanceUid, capabilities, customCapabilities, report, now, random } = given;
  return {
    instanceUid,
    capabilities,
    customCapabilities,
    report,
    unsent: new Set(REPORT_PARTS.filter((part) => report[part])),
    sendAll: true,
    fullStateSentAt: null,
    sendComponents: false,
    // Counting from a random number, no process continues another one's sequence by chance.
    sequenceNum: BigInt(Math.floor(random() * FIRST_SEQUENCE_NUM_MAX)),
    heartbeatIntervalMs: HEARTBEAT_MS_DEFAULT,
    settingsHash: null,
    certificateRequest: null,
    outbox: [],
    outboxBytes: 0,
    link: { kind: "disconnected", failures: 0, retryAt: now },
  };
}

export function stepAgent(
  state: AgentSession,
  event: AgentEvent,
  now: number,
  random: () => number,
): AgentStepResult {
  if (state.link.kind === "stopped") {
    if (event.kind !== "send_custom") return { state, effects: [] };
    return { state, effects: [{ kind: "custom_refused", id: event.message.id, reason: "stopped" }] };
  }
  switch (event.kind) {
    case "tick":
      return tick(state, now, random);
    case "opened":
      return opened(state, now);
    case "closed":
      return { state: disconnected(state, event.retryAfterMs, now, random), effects: [] };
    case "received":
      return received(state, event.message, now, random);
    case "reported":
      return news(withReported(state, event.parts), now);
    case "custom_capabilities": {
      const unsent = new Set(state.unsent).add("customCapabilities");
      return news({ ...state, customCapabilities: event.capabilities, unsent }, now);
    }
    case "send_custom": {
      const queued = withQueued(state, event.message);
      return queued.effects.length > 0 ? queued : news(queued.state, now);
    }
    case "request_certificate":
      return news({ ...state, certificateRequest: { csr: event.csr, isSent: false } }, now);
    case "stop":
      return stopped(state);
  }
}

/** When `tick` is due, ms since the epoch; Infinity for never. */
export function nextWakeAt(state: AgentSession): number {
  const { link } = state;
  switch (link.kind) {
    case "disconnected":
      return link.retryAt;
    case "connecting":
      return link.giveUpAt;
    case "connected": {
      const times = [link.heartbeatAt, link.replyBy, fullStateDueAt(state)];
      return Math.min(...times.map((time) => time ?? Infinity));
    }
    case "stopped":
      return Infinity;
  }
}

function tick(state: AgentSession, now: number, random: () => number): AgentStepResult {
  const { link } = state;
  switch (link.kind) {
    case "disconnected": {
      if (now < link.retryAt) return { state, effects: [] };
      const connecting: Link = {
        kind: "connecting",
        failures: link.failures,
        giveUpAt: now + CONNECT_TIMEOUT_MS,
      };
      return { state: { ...state, link: connecting }, effects: [{ kind: "connect" }] };
    }
    case "connecting":
      if (now < link.giveUpAt) return { state, effects: [] };
      return hangUp(state, "the connection could not be opened in time", undefined, now, random);
    case "connected":
      // A cable that was cut shows itself only by the server's silence.
      if (link.replyBy !== null && now >= link.replyBy) {
        return hangUp(state, "the server did not answer", undefined, now, random);
      }
      if (now >= link.heartbeatAt) return heartbeat(state, link, now);
      return news(state, now);
    case "stopped":
      return { state, effects: [] };
  }
}

function opened(state: AgentSession, now: number): AgentStepResult {
  if (state.link.kind !== "connecting") return { state, effects: [] };
  const link: Extract<Link, { kind: "connected" }> = {
    kind: "connected",
    failures: state.link.failures,
    heartbeatAt: now + state.heartbeatIntervalMs,
    replyBy: null,
    serverCapabilities: null,
    serverCustomCapabilities: [],
  };
  return flush({ ...state, link }, link, now, true);
}

function news(state: AgentSession, now: number): AgentStepResult {
  return state.link.kind === "connected" ? flush(state, state.link, now) : { state, effects: [] };
}

// A connection on which the server answered was a good one: its end begins a new count.
function disconnected(
  state: AgentSession,
  retryAfterMs: number | undefined,
  now: number,
  random: () => number,
): AgentSession {
  const { link } = state;
  if (link.kind !== "connecting" && link.kind !== "connected") return state;
  const wasLinked = link.kind === "connected" && link.serverCapabilities !== null;
  const failures = wasLinked ? 0 : link.failures + 1;
  const retryAt = now + retryDelayMs(failures, retryAfterMs, random);
  // Until a server has answered it may never have heard of this process, and a number that happens to fit
  // the last process's would hide that.
  const sendAll = state.sendAll || !wasLinked;
  const certificateRequest = state.certificateRequest && { ...state.certificateRequest, isSent: false };
  return { ...state, sendAll, certificateRequest, link: { kind: "disconnected", failures, retryAt } };
}

function hangUp(
  state: AgentSession,
  reason: string,
  retryAfterMs: number | undefined,
  now: number,
  random: () => number,
): AgentStepResult {
  return { state: disconnected(state, retryAfterMs, now, random), effects: [{ kind: "close", reason }] };
}

function stopped(state: AgentSession): AgentStepResult {
  const link: Link = { kind: "stopped" };
  switch (state.link.kind) {
    case "connected":
      return {
        state: { ...state, link },
        effects: [goodbye(state), { kind: "close", reason: "agent stops" }],
      };
    case "connecting":
      return { state: { ...state, link }, effects: [{ kind: "close", reason: "agent stops" }] };
    case "disconnected":
    case "stopped":
      return { state: { ...state, link }, effects: [] };
  }
}

function received(
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
