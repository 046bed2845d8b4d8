import type { LinkEvent } from "@flowplane/link";
import type { Tx } from "../../platform/context.ts";
import { isUuid } from "../../platform/ids.ts";
import { addIntent, findIntentRuns, findPromptStarts } from "../gateway/intents.ts";
import { printOf, type EventSource } from "../gateway/spools.ts";
import { agentActor, type AgentIdentity } from "../gateway/agent-http.ts";
import { observeLaunch, observeRestart, observeStop } from "./metrics.ts";
import {
  closeFailedStop,
  isIncidentEvent,
  openFailedStop,
  takeIncidentEvent,
  type IncidentReport,
} from "../incidents/report.ts";
import { takeGuardEvent } from "../incidents/agent-guard.ts";
import { subjects } from "../../platform/bus/bus.ts";
import { adoptRun, previousIdOf } from "./adopt.ts";
import { judgeReport, plausible, type Judgement, type RunPatch, type TimelineEntry } from "./report.ts";
import { strangerEntry } from "./copies.ts";
import { findPrints, lockRunsOfAgent, updateRun, type NewRunEventRow, type RunRow } from "./store.ts";
import { traceReport } from "./spans.ts";
import { stopPayload } from "./stop-order.ts";
import { endWords } from "@flowplane/contract";
import { addToTimeline, timelineRow } from "./timeline.ts";

/**
 * Applies what an agent reports about its runs, in the transaction in which the gateway stores how far the agent's
 * spool was read; so each event takes effect once. Nothing in an event makes this fail: see `judgeReport`.
 * Events about runs that are not this agent's are left out, with a line in our log.
 */
export async function applyRunEvents(
  ctx: Tx,
  identity: AgentIdentity,
  reported: readonly LinkEvent[],
  { holderOf, hasCopies }: EventSource,
): Promise<void> {
  const reportedIds = await runIdsOf(ctx, identity, reported);
  const told = hasCopies ? await findPrints(ctx.db, [...new Set(reportedIds.values())]) : new Set<string>();
  const [events, runIds] = [reported.filter((event) => !told.has(printOf(event))), reportedIds];
  const previousIds = events.flatMap((event) => previousIdOf(event) ?? []);
  const ids = [...new Set([...runIds.values(), ...previousIds])].toSorted();
  const runs = new Map((await lockRunsOfAgent(ctx.db, identity.agent_id, ids)).map((run) => [run.id, run]));
  const patches = new Map<string, RunPatch>();
  const timeline: NewRunEventRow[] = [];
  const actor = agentActor(identity);
  let isRoomMade = false;
  const started = events.filter(({ type }) => type === "run.running").map((event) => runIds.get(event) ?? "");
  const ordered = await findPromptStarts(ctx, identity.agent_id, started.filter(isUuid));

  for (const event of events) {
    if (event.type === "guard.changed") takeGuardEvent(ctx, event);
    const runId = runIds.get(event) ?? "";
    const run = runs.get(runId);
    if (run === undefined && event.type === "run.created" && runId !== "") {
      const adopted = await adoptRun(ctx, identity, runId, event, runs);
      if (adopted === undefined) continue;
      const holder = holderOf(event);
      runs.set(runId, { ...adopted.run, holder });
      patches.set(runId, { holder });
      const [first, ...rest] = adopted.timeline;
      if (first !== undefined) timeline.push({ ...first, print: printOf(event) }, ...rest);
      const previousId = previousIdOf(event) ?? "";
      const previous = runs.get(previousId);
      if (previous === undefined) continue;
      runs.set(previousId, { ...previous, ...adopted.previousPatch });
      patches.set(previousId, { ...patches.get(previousId), ...adopted.previousPatch });
      continue;
    }
    if (run === undefined) {
      if (event.type.startsWith("run."))
        ctx.log.warn(
          { agent_id: identity.agent_id, run_id: event.run_id, type: event.type, seq: event.seq },
          "event about a run that is not this agent's, ignored",
        );
      continue;
    }
    const at = plausible(event.at, run.created_at.getTime(), ctx.now());
    const holder = holderOf(event);
    if (run.holder !== null && holder !== null && holder !== run.holder) {
      // Without a print: who has the run may tell the same, and then it counts.
      timeline.push(timelineRow(ctx, run.id, actor, strangerEntry(event, at)));
      continue;
    }
    const judgement = isIncidentEvent(event)
      ? judgementOf(await takeIncidentEvent(ctx, run, event, at), at)
      : judgeReport(run, event, ctx.now());
    if (run.holder === null && holder !== null) judgement.patch.holder = holder;
    const consequence = await failedStop(ctx, run, { ...run, ...judgement.patch }, judgement.entry);
    for (const { patch, entry } of [judgement, ...(consequence === undefined ? [] : [consequence])]) {
      // Later events of the batch are judged by the run as the earlier ones left it.
      runs.set(run.id, { ...(runs.get(run.id) ?? run), ...patch });
      patches.set(run.id, { ...patches.get(run.id), ...patch });
      const print = entry === judgement.entry ? printOf(event) : null;
      timeline.push({ ...timelineRow(ctx, run.id, actor, entry), print });
    }
    if (judgement.mustStop) await orderStopAgain(ctx, run);
    measure(ctx, run, judgement, event, ordered.get(run.id));
    traceReport(ctx, run, judgement, event);
  }

  for (const [id, patch] of patches)
    if (Object.keys(patch).length > 0) await updateRun(ctx.db, id, columnsOf(patch));
  await addToTimeline(ctx, timeline);
  if (isRoomMade) ctx.afterCommit(() => ctx.bus.publish(subjects.runsWaiting, {}));
}

