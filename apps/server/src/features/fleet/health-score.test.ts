import { describe, expect, test } from "vitest";
import { HEALTH_SCORES, healthStatus, presenceOf, type Presence } from "./health-score.ts";

const SECOND = 1_000;

describe("health by silence", () => {
  test.each([
    [0, "healthy", 100],
    [60 * SECOND, "healthy", 100],
    [60 * SECOND + 1, "warning", 50],
    [300 * SECOND, "warning", 50],
    [300 * SECOND + 1, "unhealthy", 20],
    [30 * 86_400 * SECOND, "unhealthy", 20],
    // A clock that was set back must not make an agent ill.
    [-5 * SECOND, "healthy", 100],
  ] as const)("an active agent silent for %d ms is %s", (silentMs, status, score) => {
    expect(healthStatus("active", silentMs)).toBe(status);
    expect(HEALTH_SCORES[status]).toBe(score);
  });

  test.each([
    ["inactive", 0, "offline"],
    ["inactive", null, "offline"],
    ["registered", null, "offline"],
    ["error", 0, "unhealthy"],
    ["error", 1_000 * SECOND, "unhealthy"],
  ] as const)("%s, silent for %s ms: %s", (presence: Presence, silentMs, status) => {
    expect(healthStatus(presence, silentMs)).toBe(status);
  });

  test("the thresholds are the caller's", () => {
    const slow = { healthyMs: 3_600 * SECOND, warningMs: 7_200 * SECOND };
    expect(healthStatus("active", 3_000 * SECOND, slow)).toBe("healthy");
    expect(healthStatus("active", 7_200 * SECOND, slow)).toBe("warning");
    expect(healthStatus("active", 7_201 * SECOND, slow)).toBe("unhealthy");
  });
});

describe("presence", () => {
  const at = new Date(0);
  const there = { revoked_at: null, disconnected_at: null, last_seen_at: at, healthy: null };
  test.each([
    [there, "active"],
    [{ ...there, healthy: true }, "active"],
    [{ ...there, healthy: false }, "error"],
    [{ ...there, last_seen_at: null }, "registered"],
    [{ ...there, disconnected_at: at, healthy: false }, "inactive"],
    [{ ...there, last_seen_at: null, revoked_at: at }, "inactive"],
  ] as const)("%o is %s", (row, presence) => {
    expect(presenceOf(row)).toBe(presence);
  });
});
