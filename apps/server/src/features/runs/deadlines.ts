import { sql } from "kysely";
import { every, type Task } from "@flowplane/runtime";
import type { RunState } from "@flowplane/contract";
import { inTransaction, timestamp, type Base, type Tx } from "../../platform/context.ts";
import { duration } from "../../platform/words.ts";
import { withdrawStart } from "../gateway/intents.ts";
import { openFailedStop } from "../incidents/report.ts";
import { HEARING_MS, PAUSE_MS, RECONCILE_EVERY_MS, RECONCILE_RUNS_MAX, TAKEN_DEADLINE_MS } from "./limits.ts";
import { findLeftBehind, isLeftBehind } from "./left-behind.ts";
import { findRun, lockRun, updateRun, type RunRow, type ShownRunRow } from "./store.ts";
import { systemContext } from "./system-context.ts";
import { addToTimeline, timelineRow } from "./timeline.ts";
import { transition, type RunInput } from "./transitions.ts";
import { CONTROL_PLANE } from "./words.ts";

type Overdue = Extract<RunInput, "start_overdue" | "stop_overdue" | "agent_gone" | "holder_gone">;

const ACTIVE = ["QUEUED", "STARTING", "RUNNING", "STOPPING"] as const satisfies readonly RunState[];

interface Candidate {
  readonly id: string;
  readonly organization_id: string;
  readonly input: Overdue;
}

/** The worker's task: deadlines of runs become stated failures soon after they have passed. */
export function runDeadlines(base: Base): Task {
  const look = deadlineLooks(base);
  return {
    name: "run deadlines",
    run: (signal) =>
      every(RECONCILE_EVERY_MS, signal, async () => {
        try {
          await look();
        } catch (error) {
          // The database may be away for a while; a later look finds the same runs.
          base.log.error({ err: error }, "looking at the deadlines of runs failed");
        }
      }),
  };
}

/**
 * One look after the other. Silence means nothing while nobody could be heard: after a start, or a pause of this
 * process or its database, agents first get the time to come back and say what happened meanwhile.
 */
export function deadlineLooks(base: Base): () => Promise<void> {
  let hearingSince = base.now();
  let lookedAt = hearingSince;
  return async () => {
    const now = base.now();
    if (now - lookedAt > PAUSE_MS) hearingSince = now;
    if (now - hearingSince >= HEARING_MS) await reconcileRuns(base);
    lookedAt = now;
  };
}

/**
 * Ends, as presumed, the runs nobody should wait for any longer. Idempotent, and without input: what is due is read,
 * and judged again under each run's lock. Returns how many runs it ended.
 */
export async function reconcileRuns(base: Base): Promise<number> {
  const now = base.now();
  const due = [
    ...(await findOverdue(base, now)),
    ...(await findUntaken(base, now)),
    ...(await findOrphans(base)),
    ...(await findLeftBehind(base, now)).map((run) => ({ ...run, input: "holder_gone" as const })),
  ];
  let ended = 0;
  for (const candidate of due) if (await endPresumed(base, candidate)) ended += 1;
  return ended;
}

async function endPresumed(base: Base, { id, organization_id, input }: Candidate): Promise<boolean> {
  return inTransaction(systemContext(base, organization_id), async (ctx) => {
    const run = await lockRun(ctx.db, id);
    const shown = run === undefined ? undefined : await findRun(ctx.db, id, ctx.now());
    if (run === undefined || shown === undefined) return false;
    const isDue =
      input === "holder_gone" ? await isLeftBehind(ctx, run.id) : isStillDue(shown, input, ctx.now());
    if (!isDue) return false;
    // An order that nobody confirmed is taken back rather than waited for: then there is nothing to stop.
    const isWithdrawn =
      input === "stop_overdue" && run.agent_id !== null && (await withdrawStart(ctx, run.agent_id, run.id));
    const step = transition(run, isWithdrawn ? "withdraw" : input);
    if (step.kind !== "move") return false;
    // Who has it was never heard to have stored the order, and must not come upon it after all.
    if (input === "holder_gone" && run.agent_id !== null) await withdrawStart(ctx, run.agent_id, run.id);
    await end(ctx, run, step.to, isWithdrawn ? WITHDRAWN : reasonOf(shown, input, ctx.now()));
    return true;
  });
}

function isStillDue(run: ShownRunRow, input: Exclude<Overdue, "holder_gone">, now: number): boolean {
  switch (input) {
    case "start_overdue":
      return run.state === "QUEUED" || (run.state === "STARTING" && isPast(run.deadline, now));
    case "stop_overdue":
      return run.state === "STOPPING" && isPast(run.deadline, now);
    case "agent_gone":
      return run.agent_state === null || run.agent_state === "revoked";
  }
}

