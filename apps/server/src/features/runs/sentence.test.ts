import { expect, test } from "vitest";
import { runSentence, type ActorRef } from "@flowplane/contract";
import { T0 } from "./fixtures.ts";
import type { ShownRunRow } from "./store.ts";

const NOW = T0 + 600_000;
const ago = (ms: number) => new Date(NOW - ms);
const ada: ActorRef = { type: "user", id: "u", name: "Ada" };

const row: ShownRunRow = {
  id: "019b76da-a800-7000-8000-000000000001",
  organization_id: "019b76da-a800-7000-8000-000000000002",
  site_id: "019b76da-a800-7000-8000-000000000003",
  agent_id: "019b76da-a800-7000-8000-000000000004",
  agent_name: "edge-1",
  job_id: null,
  kind: "process",
  name: "make",
  command: "make",
  args: [],
  cwd: null,
  env_names: [],
  grace_ms: 10_000,
  max_runtime_ms: null,
  holder: null,
  state: "RUNNING",
  state_since: ago(180_000),
  waiting_for: null,
  deadline: null,
  pid: 7,
  exit_code: null,
  signal: null,
  reason: null,
  stop: null,
  restart_of: null,
  created_by: ada,
  created_at: ago(200_000),
  started_at: ago(180_000),
  ended_at: null,
  log_bytes: 0,
  log_lines: 0,
  log_stored_seq: 0,
  log_last_seq: null,
  origin: "api",
  attempt: 1,
  retry_of: null,
  lineage: null,
  scheduled_for: null,
  retry_at: null,
  resource_policy: {},
  isolation: null,
  run_as_user: null,
  run_as_group: null,
  retry: null,
  progress: null,
  placement: null,
  inherit_env: [],
  secret_env: {},
  policy_id: null,
  policy_name: null,
  policy_version: null,
  policy_mode: null,
  enforced: [],
  intervention: null,
  frozen_since: null,
  incidents_open: 0,
  incidents_total: 0,
  usage: null,
  log_redactions: 0,
  log_expired_at: null,
  log_expired_seq: 0,
  log_expired_until: null,
  evidence_last: null,
  agent_state: "connected",
  agent_seen_at: ago(1_000),
};
const stop = {
  mode: "stop",
  actor: ada,
  reason: "too loud!",
  requested_at: ago(5_000).toISOString(),
} as const;
const away = { agent_state: "offline", agent_seen_at: ago(120_000) } as const;
const over = { state_since: ago(60_000), ended_at: ago(60_000) } as const;

function check(change: Partial<ShownRunRow>, sentence: string): void {
  expect(runSentence({ ...row, ...change }, NOW)).toBe(sentence);
}

test("an active run says what it does, and how old that news is", () => {
  check({}, "Running on edge-1 for 3 min.");
  check(away, "Running on edge-1 for 3 min when the agent was last heard from, 2 min ago.");
  check({ agent_state: null, agent_seen_at: null }, "Running on edge-1 for 3 min as far as is known.");
  check({ state: "STARTING", state_since: ago(4_000) }, "Starting on edge-1 since 4 s.");
  check({ state: "QUEUED" }, "Queued 3 min ago; the agent edge-1 is about to take it.");
  check(
    { state: "QUEUED", agent_state: "offline", agent_seen_at: null },
    "Queued 3 min ago; it starts when the agent edge-1 is back.",
  );
  check({ state: "STOPPING", state_since: ago(5_000) }, "Stopping since 5 s.");
  check({ state: "STOPPING", state_since: ago(5_000), stop }, "Stopping since 5 s, asked by Ada: too loud!");
});

test("an ended run says how it ended, who wanted it, how long it took and why", () => {
  check({ ...over, state: "SUCCEEDED", exit_code: 0 }, "Succeeded after 2 min, 1 min ago.");
  check({ ...over, state: "FAILED", exit_code: 3 }, "Failed with exit code 3 after 2 min, 1 min ago.");
  check({ ...over, state: "FAILED", signal: "SIGSEGV" }, "Failed: ended by SIGSEGV after 2 min, 1 min ago.");
  check(
    { ...over, state: "FAILED", exit_code: 127, started_at: null, reason: "there is no nope" },
    "Failed with exit code 127, 1 min ago: there is no nope.",
  );
  check({ ...over, state: "STOPPED", stop }, "Stopped by Ada after 2 min, 1 min ago: too loud!");
  check(
    { ...over, state: "STOPPED", stop, started_at: null },
    "Stopped by Ada before it started, 1 min ago: too loud!",
  );
  check({ ...over, state: "TIMED_OUT" }, "Ended at its time limit after 2 min, 1 min ago.");
  check(
    { ...over, state: "FAILED_STOP", reason: "two processes survived" },
    "Could not be stopped after 2 min, 1 min ago: two processes survived.",
  );
  check({ ...over, state: "LOST", reason: "the agent is gone" }, "Was lost, 1 min ago: the agent is gone.");
});
