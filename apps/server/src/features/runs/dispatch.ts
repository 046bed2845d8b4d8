import { every, type Task } from "@flowplane/runtime";
import type { Placement } from "@flowplane/contract";
import { subjects } from "../../platform/bus/bus.ts";
import { inTransaction, notify, type Base, type Tx } from "../../platform/context.ts";
import { addOrders } from "../gateway/intents.ts";
import { goneWords } from "./find-spot.ts";
import {
  DISPATCH_EVERY_MS,
  DISPATCH_ORGANIZATIONS_MAX,
  ORGANIZATION_RUNS_MAX,
  PLACED_AT_ONCE_MAX,
  WAITING_RUNS_MAX,
} from "./limits.ts";
import { makeOrder } from "./order.ts";
import { place, placementKey, type Candidate, type WaitingRun } from "./placement.ts";
import {
  findCandidates,
  findOrganizationsWaiting,
  listWaiting,
  lockWaiting,
  readLoad,
  readSites,
  setAgents,
  setWaitingFor,
  tryLockPlacement,
  type LoadedCandidate,
} from "./placement-store.ts";
import { traceDispatch } from "./spans.ts";
import { updateRun, type NewRunEventRow, type RunRow } from "./store.ts";
import { systemContext } from "./system-context.ts";
import { addToTimeline, timelineRow } from "./timeline.ts";
import { transition } from "./transitions.ts";
import { CONTROL_PLANE } from "./words.ts";

/** The worker's task: waiting runs get agents when one fits and limits allow, soon after that becomes so. */
export function runDispatch(base: Base): Task {
  return {
    name: "run dispatch",
    run: async (signal) => {
      const look = oneAtATime(async () => {
        try {
          await dispatchRuns(base);
        } catch (error) {
          // The database may be away for a while; a later look finds the same runs.
          base.log.error({ err: error }, "looking for agents for waiting runs failed");
        }
      });
      let latest = Promise.resolve();
      const nudges = base.bus.subscribe(subjects.runsWaiting, () => {
        latest = look();
      });
      try {
        await every(DISPATCH_EVERY_MS, signal, look);
      } finally {
        nudges.close();
        await latest;
      }
    },
  };
}

/** A call during a call makes one more afterwards, however many there are. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let isWanted = false;
  return () => {
    isWanted = true;
    running ??= (async () => {
      while (isWanted) {
        isWanted = false;
        await work();
      }
      running = null;
    })();
    return running;
  };
}

/** Gives waiting runs of all organizations to agents. Idempotent, and without input. Returns how many it gave away. */
export async function dispatchRuns(base: Base): Promise<number> {
  let placed = 0;
  for (const organizationId of await findOrganizationsWaiting(
    base.storage.system,
    DISPATCH_ORGANIZATIONS_MAX,
  )) {
    // One transaction gives a batch away; another is begun while a batch was full.
    for (let batch = PLACED_AT_ONCE_MAX; batch === PLACED_AT_ONCE_MAX; placed += batch)
      batch = await inTransaction(systemContext(base, organizationId), dispatchBatch);
  }
  return placed;
}

async function dispatchBatch(ctx: Tx): Promise<number> {
  // Whoever is at it, here or in another process, does it for all.
  if (!(await tryLockPlacement(ctx))) return 0;
  const rows = await listWaiting(ctx, WAITING_RUNS_MAX);
  if (rows.length === 0) return 0;
  const waiting: WaitingRun[] = rows.map((row) => ({ ...row, placement: row.placement ?? {} }));
  const candidates = await candidatesFor(ctx, waiting);
  const isGone = (run: WaitingRun) =>
    run.placement.agent_id !== undefined && candidates(run.placement).length === 0;
  const load = await readLoad(ctx, [...new Set(rows.flatMap(({ job_id }) => job_id ?? []))]);
  const { placed, held } = place(
    waiting.filter((run) => !isGone(run)),
    candidates,
    load,
    ORGANIZATION_RUNS_MAX,
  );
  await endUnlaunchable(
    ctx,
    waiting
      .filter(isGone)
      .slice(0, PLACED_AT_ONCE_MAX)
      .map((run) => ({ id: run.id, reason: goneWords(run.placement.agent_id ?? "") })),
  );
  const batch = placed.slice(0, PLACED_AT_ONCE_MAX);
  await give(ctx, batch);
  const known = new Map(rows.map((row) => [row.id, row.waiting_for]));
  const news = await setWaitingFor(
    ctx.db,
    held
      .filter(({ run, waitsFor }) => known.get(run.id) !== waitsFor)
      .map(({ run, waitsFor }) => ({ id: run.id, waits_for: waitsFor })),
  );
  for (const id of news) notify(ctx, { topic: "run", id });
  return batch.length;
}

