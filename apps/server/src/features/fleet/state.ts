import { sql, type RawBuilder } from "kysely";
import type { AgentState, Waiting } from "@flowplane/contract";
import {
  AGENT_CAPABILITY,
  connectionState,
  OFFLINE_AFTER_INTERVALS,
  STALE_AFTER_INTERVALS,
  type Liveness,
} from "@flowplane/opamp";

/**
 * An agent's state is judged when read: nothing has to run for a silent agent to become stale.
 * The rule of silence is the protocol's (connectionState); it stands here a second time as SQL, to filter, sort and
 * count by it, and a test holds the two together.
 */
const REPORTS_HEARTBEAT = Number(AGENT_CAPABILITY.ReportsHeartbeat);

export interface StateColumns {
  readonly approval: "expected" | "pending" | "approved";
  readonly revoked_at: Date | null;
  readonly created_at: Date;
  readonly transport: "websocket" | "http" | null;
  readonly capabilities: number;
  readonly heartbeat_ms: number;
  readonly last_seen_at: Date | null;
  readonly connected_at: Date | null;
  readonly disconnected_at: Date | null;
}

/** The state and since when, in ms since the epoch. */
export function agentState(row: StateColumns, now: number): { state: AgentState; since: number } {
  if (row.revoked_at !== null) return { state: "revoked", since: row.revoked_at.getTime() };
  if (row.approval !== "approved") return { state: row.approval, since: row.created_at.getTime() };
  if (row.last_seen_at === null) return { state: "offline", since: row.created_at.getTime() };
  if (row.disconnected_at !== null) return { state: "offline", since: row.disconnected_at.getTime() };
  const state = connectionState(livenessOf(row), now);
  const seen = row.last_seen_at.getTime();
  switch (state) {
    case "connected":
      return { state, since: (row.connected_at ?? row.last_seen_at).getTime() };
    case "stale":
      return { state, since: seen + STALE_AFTER_INTERVALS * row.heartbeat_ms };
    case "offline":
      return { state, since: seen + OFFLINE_AFTER_INTERVALS * row.heartbeat_ms };
  }
}

function livenessOf(row: StateColumns): Liveness {
  return {
    lastSeenAt: row.last_seen_at?.getTime() ?? null,
    heartbeatIntervalMs: row.heartbeat_ms,
    transport: row.transport === "websocket" ? "ws" : "http",
    reportsHeartbeat: (row.capabilities & REPORTS_HEARTBEAT) !== 0,
    isOpen: row.disconnected_at === null,
    present: row.disconnected_at === null,
  };
}

/** What a transitional state waits for; the others wait for nothing. */
export function agentWaiting(row: StateColumns, now: number): Waiting | null {
  const { state, since } = agentState(row, now);
  const at = new Date(since).toISOString();
  switch (state) {
    case "pending":
      return { for: "approval by a person", since: at, deadline: null };
    case "expected":
      return { for: "its first contact", since: at, deadline: null };
    case "stale":
      return {
        for: "its next heartbeat",
        since: at,
        deadline: new Date(
          (row.last_seen_at?.getTime() ?? since) + OFFLINE_AFTER_INTERVALS * row.heartbeat_ms,
        ).toISOString(),
      };
    case "connected":
    case "offline":
    case "revoked":
      return null;
  }
}

/** `agentState` as SQL over the columns of `agents`. */
export function stateSql(now: number): RawBuilder<AgentState> {
  const at = sql`${new Date(now).toISOString()}::timestamptz`;
  const silentMs = sql`extract(epoch from ${at} - agents.last_seen_at) * 1000`;
  return sql<AgentState>`case
    when agents.revoked_at is not null then 'revoked'
    when agents.approval <> 'approved' then agents.approval
    when agents.last_seen_at is null or agents.disconnected_at is not null then 'offline'
    when agents.transport = 'websocket' and agents.capabilities & ${sql.lit(REPORTS_HEARTBEAT)} = 0 then 'connected'
    when ${silentMs} < ${sql.lit(STALE_AFTER_INTERVALS)} * agents.heartbeat_ms then 'connected'
    when ${silentMs} < ${sql.lit(OFFLINE_AFTER_INTERVALS)} * agents.heartbeat_ms then 'stale'
    else 'offline' end`;
}
