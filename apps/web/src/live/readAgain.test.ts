import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { expect, test } from "vitest";
import { readAgain } from "./readAgain.ts";

/** A query somebody looks at, whose answers come when the test says so, in order. */
function watched(client: QueryClient, name: string) {
  const answers = Array.from({ length: 3 }, () => Promise.withResolvers<string>());
  let asked = 0;
  const observer = new QueryObserver(client, {
    queryKey: [name],
    queryFn: () => {
      asked += 1;
      return answers[asked - 1]?.promise ?? "asked too often";
    },
    retry: false,
  });
  const stop = observer.subscribe(() => undefined);
  return {
    answer: (index: number, text: string) => answers[index]?.resolve(text),
    refuse: (index: number) => answers[index]?.reject(new Error("refused")),
    asked: () => asked,
    shown: () => observer.getCurrentResult().data,
    stop,
  };
}

test("a first answer that was under way when something changed is read again", async () => {
  const client = new QueryClient();
  const events = watched(client, "runEvents");
  const other = watched(client, "jobList");
  const done = readAgain(client, ({ queryKey }) => queryKey[0] === "runEvents");
  events.answer(0, "queued");
  events.answer(1, "queued, running");
  other.answer(0, "jobs");
  await done;
  expect(events.shown()).toBe("queued, running");
  expect([events.asked(), other.asked()]).toEqual([2, 1]);
  events.stop();
  other.stop();
});

test("an answer that is there is read again once, and a first one that fails is asked for again", async () => {
  const client = new QueryClient();
  const there = watched(client, "there");
  there.answer(0, "old");
  await client.getQueryCache().find({ queryKey: ["there"] })?.promise;
  const failing = watched(client, "failing");
  const done = readAgain(client, () => true);
  there.answer(1, "new");
  failing.refuse(0);
  failing.answer(1, "came");
  await done;
  expect([there.shown(), there.asked()]).toEqual(["new", 2]);
  expect([failing.shown(), failing.asked()]).toEqual(["came", 2]);
  there.stop();
  failing.stop();
});
