// How a run comes into the spool: to be launched, or already over. Each stores it in the open transaction and returns what is
// to be done after the commit.

import { randomBytes } from "node:crypto";
import type { RunSpec, RunStop } from "@flowplane/link";
import { appendEvent } from "../spool/events.ts";
import { insertRun } from "../spool/runs.ts";
import { limitsOf } from "./active-run.ts";
import { launch } from "./launching.ts";
import { tellWait } from "./reporting.ts";
import { startRun, stopBeforeStart } from "./run.ts";
import type { Supervision } from "./supervision.ts";

export function storeStart(on: Supervision, runId: string, spec: RunSpec, retriesUsed: number): () => void {
  const { db, clock, steady } = on.options;
  const now = clock();
  const state = startRun(limitsOf(spec), steady());
  const mark = randomBytes(16).toString("hex");
  insertRun(db, { id: runId, spec, state, mark, bootId: on.bootId, retriesUsed }, now);
  const waiting = state.kind === "starting" ? { waiting: tellWait(on.options, state.wait) } : {};
  appendEvent(db, { type: "run.starting", runId, at: now, payload: waiting });
  return () => {
    const run = on.activate(runId);
    if (run) void launch(on, run);
  };
}

/** Of a run that is known to be impossible: it starts and ends FAILED, for everybody to see. */
export function storeRefused(on: Supervision, runId: string, spec: RunSpec, reason: string): () => void {
  const { db, clock, steady } = on.options;
  const now = clock();
  const state = startRun(limitsOf(spec), steady());
  insertRun(db, { id: runId, spec, state, mark: "", bootId: on.bootId, isForGood: true }, now);
  appendEvent(db, { type: "run.starting", runId, at: now, payload: {} });
  return () => {
    const run = on.activate(runId);
    if (run) on.step(run, { kind: "launch_failed", exitCode: 126, reason });
  };
}

/** Of a run that is to stop before it was started: it ends STOPPED, and a later start does nothing. */
export function storeStopped(on: Supervision, stop: RunStop, spec: RunSpec): () => void {
  const { run_id: runId, mode, grace_ms: graceMs, reason, actor } = stop;
  const { db, clock, steady } = on.options;
  const { state, effects } = stopBeforeStart({ mode, graceMs, reason, actor }, steady());
  insertRun(db, { id: runId, spec, state, mark: "", bootId: on.bootId, isForGood: true }, clock());
  return () => {
    const run = on.activate(runId);
    if (run) on.act(run, effects);
  };
}
