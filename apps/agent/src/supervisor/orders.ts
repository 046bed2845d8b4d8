// Carries out stored intents: parse, act on the supervisor, mark done, all in one transaction, so that a crash leaves an
// intent either untouched or done.

import {
  detectionFallbackSchema,
  idSchema,
  runFreezeSchema,
  runSpecSchema,
  runStartSchema,
  runStopSchema,
  TEXT_CHARS_MAX,
} from "@flowplane/link";
import type { Intent } from "@flowplane/link";
import type { Clock } from "@flowplane/runtime";
import type { SpoolDatabase } from "../spool/database.ts";
import { appendEvent } from "../spool/events.ts";
import { findIntentsToDo, findStartToDo, markIntentDone } from "../spool/intents.ts";
import { isKnownRun } from "../spool/runs.ts";
import { LIVE_RUNS_MAX } from "./supervision.ts";
import type { Detection } from "../detection/detection.ts";
import type { Supervisor } from "./supervisor.ts";

/** Intents carried out per turn of the event loop; each costs one fsync and perhaps a spawn. */
const INTENTS_PER_TURN = 1;
/** Looked at in one query. */
const INTENTS_PER_LOOK = 100;

export type OrdersOptions = {
  db: SpoolDatabase;
  supervisor: Supervisor;
  /** Who holds back what policies ask for, when told to. */
  detection: Pick<Detection, "fallBack">;
  clock: Clock;
  onEvent: () => void;
};

/** Carries out what is stored, until nothing is left that can be done now. Stops orders never wait behind starts. */
export async function carryOutIntents(options: OrdersOptions): Promise<void> {
  const { db, supervisor } = options;
  for (;;) {
    const todo = findIntentsToDo(db, INTENTS_PER_LOOK);
    const isFull = supervisor.liveCount >= LIVE_RUNS_MAX;
    const ready = todo.filter((intent) => intent.type !== "run.start" || !isFull).toSorted(stopsFirst);
    if (ready.length === 0) return;
    for (const intent of ready.slice(0, INTENTS_PER_TURN)) carryOut(options, intent);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function carryOut(options: OrdersOptions, intent: Intent): void {
  const { db, clock, onEvent } = options;
  const now = clock();
  const act = db.durably(() => {
    const after = decide(options, intent);
    markIntentDone(db, intent.id, now);
    return after;
  });
  try {
    act();
  } finally {
    onEvent();
  }
}

/** Writes what the intent means into the open transaction; the returned function does what must follow the commit. */
function decide({ db, supervisor, detection, clock }: OrdersOptions, intent: Intent): () => void {
  const refuse = (reason: string) => {
    const payload = {
      intent_id: intent.id,
      intent_type: intent.type,
      reason: reason.slice(0, TEXT_CHARS_MAX),
    };
    appendEvent(db, { type: "intent.refused", runId: null, at: clock(), payload });
    return () => undefined;
  };
  switch (intent.type) {
    case "run.start": {
      const start = runStartSchema.safeParse(intent.payload);
      if (start.success) return supervisor.prepareStart(start.data);
      const runId = idSchema.safeParse(intent.payload["run_id"]);
      // A run that is known by name ends for everybody to see; it is stored like any other and never launched.
      const problem = start.error.issues[0];
      const reason = `the run's specification is not valid: ${problem?.path.join(".") ?? ""}: ${problem?.message ?? ""}`;
      return runId.success ? supervisor.prepareRefused(runId.data, emptySpec, reason) : refuse(reason);
    }
    case "run.stop": {
      const stop = runStopSchema.safeParse(intent.payload);
      if (!stop.success) return refuse(`the stop order is not valid: ${stop.error.issues[0]?.message ?? ""}`);
      if (!isKnownRun(db, stop.data.run_id)) {
        const waiting = findStartToDo(db, stop.data.run_id);
        if (!waiting) {
          // Its start may still come, and must find the order to stop. Whoever knows better than to wait is told, too.
          supervisor.rememberStop(stop.data);
          return refuse(`this agent knows no run ${stop.data.run_id}`);
        }
        const start = runStartSchema.safeParse(waiting.payload);
        return supervisor.prepareStopped(stop.data, start.success ? start.data.spec : emptySpec);
      }
      // What people ask for is for good: no retry starts it again behind their back.
      return supervisor.prepareStop({ ...stop.data, for_good: true });
    }
    case "run.freeze": {
      const freeze = runFreezeSchema.safeParse(intent.payload);
      if (!freeze.success)
        return refuse(`the order to pause or resume is not valid: ${freeze.error.issues[0]?.message ?? ""}`);
      return supervisor.prepareFreeze(freeze.data) ?? refuse(`the run ${freeze.data.run_id} is not running`);
    }
    case "detection.fallback": {
      const fallback = detectionFallbackSchema.safeParse(intent.payload);
      if (!fallback.success)
        return refuse(`the order to fall back is not valid: ${fallback.error.issues[0]?.message ?? ""}`);
      const { until, reason } = fallback.data;
      return () => detection.fallBack(until === null ? null : Date.parse(until), reason);
    }
    default:
      return refuse(`this agent does not know intents of type ${intent.type}`);
  }
}

const emptySpec = runSpecSchema.parse({ command: "", args: [], env: {}, cwd: null, grace_ms: 0 });

function stopsFirst(a: Intent, b: Intent): number {
  return Number(b.type === "run.stop") - Number(a.type === "run.stop");
}
