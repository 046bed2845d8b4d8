// The sequence rules: next, retry, or something was missed. The question ReportFullState is put once for
// each gap. It is repeated only where its reply may be lost: to a retry, on a new socket, and after a
// minute without an answer; a question in every reply would make many clients answer in a loop.

import { toHex } from "../bytes.ts";
import { RemoteConfigStatuses, type AgentToServer } from "../gen/opamp_pb.ts";
import { NOTHING_SENT } from "./state.ts";
import type { AgentState, Incoming, StepContext } from "./types.ts";

/** An agent that did not answer ReportFullState is asked again after this, or when it reconnects. */
export const FULL_STATE_REASK_MS = 60_000;

/** How a message relates to what was processed before it. */
export type Arrival = {
  kind: "next" | "retry" | "unknown_agent" | "sequence_gap";
  /** The agent's first message on this connection. */
  isFirst: boolean;
  /** Ask for a full report in the reply to this message. */
  asksFullState: "unknown_agent" | "sequence_gap" | "not_answered" | "verdict_missing" | null;
};

export function judgeArrival(
  state: AgentState,
  { uid, message, digest }: Incoming,
  context: StepContext,
): Arrival {
  const { sequenceNum, messageDigest, fullStateAsked: asked } = state;
  const isFirst = !context.connection.agents.has(uid);
  const isNewSocket = isFirst && context.connection.transport === "ws";
  if (sequenceNum === null) return { kind: "unknown_agent", isFirst, asksFullState: "unknown_agent" };
  if (message.sequenceNum === sequenceNum && digest === messageDigest) {
    // The reply may be what got lost, so the question is repeated with it. On a new socket it may also be a
    // new process whose heartbeat happens to look like the last one's; asking is always safe.
    const mustAsk = isNewSocket || asked?.sequenceNum === sequenceNum;
    return { kind: "retry", isFirst, asksFullState: mustAsk ? "not_answered" : null };
  }
  if (message.sequenceNum !== sequenceNum + 1n) {
    return { kind: "sequence_gap", isFirst, asksFullState: "sequence_gap" };
  }
  // What became of a configuration while it had no socket is a change that an agent may take for reported.
  const isApplying = state.remoteConfigStatus?.status === "applying" && !message.remoteConfigStatus;
  if (isNewSocket && isApplying) return { kind: "next", isFirst, asksFullState: "verdict_missing" };
  const mayBeLost = isNewSocket || (asked !== null && context.now - asked.at >= FULL_STATE_REASK_MS);
  const unanswered = asked !== null && !message.agentDescription && mayBeLost;
  return { kind: "next", isFirst, asksFullState: unanswered ? "not_answered" : null };
}

/** The state with the message counted. */
export function recordArrival(
  state: AgentState,
  incoming: Incoming,
  arrival: Arrival,
  now: number,
): AgentState {
  // What the lost reply may have carried must be sent again.
  if (arrival.kind === "retry") {
    const { sequenceNum } = incoming.message;
    const fullStateAsked = arrival.asksFullState ? { sequenceNum, at: now } : state.fullStateAsked;
    return { ...state, sent: NOTHING_SENT, fullStateAsked };
  }
  const { sequenceNum, agentDescription } = incoming.message;
  let { fullStateAsked } = state;
  if (arrival.asksFullState) fullStateAsked = { sequenceNum, at: now };
  // Every client's full report has the description, and hardly any other report does.
  else if (agentDescription) fullStateAsked = null;
  // After a gap the agent may be a new process that has forgotten what it was sent.
  const sent = arrival.kind === "next" ? state.sent : NOTHING_SENT;
  const interruptedConfig = configInterruptedIn(incoming.message) ?? stillInterrupted(state);
  return { ...state, sequenceNum, messageDigest: incoming.digest, fullStateAsked, interruptedConfig, sent };
}

/** The hash that a process names with its very first message as being applied: it cannot have been offered it. */
export function configInterruptedIn({ sequenceNum, remoteConfigStatus }: AgentToServer): string | null {
  if (sequenceNum !== 0n || remoteConfigStatus?.status !== RemoteConfigStatuses.RemoteConfigStatuses_APPLYING)
    return null;
  return toHex(remoteConfigStatus.lastRemoteConfigHash);
}

function stillInterrupted({ interruptedConfig, remoteConfigStatus }: AgentState): string | null {
  return remoteConfigStatus?.status === "applying" && remoteConfigStatus.hash === interruptedConfig
    ? interruptedConfig
    : null;
}
