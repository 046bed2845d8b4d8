import { expect, test } from "vitest";
import { createInProcessBus } from "./in-process.ts";

test("what is not retained reaches who listens now and nobody who resumes", () => {
  const bus = createInProcessBus((error) => {
    throw error;
  });
  const live: unknown[] = [];
  const resumed: unknown[] = [];
  let resets = 0;
  bus.subscribe("a", ({ id, data }) => live.push([id.split("-")[1], data]));
  bus.publish("a", 1);
  bus.publish("a", "bulky", { retain: false });
  bus.publish("a", 2);
  expect(live).toEqual([
    ["1", 1],
    ["1", "bulky"],
    ["2", 2],
  ]);
  const first: string[] = [];
  bus.subscribe("a", ({ id }) => first.push(id));
  bus.publish("a", 3);
  const epoch = first[0]?.split("-")[0] ?? "";
  bus.subscribe("a", ({ data }) => resumed.push(data), { after: `${epoch}-1`, reset: () => (resets += 1) });
  expect(resumed).toEqual([2, 3]);
  expect(resets).toBe(0);
});
