// Our agent's side of the link. It reports everything once after its start and when the server asks, and
// otherwise only what changed, over however many connections; the running sequence number tells the
// server when something was missed. Nothing here waits: the shell calls `stepAgent` with what happened,
// performs the effects in order, and sends `tick` at `nextWakeAt`.

import { received } from "./incoming.ts";
import { disconnected, hangUp } from "./leaving.ts";
import {
  flush,
  fullStateDueAt,
  goodbye,
  heartbeat,
  news,
  REPORT_PARTS,
  withQueued,
  withReported,
} from "./outgoing.ts";
import type { AgentEvent, AgentReport, AgentSession, AgentStepResult, Link } from "./types.ts";

/** The specification's default. */
export const HEARTBEAT_MS_DEFAULT = 30_000;
/** From `connect` to `opened`. */
export const CONNECT_TIMEOUT_MS = 20_000;

const FIRST_SEQUENCE_NUM_MAX = 2 ** 31; // five bytes on the wire

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
