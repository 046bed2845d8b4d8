import { expect, test } from "vitest";
import { HealthRegistry } from "./health.ts";

function makeHealth() {
  const time = { now: 1000 };
  return { time, health: new HealthRegistry({ clock: () => time.now, settleMs: 100 }) };
}

test("a blink is not shown; a lasting problem is", () => {
  const { time, health } = makeHealth();
  health.ok("link", "connected");
  health.bad("link", "refused");
  expect(health.isHealthy()).toBe(true);
  time.now += 100;
  expect(health.conditions()).toEqual([{ name: "link", healthy: false, status: "refused", since: 1000 }]);
});

test("recovery is shown at once", () => {
  const { time, health } = makeHealth();
  health.bad("spool", "full");
  expect(health.isHealthy()).toBe(false);
  time.now += 5;
  health.ok("spool");
  expect(health.conditions()).toEqual([{ name: "spool", healthy: true, status: "ok", since: 1005 }]);
});

test("another wording of the same trouble does not restart its clock", () => {
  const { time, health } = makeHealth();
  health.ok("link");
  health.bad("link", "refused");
  time.now += 60;
  health.bad("link", "timed out");
  time.now += 60;
  expect(health.conditions()).toEqual([{ name: "link", healthy: false, status: "timed out", since: 1000 }]);
});

test("conditions are sorted by name and can be forgotten", () => {
  const { health } = makeHealth();
  health.ok("b");
  health.ok("a");
  health.bad("c", "gone");
  health.remove("c");
  expect(health.conditions().map((condition) => condition.name)).toEqual(["a", "b"]);
  expect(health.isHealthy()).toBe(true);
});