async function end(ctx: Tx, run: RunRow, state: RunState, reason: string): Promise<void> {
  const now = new Date(ctx.now());
  const failed = state === "FAILED_STOP" ? await openFailedStop(ctx, run, reason, now) : undefined;
  const { incidents_open, incidents_total } = failed?.patch ?? {};
  await updateRun(ctx.db, run.id, {
    ...(incidents_open === undefined ? {} : { incidents_open }),
    ...(incidents_total === undefined ? {} : { incidents_total }),
    state,
    state_since: now,
    ended_at: now,
    reason,
    waiting_for: null,
    deadline: null,
  });
  await addToTimeline(ctx, [
    timelineRow(ctx, run.id, CONTROL_PLANE, {
      type: "run.presumed_ended",
      title: `Presumed ${state}`,
      reason,
      payload: { from: run.state, to: state },
      at: now,
    }),
    ...(failed === undefined ? [] : [timelineRow(ctx, run.id, CONTROL_PLANE, { ...failed.entry, at: now })]),
  ]);
}

const WITHDRAWN = "The agent never took the order to start it, so the order was taken back.";

/** What was waited for in vain, and what to do now. */
function reasonOf(run: ShownRunRow, input: Overdue, now: number): string {
  const agent = run.agent_name;
  const away =
    run.agent_state === "connected"
      ? null
      : `The agent ${agent} is away${run.agent_seen_at === null ? "" : ` since ${timestamp(run.agent_seen_at)}`}`;
  const since = duration(now - run.state_since.getTime());
  switch (input) {
    case "holder_gone":
      return run.state === "QUEUED"
        ? `The agent ${agent} was given the order to start it and came back as another before it confirmed that or reported: its host was started anew, its data folder replaced, or a copy of it goes by its name. Nobody knows whether it ran, and it is never started twice. Restart it if it has to run.`
        : `The agent ${agent} came back without its records of this run: its data folder was replaced, or another host goes by its name. So nobody knows how the run ended. Look for process ${run.pid ?? "of the run"} on its host.`;
    case "start_overdue":
      if (run.state === "QUEUED")
        return `The agent ${agent} took the order to start it ${since} ago and reported nothing since. Restart the run; if the agent still has this one, it shows again.`;
      return `It began to start ${since} ago and nothing was heard of it since. ${away === null ? "" : `${away}. `}If it runs, it shows again as soon as the agent reports it; else restart it.`;
    case "stop_overdue":
      return away === null
        ? `The agent ${agent} did not report the end within ${since} of the stop. Look for process ${run.pid ?? "of the run"} on its host.`
        : `${away}, so nobody knows whether the run has ended. The stop is carried out when the agent is back; else end process ${run.pid ?? "of the run"} on its host.`;
    case "agent_gone":
      return run.state === "QUEUED"
        ? `The agent ${agent} was ${run.agent_state === null ? "deleted" : "revoked"} before it took the run. Launch it on another agent.`
        : `The agent ${agent} was ${run.agent_state === null ? "deleted" : "revoked"}, so nobody reports about the run any more. Look for process ${run.pid ?? "of the run"} on its host.`;
  }
}

function isPast(deadline: Date | null, now: number): boolean {
  return deadline !== null && deadline.getTime() <= now;
}

async function findOverdue(base: Base, now: number): Promise<Candidate[]> {
  const rows = await base.storage.system
    .selectFrom("runs")
    .select(["id", "organization_id", "state"])
    .where("state", "in", ["STARTING", "STOPPING"])
    .where("deadline", "<=", new Date(now))
    .orderBy("deadline")
    .limit(RECONCILE_RUNS_MAX)
    .execute();
  return rows.map((row) => ({ ...row, input: row.state === "STARTING" ? "start_overdue" : "stop_overdue" }));
}

/** Runs whose agent stored the order long ago, has been connected since, and says nothing. */
async function findUntaken(base: Base, now: number): Promise<Candidate[]> {
  const before = new Date(now - TAKEN_DEADLINE_MS);
  const rows = await base.storage.system
    .selectFrom("runs")
    .innerJoin("agents", "agents.id", "runs.agent_id")
    .select(["runs.id", "runs.organization_id"])
    .where("runs.state", "=", "QUEUED")
    .where("runs.state_since", "<=", before)
    .where("agents.disconnected_at", "is", null)
    .where("agents.connected_at", "<=", before)
    .where("agents.revoked_at", "is", null)
    .where(({ not, exists, selectFrom }) =>
      not(
        exists(
          selectFrom("intents")
            .select("intents.id")
            .whereRef("intents.agent_id", "=", "runs.agent_id")
            .whereRef("intents.run_id", "=", "runs.id")
            .where("intents.type", "=", "run.start")
            // Delivered a moment ago is not long ago.
            .where(sql<boolean>`coalesce(intents.acknowledged_at > ${before}, true)`),
        ),
      ),
    )
    .limit(RECONCILE_RUNS_MAX)
    .execute();
  return rows.map((row) => ({ ...row, input: "start_overdue" }));
}

/** Active runs whose agent will never report again. */
async function findOrphans(base: Base): Promise<Candidate[]> {
  const rows = await base.storage.system
    .selectFrom("runs")
    .leftJoin("agents", "agents.id", "runs.agent_id")
    .select(["runs.id", "runs.organization_id"])
    .where("runs.state", "in", ACTIVE)
    .where("runs.agent_id", "is not", null)
    .where(({ or, eb }) => or([eb("agents.id", "is", null), eb("agents.revoked_at", "is not", null)]))
    .limit(RECONCILE_RUNS_MAX)
    .execute();
  return rows.map((row) => ({ ...row, input: "agent_gone" }));
}
