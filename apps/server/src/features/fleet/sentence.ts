import { duration } from "../../platform/words.ts";
import { isUnknownSinceOffer } from "../health/levels.ts";
import { agentState } from "./state.ts";
import type { AgentRow } from "./store.ts";

/** One true sentence about an agent, for the top of its page: state, then what matters most about it. */
export function agentSentence(row: AgentRow, now: number): string {
  const { state, since } = agentState(row, now);
  const forTime = duration(now - since);
  const seen =
    row.last_seen_at === null ? "never seen" : `last seen ${duration(now - row.last_seen_at.getTime())} ago`;
  switch (state) {
    case "expected":
      return `Expected since ${forTime}; it has not come yet.`;
    case "pending":
      return `Waits for approval since ${forTime}.`;
    case "revoked":
      return `Revoked ${forTime} ago: ${row.revoked_reason ?? "no reason given"}.`;
    case "offline":
      return row.last_seen_at === null
        ? `Enrolled ${forTime} ago, never connected.`
        : `Offline since ${forTime} · ${seen}.`;
    case "stale":
      return `Silent: its heartbeat is overdue · ${seen}.`;
    case "connected":
      return (
        [health(row, now), seen, certificate(row, now)].filter((part) => part !== null).join(" · ") + "."
      );
  }
}

function health(row: AgentRow, now: number): string {
  if (row.healthy === null) return "Connected, health unknown";
  if (isUnknownSinceOffer(row, now)) return "Connected, health unknown since settings were offered to it";
  if (row.healthy) return "Healthy";
  return row.health_status === null || row.health_status === ""
    ? "Unhealthy"
    : `Unhealthy: ${row.health_status}`;
}

function certificate(row: AgentRow, now: number): string | null {
  if (row.credential !== "certificate" || row.certificate_expires_at === null) return null;
  const left = row.certificate_expires_at.getTime() - now;
  return left > 0 ? `certificate valid for ${duration(left)}` : "certificate expired";
}
