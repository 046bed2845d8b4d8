import { expect, test } from "vitest";
import { aborted, every, wait } from "./wait.ts";

test("a wait ends when its signal aborts", async () => {
  const stop = new AbortController();
  const waiting = wait(3_600_000, stop.signal);
  stop.abort();
  await waiting;
});

test("a wait longer than a timer can hold does not fire at once", async () => {
  const stop = new AbortController();
  let over = false;
  const waiting = wait(2 ** 40, stop.signal).then(() => void (over = true));
  await wait(5, new AbortController().signal);
  expect(over).toBe(false);
  stop.abort();
  await waiting;
});

test("every: calls do not overlap and stop with the signal", async () => {
  const stop = new AbortController();
  let running = 0;
  let calls = 0;
  await every(1, stop.signal, async () => {
    running += 1;
    expect(running).toBe(1);
    await wait(2, stop.signal);
    running -= 1;
    calls += 1;
    if (calls === 3) stop.abort();
  });
  expect(calls).toBe(3);
});

test("every: rejects with what the function throws", async () => {
  const failing = every(1, new AbortController().signal, () => Promise.reject(new Error("disk")));
  await expect(failing).rejects.toThrow("disk");
});

test("aborted resolves for a signal that is already aborted", async () => {
  await aborted(AbortSignal.abort());
});
