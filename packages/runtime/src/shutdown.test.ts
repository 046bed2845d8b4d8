import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { aborted } from "./wait.ts";
import { listenForShutdown } from "./shutdown.ts";

test("the first signal is graceful, the second means now", () => {
  const source = new EventEmitter();
  using shutdown = listenForShutdown({ graceMs: 60_000, source });
  source.emit("SIGTERM", "SIGTERM");
  expect([shutdown.graceful.aborted, shutdown.now.aborted]).toEqual([true, false]);
  source.emit("SIGINT", "SIGINT");
  expect(shutdown.now.reason).toMatchObject({ message: "second signal (SIGINT)" });
});

test("a graceful stop that takes too long becomes now", async () => {
  using shutdown = listenForShutdown({ graceMs: 5, source: new EventEmitter() });
  shutdown.begin("data folder gone");
  expect(shutdown.graceful.reason).toMatchObject({ message: "data folder gone" });
  // The grace timer is unreferenced on purpose, so something else has to keep this process alive meanwhile.
  const keepAlive = setInterval(() => undefined, 1000);
  await aborted(shutdown.now);
  clearInterval(keepAlive);
});

test("after disposal signals are no longer heard", () => {
  const source = new EventEmitter();
  const shutdown = listenForShutdown({ graceMs: 1000, source });
  shutdown[Symbol.dispose]();
  expect(source.listenerCount("SIGINT") + source.listenerCount("SIGTERM")).toBe(0);
});
