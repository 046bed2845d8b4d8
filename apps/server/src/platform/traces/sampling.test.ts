import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { BASELINE, isSent } from "./sampling.ts";

const read = { method: "GET", route: "/api/v1/runs", status: 200, traceId: "f".repeat(32) };

test("what changes something, fails or is about incidents is always sent", () => {
  expect(isSent(read)).toBe(false);
  expect(isSent({ ...read, method: "POST" })).toBe(true);
  expect(isSent({ ...read, method: "DELETE" })).toBe(true);
  expect(isSent({ ...read, status: 404 })).toBe(true);
  expect(isSent({ ...read, status: 500 })).toBe(true);
  expect(isSent({ ...read, route: "/api/v1/incidents" })).toBe(true);
});

test("of what only reads, the baseline is sent, by the trace's id", () => {
  const traces = 20_000;
  let sent = 0;
  for (let i = 0; i < traces; i += 1)
    if (isSent({ ...read, traceId: randomBytes(16).toString("hex") })) sent += 1;
  // Ten standard deviations on either side.
  expect(Math.abs(sent / traces - BASELINE)).toBeLessThan(0.0155);
  expect(isSent({ ...read, traceId: "0".repeat(32) })).toBe(true);
});
