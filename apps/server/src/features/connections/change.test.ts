import { expect, test } from "vitest";
import { connectionChange } from "./change.ts";
import type { Told } from "./sentence.ts";

const NOW = Date.parse("2026-03-01T10:00:00.000Z");
const ago = (seconds: number) => new Date(NOW - seconds * 1_000);
const quiet = { healthy: true, health_at: ago(1), settings_offered_at: null };
const offer = (state: Told["state"], more: Partial<Told> = {}): Told => ({
  state,
  state_at: ago(120),
  deadline_at: ago(-3_480),
  retire_old: true,
  detail: "",
  ...more,
});
const check = (agent: Parameters<typeof connectionChange>[0], told: Told | undefined) =>
  connectionChange(agent, told, NOW);

test("an agent that was offered nothing, came, or is offered nothing any more has no change", () => {
  expect(check(quiet, undefined)).toBeNull();
  expect(check(quiet, offer("applied"))).toBeNull();
  expect(check(quiet, offer("withdrawn"))).toBeNull();
});

test("while the offer is open it reconnects", () => {
  for (const state of ["offered", "applying"] as const)
    expect(check(quiet, offer(state))).toMatchObject({
      state: "reconnecting",
      since: ago(120).toISOString(),
      sentence: expect.stringContaining("the old credential stays valid"),
    });
});

test("one that refused or did not come kept its old connection, and why is said", () => {
  expect(check(quiet, offer("failed", { detail: "x509: unknown authority" }))).toEqual({
    state: "kept_old",
    since: ago(120).toISOString(),
    sentence: "It kept its old connection: x509: unknown authority.",
  });
  expect(check(quiet, offer("failed"))?.sentence).toContain("did not say why");
  expect(check(quiet, offer("offered", { deadline_at: ago(5) }))).toEqual({
    state: "kept_old",
    since: ago(5).toISOString(),
    sentence: "It kept its old connection: it did not come with the new settings in time.",
  });
});

test("one that has not said how it is since is unknown, until it says so or for ten minutes", () => {
  const agent = { healthy: true, health_at: ago(60), settings_offered_at: ago(30) };
  expect(check(agent, offer("applied"))).toMatchObject({
    state: "unknown_since_offer",
    since: ago(30).toISOString(),
  });
  expect(check(agent, offer("offered"))?.state).toBe("reconnecting");
  expect(check({ ...agent, health_at: ago(10) }, offer("applied"))).toBeNull();
  expect(
    check({ ...agent, settings_offered_at: ago(600), health_at: ago(700) }, offer("applied")),
  ).toBeNull();
});
