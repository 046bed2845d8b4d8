import { duration, isTerminal, logSentence, runSentence, type Run, type Waiting } from "@flowplane/contract";
import { timestamp } from "../../platform/context.ts";
import type { ShownRunRow } from "./store.ts";

/** A run as the API shows it; everything that depends on the time or on its agent is judged now. */
export function runOf(row: ShownRunRow, now: number): Run {
  return {
    id: row.id,
    kind: row.kind,
    job_id: row.job_id,
    site_id: row.site_id,
    agent_id: row.agent_id,
    agent_name: row.agent_name,
    name: row.name,
    origin: row.origin,
    attempt: row.attempt,
    retry_of: row.retry_of,
    scheduled_for: timestamp(row.scheduled_for),
    command: row.command,
    args: row.args,
    cwd: row.cwd,
    env_names: row.env_names,
    grace_ms: row.grace_ms,
    max_runtime_ms: row.max_runtime_ms,
    resource_policy: row.resource_policy,
    isolation: row.isolation,
    user: row.run_as_user,
    group: row.run_as_group,
    retry: row.retry,
    progress: row.progress,
    policy:
      row.policy_mode === null
        ? null
        : {
            id: row.policy_id,
            name: row.policy_name ?? "",
            version: row.policy_version ?? 0,
            mode: row.policy_mode,
          },
    incidents: { open: row.incidents_open, total: row.incidents_total },
    intervention: row.intervention,
    frozen_since: timestamp(row.frozen_since),
    usage: row.usage,
    state: row.state,
    state_since: timestamp(row.state_since),
    waiting: waitingOf(row),
    sentence: runSentence(row, now) + retryWords(row, now),
    pid: row.pid,
    exit_code: row.exit_code,
    signal: row.signal,
    reason: row.reason,
    stop: row.stop,
    restart_of: row.restart_of,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    started_at: timestamp(row.started_at),
    ended_at: timestamp(row.ended_at),
    log: {
      bytes: row.log_bytes,
      lines: row.log_lines,
      stored_seq: row.log_stored_seq,
      complete: isLogComplete(row),
      redactions: row.log_redactions,
      ...expiryOf(row),
    },
  };
}

/** What has expired of a run's log. */
function expiryOf(
  row: Pick<
    ShownRunRow,
    "log_expired_at" | "log_expired_seq" | "log_expired_until" | "log_lines" | "log_stored_seq"
  >,
): Pick<Run["log"], "expired" | "first_seq" | "expired_until" | "sentence"> {
  const expired = row.log_expired_at !== null && row.log_lines > 0;
  const first_seq = (expired ? row.log_stored_seq : row.log_expired_seq) + 1;
  const expired_until = row.log_expired_until;
  const sentence = logSentence({ expired, first_seq, expired_until });
  return { expired, first_seq, expired_until: timestamp(expired_until), sentence };
}

function retryWords({ state, retry_at: at, attempt }: ShownRunRow, now: number): string {
  if (at === null || !isTerminal(state)) return "";
  const waitMs = at.getTime() - now;
  return ` Attempt ${attempt + 1} follows ${waitMs < 1_000 ? "now" : `in ${duration(waitMs)}`}.`;
}

/**
 * Whether the run has ended and every line of it is stored. After a presumed end nobody knows how many lines there
 * are, unless it never started.
 */
export function isLogComplete(
  row: Pick<ShownRunRow, "state" | "started_at" | "log_last_seq" | "log_stored_seq">,
): boolean {
  if (!isTerminal(row.state)) return false;
  if (row.log_last_seq !== null) return row.log_stored_seq >= row.log_last_seq;
  return row.started_at === null && (row.state === "STOPPED" || row.state === "FAILED");
}

function waitingOf(row: ShownRunRow): Waiting | null {
  const since = timestamp(row.state_since);
  const deadline = timestamp(row.deadline);
  switch (row.state) {
    case "QUEUED":
      return {
        for:
          row.agent_id === null
            ? (row.waiting_for ?? "an agent that fits")
            : row.agent_state === "connected"
              ? `the agent ${row.agent_name} to take it`
              : `the agent ${row.agent_name} to come back`,
        since,
        deadline,
      };
    case "STARTING":
    case "STOPPING":
      return { for: row.waiting_for ?? "the agent's next report", since, deadline };
    case "RUNNING":
    case "SUCCEEDED":
    case "FAILED":
    case "STOPPED":
    case "TIMED_OUT":
    case "FAILED_STOP":
    case "LOST":
      return null;
  }
}
