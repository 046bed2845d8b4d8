// Attempts that follow a run's end: planned with the end, in one transaction, and begun when their time has come, by this
// agent or the next.

import { basename } from "node:path";
import { newUid } from "@flowplane/opamp";
import { TEXT_CHARS_MAX } from "@flowplane/link";
import type { RunCreated, RunSpec } from "@flowplane/link";
import { appendEvent } from "../spool/events.ts";
import { deleteNextStart, insertNextStart, listNextStarts } from "../spool/next-starts.ts";
import type { NextStart } from "../spool/next-starts.ts";
import { countAttemptsSince } from "../spool/runs.ts";
import type { ActiveRun } from "./active-run.ts";
import { ATTEMPTS_WINDOW_MS, judgeRetry } from "./retry.ts";
import type { Outcome } from "./run.ts";
import type { Supervision } from "./supervision.ts";

/** What follows this end, or why nothing does; stores nothing. */
export function planNext(
  on: Supervision,
  run: ActiveRun,
  outcome: Outcome,
): NextStart | { none: string | null } {
  const { db, clock, steady, random } = on.options;
  const now = steady();
  const common = {
    lineage: run.lineage,
    previous: run.id,
    spec: { ...run.spec, lineage: run.lineage, attempt: (run.spec.attempt ?? 1) + 1 },
  };
  if (run.restart) {
    const { runId, argsAdd, envSet, delayMs, reason, actor } = run.restart;
    // A process that may still live must not get a second one beside it.
    if (outcome.state === "FAILED_STOP")
      return { none: "it was not started again: something of it still runs" };
    const spec = {
      ...common.spec,
      args: [...common.spec.args, ...argsAdd],
      env: { ...common.spec.env, ...envSet },
    };
    const { retriesUsed } = run;
    return {
      ...common,
      spec,
      runId,
      origin: "intervention",
      retriesUsed,
      actor,
      reason,
      delayMs,
      dueAt: now + delayMs,
    };
  }
  if (run.isForGood) return { none: null };
  const attemptsOfLate = countAttemptsSince(db, run.lineage, clock() - ATTEMPTS_WINDOW_MS);
  const ranMs = run.beganAt === null ? 0 : Math.max(0, outcome.endedAt - run.beganAt);
  const ended = { state: outcome.state, ranMs, retriesUsed: run.retriesUsed, attemptsOfLate };
  const verdict = judgeRetry(run.spec.retry, ended, random);
  if ("none" in verdict) return verdict;
  return {
    ...common,
    ...verdict,
    runId: newUid(clock(), random),
    origin: "retry",
    actor: "agent",
    reason: `attempt ${run.spec.attempt ?? 1} ended ${outcome.state}${outcome.reason === null ? "" : `: ${outcome.reason}`}`,
    dueAt: now + verdict.delayMs,
  };
}

/** The attempts to come, in memory as well, since every poll asks for them. */
export class Successors {
  readonly #on: Supervision;
  #waiting: NextStart[] = [];

  constructor(on: Supervision) {
    this.#on = on;
  }

  /** Takes up what the last agent had planned. */
  load(): void {
    this.#waiting = listNextStarts(this.#on.options.db);
  }

  /** Those that wait for their time, the next one first. */
  list(): readonly NextStart[] {
    return this.#waiting;
  }

  /** Stores one in the open transaction. `load` afterwards. */
  store(next: NextStart): void {
    insertNextStart(this.#on.options.db, next);
  }

  /** Ends what still was to come of a lineage, and says so in the timeline of the run it would have followed. */
  cancel(lineage: string, actor: string, reason: string): void {
    const { db, clock, onEvent } = this.#on.options;
    const ended = this.#waiting.filter((next) => next.lineage === lineage);
    if (ended.length === 0) return;
    db.durably(() => {
      for (const next of ended) {
        deleteNextStart(db, next.runId);
        appendEvent(db, {
          type: "run.note",
          runId: next.previous,
          at: clock(),
          payload: {
            title: "No further attempt",
            reason: `${actor}: ${reason}`.slice(0, TEXT_CHARS_MAX),
            payload: { retry: null, attempt: next.spec.attempt ?? 1 },
          },
        });
      }
    });
    this.load();
    onEvent();
  }

  /** Takes the first that is due out of the list, null when none is. */
  takeDue(): NextStart | null {
    const [first] = this.#waiting;
    if (!first || first.dueAt > this.#on.options.steady()) return null;
    this.#waiting = this.#waiting.slice(1);
    return first;
  }
}

/**
 * The event that a run of our own making begins with. Values of variables stay here; `hide` takes out of a text what is
 * secret in the run's environment.
 */
export function tellCreated(next: NextStart, createdAt: number, hide: (text: string) => string): RunCreated {
  const { env, ...spec } = next.spec;
  return {
    origin: next.origin,
    name: hide(nameOf(next.spec)).slice(0, NAME_CHARS_MAX),
    spec: { ...spec, args: spec.args.map(hide), env_names: Object.keys(env) },
    job_id: next.spec.job_id ?? null,
    attempt: next.spec.attempt ?? 1,
    retry_of: next.previous,
    created_at: new Date(createdAt).toISOString(),
    actor: next.actor.slice(0, TEXT_CHARS_MAX),
    reason: hide(next.reason).slice(0, TEXT_CHARS_MAX),
  };
}

const NAME_CHARS_MAX = 200;

function nameOf({ name, command }: RunSpec): string {
  return (name ?? basename(command)).slice(0, NAME_CHARS_MAX);
}
