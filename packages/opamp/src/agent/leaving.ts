// The ends of a connection, and when the next one begins.

import { retryDelayMs } from "./backoff.ts";
import type { AgentSession, AgentStepResult } from "./types.ts";

/** A connection on which the server answered was a good one: its end begins a new count. */
export function disconnected(
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

/** The same, closing the socket ourselves. */
export function hangUp(
  state: AgentSession,
  reason: string,
  retryAfterMs: number | undefined,
  now: number,
  random: () => number,
): AgentStepResult {
  return { state: disconnected(state, retryAfterMs, now, random), effects: [{ kind: "close", reason }] };
}
