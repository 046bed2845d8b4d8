// Row 56: when an agent that has not said goodbye is shown as stale, and when as offline.

import type { Transport } from "./types.ts";

/** Without an offered interval clients send a heartbeat or poll this often. */
export const HEARTBEAT_INTERVAL_MS_DEFAULT = 30_000;

/** Missing this many intervals makes an agent stale; a late one or a lost one alone does not. */
export const STALE_AFTER_INTERVALS = 3;

export const OFFLINE_AFTER_INTERVALS = 10;

export type ConnectionState = "connected" | "stale" | "offline";

export type Liveness = {
  /** When any message of the agent arrived last, ms since the epoch; null when none did. */
  readonly lastSeenAt: number | null;
  /** Null or 0 means the default. */
  readonly heartbeatIntervalMs: number | null;
  readonly transport: Transport;
  /** Whether the agent has the bit ReportsHeartbeat. */
  readonly reportsHeartbeat: boolean;
  /** For WebSockets, whether the owning socket is open. Ignored for HTTP. */
  readonly isOpen: boolean;
  /** False after agent_disconnect. */
  readonly present: boolean;
};

/**
 * A closed socket or a goodbye is offline at once. Silence counts only for who promised to speak: HTTP
 * agents poll, WebSocket agents do if they report heartbeats; of the others the open socket is the proof.
 */
export function connectionState(liveness: Liveness, now: number): ConnectionState {
  const { lastSeenAt, transport, isOpen, present, reportsHeartbeat } = liveness;
  if (lastSeenAt === null || !present || (transport === "ws" && !isOpen)) return "offline";
  if (transport === "ws" && !reportsHeartbeat) return "connected";
  const intervals = (now - lastSeenAt) / (liveness.heartbeatIntervalMs || HEARTBEAT_INTERVAL_MS_DEFAULT);
  if (intervals < STALE_AFTER_INTERVALS) return "connected";
  return intervals < OFFLINE_AFTER_INTERVALS ? "stale" : "offline";
}

/** When {@link connectionState} next changes by time alone; null when it will not. */
export function connectionStateChangesAt(liveness: Liveness, now: number): number | null {
  const state = connectionState(liveness, now);
  const { lastSeenAt, transport, reportsHeartbeat } = liveness;
  if (lastSeenAt === null || state === "offline" || (transport === "ws" && !reportsHeartbeat)) return null;
  const intervals = state === "connected" ? STALE_AFTER_INTERVALS : OFFLINE_AFTER_INTERVALS;
  return lastSeenAt + intervals * (liveness.heartbeatIntervalMs || HEARTBEAT_INTERVAL_MS_DEFAULT);
}