/** Candidates by placement, read once for all runs that are placed alike. */
async function candidatesFor(
  ctx: Tx,
  waiting: readonly WaitingRun[],
): Promise<(placement: Placement) => readonly LoadedCandidate[]> {
  const byKey = new Map<string, readonly LoadedCandidate[]>();
  for (const { placement } of waiting) {
    const key = placementKey(placement);
    if (!byKey.has(key)) byKey.set(key, await findCandidates(ctx, placement));
  }
  return (placement) => byKey.get(placementKey(placement)) ?? [];
}

/** Writes the orders of a batch. Of runs that somebody stops meanwhile, or that cannot be launched there, nothing is ordered. */
async function give(ctx: Tx, placed: readonly { run: WaitingRun; agent: Candidate }[]): Promise<void> {
  const agents = new Map(placed.map(({ run, agent }) => [run.id, agent]));
  const runs = await lockWaiting(ctx.db, [...agents.keys()]);
  const sites = await readSites(ctx.db, [...new Set(placed.map(({ agent }) => agent.site_id))]);
  const given: { run: RunRow; agent: Candidate; isolation: unknown }[] = [];
  const orders: Parameters<typeof addOrders>[1][number][] = [];
  const impossible: { id: string; reason: string }[] = [];
  for (const run of runs) {
    const agent = agents.get(run.id);
    const site = agent === undefined ? undefined : sites.get(agent.site_id);
    if (agent === undefined || site === undefined || transition(run, "place").kind !== "move") continue;
    const order = await makeOrder(ctx, run, site);
    if (!order.ok) {
      impossible.push({ id: run.id, reason: order.reason });
      continue;
    }
    given.push({ run, agent, isolation: order.isolation });
    orders.push({ agent_id: agent.id, type: "run.start", run_id: run.id, payload: order.start });
  }
  await setAgents(
    ctx.db,
    given.map(({ run, agent, isolation }) => ({ id: run.id, agent, isolation })),
  );
  await addOrders(ctx, orders);
  await addToTimeline(
    ctx,
    given.map(({ run, agent }) => placedEntry(ctx, run, agent)),
  );
  for (const { run } of given) traceDispatch(ctx, run);
  await endUnlaunchable(ctx, impossible);
}

function placedEntry(ctx: Tx, run: RunRow, agent: Candidate): NewRunEventRow {
  return timelineRow(ctx, run.id, CONTROL_PLANE, {
    type: "run.placed",
    title: `Given to ${agent.name}`,
    reason: run.waiting_for === null ? null : `It waited for ${run.waiting_for}`,
    payload: { agent_id: agent.id },
    at: new Date(ctx.now()),
  });
}

/** Ends runs that can be launched nowhere. They never had an agent, so nobody can report otherwise. */
async function endUnlaunchable(ctx: Tx, runs: readonly { id: string; reason: string }[]): Promise<void> {
  const reasons = new Map(runs.map(({ id, reason }) => [id, reason]));
  const now = new Date(ctx.now());
  const entries: NewRunEventRow[] = [];
  for (const run of await lockWaiting(ctx.db, [...reasons.keys()])) {
    const step = transition(run, "unlaunchable");
    if (step.kind !== "move") continue;
    const reason = reasons.get(run.id) ?? null;
    await updateRun(ctx.db, run.id, {
      state: step.to,
      state_since: now,
      ended_at: now,
      reason,
      waiting_for: null,
      log_last_seq: 0,
    });
    entries.push(
      timelineRow(ctx, run.id, CONTROL_PLANE, {
        type: "run.ended",
        title: "Could not be launched",
        reason,
        payload: {},
        at: now,
      }),
    );
  }
  await addToTimeline(ctx, entries);
}
