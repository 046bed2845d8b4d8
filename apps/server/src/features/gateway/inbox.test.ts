import { expect, test } from "vitest";
import { until } from "../../testing/gateway.ts";
import { Inbox } from "./inbox.ts";

/** Takes the messages `sent`; those whose type is in `failing` fail so many times first. */
async function take(sent: readonly string[], failing: Readonly<Record<string, number>>, stop?: AbortSignal) {
  const left = new Map(Object.entries(failing));
  const [tried, stored]: [string[], string[]] = [[], []];
  let failures = 0;
  const inbox = new Inbox({
    store: async ({ type }) => {
      tried.push(type);
      const more = left.get(type) ?? 0;
      left.set(type, more - 1);
      if (more > 0) throw new Error("not now");
      stored.push(type);
    },
    onFailure: () => (failures += 1),
    random: () => 0,
    signal: stop ?? new AbortController().signal,
  });
  for (const type of sent) inbox.put({ lineId: "line", type, data: new Uint8Array() });
  return { inbox, tried, stored, failures: () => failures };
}

test("what fails is tried again before anything behind it is taken", async () => {
  const { tried, stored } = await take(["a", "b", "c"], { b: 2 });
  await until("all of them", () => (stored.length === 3 ? true : undefined));
  expect(tried).toEqual(["a", "b", "b", "b", "c"]);
});

test("what can never be stored is left to the agent after a few tries, and what is behind it goes on", async () => {
  const { stored, failures } = await take(["bad", "good"], { bad: 1_000 });
  await until("the other one", () => (stored.length === 1 ? true : undefined));
  expect([stored, failures()]).toEqual([["good"], 6]);
});

test("while one is tried, only so many more are kept", async () => {
  const { inbox, stored } = await take(["slow"], { slow: 3 });
  for (let count = 0; count < 500; count += 1)
    inbox.put({ lineId: "line", type: `m${count}`, data: new Uint8Array() });
  await until("those that were kept", () => (stored.length === 64 ? true : undefined));
  inbox.put({ lineId: "line", type: "later", data: new Uint8Array() });
  await until("one more", () => (stored.at(-1) === "later" ? true : undefined));
  expect(stored).toHaveLength(65);
});

test("nothing is tried again once the program ends", async () => {
  const stop = new AbortController();
  stop.abort();
  const { failures, tried } = await take(["a"], { a: 1_000 }, stop.signal);
  await until("the failure", () => (failures() === 1 ? true : undefined));
  expect(tried).toEqual(["a"]);
});
