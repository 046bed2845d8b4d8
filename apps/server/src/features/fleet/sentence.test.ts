import { expect, test } from "vitest";
import { agentSentence } from "./sentence.ts";
import type { AgentRow } from "./store.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const ago = (ms: number) => new Date(NOW - ms);
const HOUR = 3_600_000;

const connected: AgentRow = {
  id: "019b76da-a800-7000-8000-000000000001",
  organization_id: "019b76da-a800-7000-8000-000000000002",
  site_id: "019b76da-a800-7000-8000-000000000003",
  kind: "site",
  name: "edge-1",
  instance_uid: "019b76da-a800-7000-8000-000000000001",
  approval: "approved",
  labels: {},
  version: "0.1.0",
  os: "linux",
  hostname: "edge-1",
  healthy: true,
  health_status: "ok",
  health_at: ago(10_000),
  settings_offered_at: null,
  capabilities: 0x2001,
  message_digest: null,
  next_instance_uid: null,
  sequence_num: 7,
  transport: "websocket",
  credential: "certificate",
  remote_address: "127.0.0.1",
  reached_url: "wss://127.0.0.1:4320/v1/opamp",
  token_retired_at: null,
  connection_id: "019b76da-a800-7000-8000-000000000004",
  connected_at: ago(5 * HOUR),
  disconnected_at: null,
  last_seen_at: ago(3_000),
  heartbeat_ms: 30_000,
  enrolment_token_id: null,
  public_key_hash: null,
  certificate_expires_at: new Date(NOW + 7 * HOUR),
  revoked_at: null,
  revoked_reason: null,
  telemetry_epoch: 1,
  created_at: ago(48 * HOUR),
  changed_at: ago(48 * HOUR),
  search: "edge-1 edge-1 {}",
};

function check(change: Partial<AgentRow>, expected: string): void {
  expect(agentSentence({ ...connected, ...change }, NOW)).toBe(expected);
}

test("each state has its sentence", () => {
  check({}, "Healthy · last seen 3 s ago · certificate valid for 7 h.");
  check({ credential: "bearer" }, "Healthy · last seen 3 s ago.");
  check({ healthy: null }, "Connected, health unknown · last seen 3 s ago · certificate valid for 7 h.");
  check(
    { healthy: false, health_status: "exporter down" },
    "Unhealthy: exporter down · last seen 3 s ago · certificate valid for 7 h.",
  );
  check({ last_seen_at: ago(120_000) }, "Silent: its heartbeat is overdue · last seen 2 min ago.");
  check(
    { disconnected_at: ago(2 * HOUR), last_seen_at: ago(2 * HOUR) },
    "Offline since 2 h · last seen 2 h ago.",
  );
  check({ approval: "pending" }, "Waits for approval since 2 d.");
  check({ approval: "expected", last_seen_at: null }, "Expected since 2 d; it has not come yet.");
  check({ last_seen_at: null }, "Enrolled 2 d ago, never connected.");
  check({ revoked_at: ago(HOUR), revoked_reason: "stolen laptop" }, "Revoked 1 h ago: stolen laptop.");
});