/** A stop that failed is an incident, until the run ends after all. */
async function failedStop(
  ctx: Tx,
  before: RunRow,
  after: RunRow,
  { reason, at }: TimelineEntry,
): Promise<Judgement | undefined> {
  if (before.state === after.state) return undefined;
  const told = reason ?? "The agent gave no reason.";
  if (after.state === "FAILED_STOP") return judged(await openFailedStop(ctx, after, told, at), at);
  if (before.state === "FAILED_STOP")
    return judged(await closeFailedStop(ctx, after, `the run ${endWords(after)}`, at), at);
  return undefined;
}

function judged(report: IncidentReport | undefined, at: Date): Judgement | undefined {
  return report === undefined ? undefined : judgementOf(report, at);
}

function judgementOf({ patch, entry }: IncidentReport, at: Date): Judgement {
  return { patch, entry: { ...entry, at }, mustStop: false };
}

/** A patch as the table takes it: lists and objects as JSON. */
function columnsOf({ intervention, enforced, ...patch }: RunPatch): Parameters<typeof updateRun>[2] {
  return {
    ...patch,
    ...(intervention === undefined ? {} : { intervention: JSON.stringify(intervention) }),
    ...(enforced === undefined ? {} : { enforced: JSON.stringify(enforced) }),
  };
}

/** The run each event is about. A refused order names the order; the order names the run. */
async function runIdsOf(
  ctx: Tx,
  identity: AgentIdentity,
  events: readonly LinkEvent[],
): Promise<ReadonlyMap<LinkEvent, string>> {
  const intentIds = events
    .filter((event) => event.run_id === undefined && event.type === "intent.refused")
    .map((event) => event.payload["intent_id"])
    .filter((id): id is string => typeof id === "string" && isUuid(id));
  const runOfIntent = await findIntentRuns(ctx, identity.agent_id, intentIds);
  const entries = events.map((event): [LinkEvent, string] => {
    const id = event.run_id ?? runOfIntent.get(String(event.payload["intent_id"])) ?? "";
    return [event, isUuid(id) ? id.toLowerCase() : ""];
  });
  return new Map(entries.filter(([, id]) => id !== ""));
}

async function orderStopAgain(ctx: Tx, run: RunRow): Promise<void> {
  if (run.stop === null || run.agent_id === null) return;
  await addIntent(ctx, {
    agent_id: run.agent_id,
    type: "run.stop",
    run_id: run.id,
    payload: stopPayload(run.id, run.stop, run.grace_ms),
  });
}

/** `orderedAt`: when its start was ordered, if its agent was there then; the time until an agent comes is no latency of ours. */
function measure(
  ctx: Tx,
  run: RunRow,
  { patch, entry }: Judgement,
  event: LinkEvent,
  orderedAt: Date | undefined,
): void {
  const now = ctx.now();
  if (
    entry.type === "run.running" &&
    run.started_at === null &&
    patch.started_at &&
    orderedAt !== undefined
  ) {
    const tookMs = now - orderedAt.getTime();
    ctx.afterCommit(() => {
      observeLaunch(tookMs);
      if (run.restart_of !== null) observeRestart(tookMs);
    });
  }
  const requestedAt = Date.parse(run.stop?.requested_at ?? "");
  if (entry.type === "run.stopping" && !Number.isNaN(requestedAt)) {
    // By the agent's clock, when that can be true; else the report's arrival is later than the signal was.
    const signalledAt = Date.parse(String(event.payload["signalled_at"]));
    const at = signalledAt >= requestedAt && signalledAt <= now ? signalledAt : now;
    ctx.afterCommit(() => observeStop(at - requestedAt));
  }
}
