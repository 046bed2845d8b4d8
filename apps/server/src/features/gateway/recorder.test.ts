import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { AgentToServerSchema, ServerToAgentSchema, uidBytes } from "@flowplane/opamp";
import { newId } from "../../platform/context.ts";
import { WIRE_BYTES_MAX, WIRE_BYTES_PER_AGENT_MAX, WIRE_MESSAGES_MAX, WireRecorder } from "./recorder.ts";

const uid = newId();
const heartbeat = (sequence: number) =>
  create(AgentToServerSchema, {
    instanceUid: uidBytes(uid),
    sequenceNum: BigInt(sequence),
    capabilities: 1n,
  });
const reply = create(ServerToAgentSchema, { instanceUid: uidBytes(uid) });
const config = (body: string) =>
  create(AgentToServerSchema, {
    instanceUid: uidBytes(uid),
    capabilities: 1n,
    effectiveConfig: { configMap: { configMap: { "": { body: Buffer.from(body) } } } },
  });

test("a row of heartbeats is one entry with a count, and what happens between them stands out", () => {
  const recorder = new WireRecorder();
  for (let sequence = 0; sequence < 100; sequence += 1) {
    recorder.received("a", heartbeat(sequence), 20, sequence);
    recorder.sent("a", reply, 20, sequence);
  }
  recorder.received("a", config("receivers: {}"), 50, 100);
  recorder.received("a", heartbeat(101), 20, 101);
  expect(recorder.read("a").map(({ direction, summary }) => `${direction} ${summary}`)).toEqual([
    "received heartbeat (100 in a row, the last one shown)",
    "sent reply (100 in a row, the last one shown)",
    "received effective config",
    "received heartbeat",
  ]);
});

test("secrets never get in", () => {
  const recorder = new WireRecorder();
  recorder.received("a", config("exporters:\n  otlp:\n    headers:\n      api_key: hunter2hunter2\n"), 50, 0);
  expect(JSON.stringify(recorder.read("a"))).not.toContain("hunter2");
});

test("an agent's messages are bounded by number and by bytes, all agents' by bytes", () => {
  const recorder = new WireRecorder();
  for (let count = 0; count < 2 * WIRE_MESSAGES_MAX; count += 1)
    recorder.received("many", config(`n: ${count}`), 9, count);
  expect(recorder.read("many")).toHaveLength(WIRE_MESSAGES_MAX);
  const large = config("x".repeat(15_000));
  for (let count = 0; count < 40; count += 1) recorder.received("large", large, 15_000, count);
  expect(JSON.stringify(recorder.read("large")).length).toBeLessThan(1.2 * WIRE_BYTES_PER_AGENT_MAX);
  for (let agent = 0; agent < 600; agent += 1)
    for (let count = 0; count < 8; count += 1) recorder.received(`agent ${agent}`, large, 15_000, count);
  expect(recorder.bytes).toBeLessThanOrEqual(WIRE_BYTES_MAX);
  expect(recorder.read("many")).toEqual([]);
  expect(recorder.read("agent 599").length).toBeGreaterThan(5);
});
