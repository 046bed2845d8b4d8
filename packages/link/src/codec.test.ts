import { expect, test } from "vitest";
import { decodeDown, decodeUp, encodeLink, packBySize, parseEvent } from "./codec.ts";
import { MESSAGE_BYTES_MAX } from "./limits.ts";
import type { DownMessage, LinkEvent, UpMessage } from "./messages.ts";

const at = "2026-01-01T00:00:00.000Z";
const event: LinkEvent = { seq: 1, type: "run.starting", run_id: "r1", at, payload: {} };

const ups: UpMessage[] = [
  { type: "intents_ack", body: { ids: ["i1"] } },
  { type: "events", body: { spool_id: "s1", events: [event] } },
];
const downs: DownMessage[] = [
  {
    type: "intents",
    body: { intents: [{ id: "i1", type: "run.start", payload: { a: 1 }, created_at: at }] },
  },
  { type: "events_ack", body: { spool_id: "s1", up_to: 4 } },
  { type: "watch", body: { run_id: "r1", from_seq: 1, ttl_ms: 30_000 } },
  { type: "unwatch", body: { run_id: "r1" } },
];

test("every message comes back as it was sent", () => {
  for (const message of ups) expect(decodeUp(encodeLink(message))).toEqual({ ok: true, value: message });
  for (const message of downs) expect(decodeDown(encodeLink(message))).toEqual({ ok: true, value: message });
});

test("a message of the other direction is not understood", () => {
  expect(decodeUp(encodeLink(downs[0]!))).toMatchObject({ ok: false });
  expect(decodeDown(encodeLink(ups[0]!))).toMatchObject({ ok: false });
});

function checkIssue(type: string, data: string | Uint8Array, expected: RegExp) {
  const decoded = decodeUp({ type, data: typeof data === "string" ? new TextEncoder().encode(data) : data });
  expect(decoded.ok ? "decoded" : decoded.issue).toMatch(expected);
}

test("what is wrong with bad input is said, never thrown", () => {
  checkIssue("nonsense", "{}", /unknown message type "nonsense"/);
  checkIssue("toString", "{}", /unknown message type/);
  checkIssue("events", "", /not UTF-8 JSON/);
  checkIssue("events", "[", /not UTF-8 JSON/);
  checkIssue("events", Uint8Array.of(0x22, 0xff, 0x22), /not UTF-8 JSON/);
  checkIssue("events", "null", /events: body: /);
  checkIssue("events", JSON.stringify({ spool_id: "../etc", events: [event] }), /spool_id/);
  checkIssue("events", JSON.stringify({ spool_id: "s", events: [{ ...event, seq: 0 }] }), /events\.0\.seq/);
  checkIssue(
    "events",
    JSON.stringify({ spool_id: "s", events: [{ ...event, at: "yesterday" }] }),
    /events\.0\.at/,
  );
  checkIssue("events", new Uint8Array(MESSAGE_BYTES_MAX + 1), /at most/);
  checkIssue("events", "[".repeat(100_000), /not UTF-8 JSON/);
});

test("unknown fields are dropped: the other end may be newer", () => {
  const wire = { type: "intents_ack", data: new TextEncoder().encode('{"ids":["a"],"later":true}') };
  expect(decodeUp(wire)).toEqual({ ok: true, value: { type: "intents_ack", body: { ids: ["a"] } } });
});

test("event payloads are checked by type", () => {
  expect(parseEvent({ ...event, type: "run.running", payload: { pid: 7, started_at: at } })).toMatchObject({
    ok: true,
  });
  expect(parseEvent({ ...event, type: "run.running", payload: { pid: -7, started_at: at } })).toMatchObject({
    ok: false,
    issue: /pid/,
  });
  expect(parseEvent({ ...event, type: "run.exploded" })).toEqual({
    ok: false,
    issue: "unknown event type run.exploded",
  });
});

test("packing keeps order and both limits; a single big item travels alone", () => {
  const pack = (sizes: number[]) => packBySize(sizes, (size) => size, 10, 3);
  expect(pack([])).toEqual([]);
  expect(pack([4, 4, 4])).toEqual([[4, 4], [4]]);
  expect(pack([1, 1, 1, 1])).toEqual([[1, 1, 1], [1]]);
  expect(pack([3, 99, 3])).toEqual([[3], [99], [3]]);
});
