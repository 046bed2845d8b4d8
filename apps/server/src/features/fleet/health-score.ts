// How well an agent is by when it was last heard, as the older gateway documents score it.

/**
 * `registered`: it has not been heard from yet. `inactive`: it said goodbye, its connection closed, or it was revoked.
 * `error`: it is there and says of itself that it is not well.
 */
export type Presence = "registered" | "active" | "inactive" | "error";

export type HealthStatus = "healthy" | "warning" | "unhealthy" | "offline";

/** Silence up to which an agent counts as healthy, and as one to look after; ms. */
export interface HealthThresholds {
  readonly healthyMs: number;
  readonly warningMs: number;
}

export const HEALTH_THRESHOLDS: HealthThresholds = { healthyMs: 60_000, warningMs: 300_000 };

export const HEALTH_SCORES: Readonly<Record<HealthStatus, 100 | 50 | 20 | 0>> = {
  healthy: 100,
  warning: 50,
  unhealthy: 20,
  offline: 0,
};

/** What of an agent's row says whether it is there. */
export interface PresenceColumns {
  readonly revoked_at: Date | null;
  readonly disconnected_at: Date | null;
  readonly last_seen_at: Date | null;
  readonly healthy: boolean | null;
}

export function presenceOf(row: PresenceColumns): Presence {
  if (row.revoked_at !== null) return "inactive";
  if (row.last_seen_at === null) return "registered";
  if (row.disconnected_at !== null) return "inactive";
  return row.healthy === false ? "error" : "active";
}

/**
 * The status by presence and silence. Whoever left, or never came, is offline; whoever is there and says that it is not
 * well is unhealthy however lately it said so; for the others silence decides, both limits included.
 * `silentMs` is null when it was never heard.
 */
export function healthStatus(
  presence: Presence,
  silentMs: number | null,
  thresholds: HealthThresholds = HEALTH_THRESHOLDS,
): HealthStatus {
  if (presence === "inactive" || presence === "registered" || silentMs === null) return "offline";
  if (presence === "error") return "unhealthy";
  if (silentMs <= thresholds.healthyMs) return "healthy";
  return silentMs <= thresholds.warningMs ? "warning" : "unhealthy";
}
