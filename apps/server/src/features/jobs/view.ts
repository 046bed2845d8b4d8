import { capitalized, endWords, duration, isTerminal, withFullStop, type Job } from "@flowplane/contract";
import { timestamp } from "../../platform/context.ts";
import { plural } from "../../platform/words.ts";
import { localWords, scheduleWords } from "./schedule-words.ts";
import type { ShownJobRow } from "./store.ts";

/** A job as the API shows it. */
export function jobOf(row: ShownJobRow, now: number): Job {
  const schedule = row.schedule_policy;
  return {
    id: row.id,
    job_id: row.id,
    status: row.archived_at !== null ? "ARCHIVED" : schedule?.paused === true ? "PAUSED" : "CREATED",
    site_id: row.site_id,
    name: row.name,
    description: row.description,
    command: row.command,
    args: row.args,
    cwd: row.cwd,
    grace_ms: row.grace_ms,
    env_policy: {
      inherit: row.env_policy.inherit ?? [],
      set: row.env_policy.set ?? {},
      secrets: row.env_policy.secrets ?? {},
    },
    resource_policy: row.resource_policy,
    user: row.run_as_user,
    group: row.run_as_group,
    isolation: row.isolation,
    retry: row.retry,
    progress: row.progress,
    schedule_policy: schedule,
    schedule_in_words: schedule === null ? null : scheduleWords(schedule),
    placement: row.placement,
    concurrency_max: row.concurrency_max,
    policy:
      row.policy_id === null
        ? null
        : { policy_id: row.policy_id, name: row.policy_name ?? "", version: row.policy_version },
    detection_policy_version: row.detection_policy_version,
    managed_by: row.managed_by,
    sentence: jobSentence(row, now),
    next_run_at: timestamp(row.next_run_at),
    last_run:
      row.last_run === null
        ? null
        : {
            id: row.last_run.id,
            state: row.last_run.state,
            created_at: timestamp(new Date(row.last_run.created_at)),
          },
    runs_active: row.runs_active,
    revision: row.revision,
    created_by: row.created_by,
    created_at: timestamp(row.created_at),
    updated_at: timestamp(row.updated_at),
    archived_at: timestamp(row.archived_at),
  };
}

/** When it starts, what it does now, how it went last, and what somebody should know. */
function jobSentence(row: ShownJobRow, now: number): string {
  if (row.archived_at !== null)
    return `Archived ${duration(now - row.archived_at.getTime())} ago; it starts no more.`;
  return [startWords(row), activityWords(row, now), noteWords(row), labelWords(row)]
    .filter((part) => part !== null)
    .join(" ");
}

function startWords({ schedule_policy: schedule, next_run_at: next }: ShownJobRow): string {
  if (schedule === null) return "It starts when somebody asks.";
  const words = scheduleWords(schedule);
  if (schedule.paused) return `Paused: resume it, and it starts ${words} again.`;
  if (next === null) return `It was to start ${words}, and starts no more by itself.`;
  return `It starts ${words}, next on ${localWords(next.getTime(), schedule.time_zone)}.`;
}

function activityWords({ last_run: last, runs_active: active }: ShownJobRow, now: number): string | null {
  const underWay = active === 0 ? null : `${plural(active, "run")} ${active === 1 ? "is" : "are"} under way.`;
  if (last === null) return underWay ?? "It has never run.";
  if (!isTerminal(last.state)) return underWay;
  const ended = `The last run ${endWords(last)} ${duration(now - Date.parse(last.state_since))} ago.`;
  return underWay === null ? ended : `${underWay} ${ended}`;
}

/** A start that led to no run is worth a word until a later one does. */
function noteWords({ note, note_at: at, last_run: last }: ShownJobRow): string | null {
  if (note === null || at === null) return null;
  if (last !== null && Date.parse(last.created_at) > at.getTime()) return null;
  return withFullStop(capitalized(note));
}

function labelWords({ detection_policy_version: label, policy_id: policyId }: ShownJobRow): string | null {
  if (label === null || policyId !== null) return null;
  return `No detection policy here has a version ${label}; it runs under the current version of the default one.`;
}
