// Handlers about runs: list, read, launch, stop, pause, restart, timeline.

import { isTerminal, type Run, type RunState } from "@flowplane/contract";
import { findRemembered, listRemembered, readEventsOfTypes, readRunEvents } from "../spool/history.ts";
import type { RememberedRun } from "../spool/history.ts";
import { createRun, localActor, restartRun } from "./create.ts";
import type { LocalContext } from "./context.ts";
import type { Call, Handlers } from "./call.ts";
import { pageOf, readCursor } from "./pages.ts";
import { LocalProblem, noSuch } from "./problem.ts";
import { LOCAL_ID } from "./place.ts";
import { FACT_TYPES, viewEvent, viewRun } from "./run-view.ts";

/** Events a run's view is made of: more than a timeline holds, see TIMELINE_EVENTS_MAX. */
const FACTS_MAX = 2_000;
/** Runs looked through for one page that is filtered. */
const LOOKED_THROUGH_MAX = 1_000;

export const runHandlers: Handlers = {
  runCreate: (call, { body }) => showRun(call, createRun(call, body, idempotencyKey(call))),
  runRead: (call, { params }) => showRun(call, params.run_id),
  runList: (call, { query }) => {
    const { limit, state, q = "", active } = query;
    const isOtherAgents = query.agent_id !== undefined && query.agent_id !== call.agent().id;
    if (isOtherAgents || query.job_id !== undefined) return { items: [], next_cursor: null, total: 0 };
    const words = q
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== "");
    const { from_run_id: from } = query;
    const isFiltered = words.length > 0 || state !== undefined || from !== undefined;
    const rows = listRemembered(call.db, {
      before: readCursor(query.cursor),
      active: active === undefined ? null : active === "true",
      limit: isFiltered ? LOOKED_THROUGH_MAX : limit + 1,
    });
    const shown = isFiltered
      ? rows.map((row) => ({ row, run: toRun(call, row) }))
      : rows.map((row) => ({ row, run: null }));
    const kept = shown.filter(({ run }) => run === null || fits(run, state, words, from)).slice(0, limit + 1);
    return pageOf(
      kept,
      limit,
      ({ row }) => row.order,
      ({ row, run }) => run ?? toRun(call, row),
    );
  },
  runStop: (call, { params, body }) => stop(call, params.run_id, "stop", body.reason, body.grace_ms),
  runKill: (call, { params, body }) => stop(call, params.run_id, "kill", body.reason, 0),
  runFreeze: (call, { params, body }) => freeze(call, params.run_id, true, body.reason),
  runResume: (call, { params, body }) => freeze(call, params.run_id, false, body.reason),
  runRestart: (call, { params, body }) => {
    const row = requireRun(call, params.run_id);
    if (!isTerminal(toRun(call, row).state))
      throw new LocalProblem("conflict", "The run has not ended. Stop it first, then restart it.");
    return showRun(call, restartRun(call, row, body.reason, idempotencyKey(call)));
  },
  runEvents: (call, { params, query }) => {
    requireRun(call, params.run_id);
    const after = readCursor(query.cursor) ?? Number.MIN_SAFE_INTEGER;
    const rows = readRunEvents(call.db, params.run_id, after, query.limit + 1);
    return pageOf(rows, query.limit, (row) => row.seq, viewEvent);
  },
};

/** The run, or `not_found`. */
export function requireRun({ db }: LocalContext, id: string): RememberedRun {
  const row = findRemembered(db, id.toLowerCase());
  if (row === null) throw noSuch("run", id);
  return row;
}

export function toRun(context: LocalContext, row: RememberedRun): Run {
  const facts = readEventsOfTypes(context.db, FACT_TYPES, { runId: row.id, limit: FACTS_MAX });
  return viewRun(row, facts.toReversed(), context.agent(), context.clock(), usageOf(context, row.id));
}

/** Of a run that is not over, as the sampler last saw it. */
function usageOf({ supervisor }: LocalContext, runId: string): Run["usage"] {
  const run = supervisor.runs.get(runId);
  if (run === undefined || run.measured === null) return null;
  const { at, memoryBytes, processes } = run.measured;
  return {
    cpu_ms: run.usage.cpuMs,
    memory_bytes: memoryBytes,
    memory_peak_bytes: run.usage.memoryPeakBytes,
    processes,
    at: new Date(at).toISOString(),
  };
}

function showRun(context: LocalContext, id: string): Run {
  return toRun(context, requireRun(context, id));
}

function stop(call: Call, runId: string, mode: "stop" | "kill", reason: string, graceMs: number | undefined) {
  const row = requireRun(call, runId);
  const run = toRun(call, row);
  if (isTerminal(run.state)) throw new LocalProblem("conflict", `The run has ended already: ${run.sentence}`);
  call.supervisor.stop({
    run_id: row.id,
    mode,
    grace_ms: mode === "kill" ? 0 : (graceMs ?? row.spec.grace_ms),
    reason,
    actor: localActor(),
    for_good: true,
  });
  const { state } = showRun(call, row.id);
  return {
    status: "stop_requested" as const,
    run_id: row.id,
    lifecycle: state,
    requested_at: new Date(call.clock()).toISOString(),
  };
}

function freeze(call: Call, runId: string, isFrozen: boolean, reason: string): Run {
  const row = requireRun(call, runId);
  if (!call.supervisor.freeze(row.id, isFrozen, reason, localActor()))
    throw new LocalProblem(
      "conflict",
      `Only a run that runs can be paused or resumed: ${toRun(call, row).sentence}`,
    );
  return showRun(call, row.id);
}

function fits(
  run: Run,
  state: RunState | undefined,
  words: readonly string[],
  from: string | undefined,
): boolean {
  if (state !== undefined && run.state !== state) return false;
  if (from !== undefined && run.retry_of !== from && run.restart_of !== from) return false;
  const text = [run.name, run.command, ...run.args].join(" ").toLowerCase();
  return words.every((word) => text.includes(word));
}

function idempotencyKey({ request }: Call): string | undefined {
  const key = request.headers["idempotency-key"];
  return typeof key === "string" ? `${LOCAL_ID}:${key}` : undefined;
}
