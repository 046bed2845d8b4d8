import { expect, test } from "vitest";
import { aborted } from "./wait.ts";
import { runAll } from "./tasks.ts";

const never = new AbortController().signal;

test("the first task to fail stops the rest, and its error is the cause", async () => {
  const trace: string[] = [];
  const boom = new Error("boom");
  const all = runAll(
    [
      { name: "steady", run: (signal) => aborted(signal).then(() => void trace.push("steady stopped")) },
      { name: "broken", run: () => Promise.reject(boom) },
    ],
    never,
  );
  await expect(all).rejects.toMatchObject({ message: "broken failed", cause: boom });
  expect(trace).toEqual(["steady stopped"]);
});

test("a task that returns stops the rest without an error", async () => {
  let stopped = false;
  await runAll(
    [
      { name: "short", run: async () => undefined },
      { name: "long", run: (signal) => aborted(signal).then(() => void (stopped = true)) },
    ],
    never,
  );
  expect(stopped).toBe(true);
});

test("nobody outlives the call: it settles after the slowest task", async () => {
  const slow = Promise.withResolvers<void>();
  const outer = new AbortController();
  let settled = false;
  const all = runAll([{ name: "slow", run: () => slow.promise }], outer.signal).then(
    () => void (settled = true),
  );
  outer.abort();
  await new Promise((resolve) => setImmediate(resolve));
  expect(settled).toBe(false);
  slow.resolve();
  await all;
});

test("an abort error after the stop is no failure; any other error is", async () => {
  const outer = new AbortController();
  outer.abort(new Error("SIGTERM"));
  const throwReason = { name: "polite", run: async (signal: AbortSignal) => signal.throwIfAborted() };
  const throwAbort = {
    name: "fetching",
    run: async () => Promise.reject(new DOMException("stopped", "AbortError")),
  };
  await runAll([throwReason, throwAbort], outer.signal);

  const broken = { name: "broken", run: async () => Promise.reject(new Error("disk")) };
  await expect(runAll([throwReason, broken], outer.signal)).rejects.toThrow("broken failed");
});

test("several failures are all told", async () => {
  const fail = (name: string) => ({ name, run: async () => Promise.reject(new Error(name)) });
  await expect(runAll([fail("a"), fail("b")], never)).rejects.toThrow("a failed, b failed");
});

test("a task that throws before its first await is a failure like any other", async () => {
  const run = () => {
    throw new Error("early");
  };
  await expect(runAll([{ name: "hasty", run }], never)).rejects.toThrow("hasty failed");
});
