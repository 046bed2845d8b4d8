import { getEventListeners } from "node:events";
import { expect, test } from "vitest";
import { Wakeup } from "./wakeup.ts";

const FAR_MS = 60_000;

test("a wait ends by a notice, by its time, by the signal, and at once by a notice that came before it", async () => {
  const wakeup = new Wakeup();
  const { signal } = new AbortController();
  const notified = wakeup.wait(FAR_MS, signal);
  wakeup.notify();
  await notified;
  await wakeup.wait(1, signal);
  wakeup.notify();
  await wakeup.wait(FAR_MS, signal);

  const stopping = new AbortController();
  const stopped = wakeup.wait(Infinity, stopping.signal);
  stopping.abort();
  await stopped;
  await wakeup.wait(Infinity, stopping.signal);
});

test("waiting often leaves nothing behind at a signal that lives as long as the agent", async () => {
  const wakeup = new Wakeup();
  const { signal } = new AbortController();
  for (let waits = 0; waits < 100; waits += 1) {
    const waited = wakeup.wait(FAR_MS, signal);
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    wakeup.notify();
    await waited;
  }
  expect(getEventListeners(signal, "abort")).toEqual([]);
});
