// Carrying out what a policy decided, after it is stored. What was not done yet when the agent ended is done by the next.

import { TEXT_CHARS_MAX } from "@flowplane/link";
import { findToDo, markDone } from "../spool/incidents.ts";
import type { StoredIncident } from "../spool/incidents.ts";
import { findRun } from "../spool/runs.ts";
import type { DetectionOptions } from "./options.ts";
import { tell } from "./telling.ts";

const ACTOR = "Flowplane";

/** Carries out what is stored as to be done. What cannot be stored now is tried again with the next tick. */
export function carryOut(options: DetectionOptions): void {
  const { db, log } = options;
  try {
    for (const incident of findToDo(db)) intervene(options, incident);
  } catch (error) {
    log.error({ err: error }, "an intervention could not be carried out yet");
  }
}

function intervene(options: DetectionOptions, incident: StoredIncident): void {
  const { db, onEvent } = options;
  const { runId, verdict } = incident;
  const done = act(options, incident);
  db.durably(() => {
    markDone(db, incident.id);
    tell(options, runId, "incident.intervention", {
      incident_id: incident.id,
      action: verdict.action.do,
      outcome: done === null ? "failed" : "done",
      why: done === null ? `${verdict.why} It could not be done: the run was over.` : verdict.why,
      run_id: done === null ? null : done.runId,
    });
  });
  onEvent();
}

/** `runId` is the run that was started instead, if one was. Null where the run was over already. */
function act(
  { db, means }: DetectionOptions,
  { runId, source, sentence, verdict: { action } }: StoredIncident,
): { runId: string | null } | null {
  const run = findRun(db, runId);
  if (run === null) return null;
  const because = (done: string) => `${done} by Flowplane: ${sentence}`.slice(0, TEXT_CHARS_MAX);
  switch (action.do) {
    case "notify":
      return { runId: null };
    case "freeze":
      return means().freeze(runId, true, because("Paused"), ACTOR, "policy") ? { runId: null } : null;
    case "stop":
    case "stop_for_good": {
      // Who stops what ends by itself again and again means its next attempts.
      const isForGood = action.do === "stop_for_good" || source === "exits";
      if (run.state.kind === "ended" && !isForGood) return null;
      means().stop({
        run_id: runId,
        mode: "stop",
        grace_ms: action.grace_ms ?? run.spec.grace_ms,
        reason: because("Stopped"),
        actor: ACTOR,
        ...(isForGood ? { for_good: true } : {}),
      });
      return { runId: null };
    }
    case "restart": {
      const changes = {
        argsAdd: [...(action.args_add ?? [])],
        envSet: { ...action.env_set },
        delayMs: action.delay_ms ?? 0,
      };
      const next = means().restart(runId, changes, because("Restarted"), ACTOR);
      return next === null ? null : { runId: next };
    }
  }
}
