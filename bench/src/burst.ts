import { setTimeout as wait } from "node:timers/promises";
import { isTerminal, type Run } from "@flowplane/contract";
import type { ControlPlane } from "@flowplane/test/harness";
import { load, progress, round } from "./machine.ts";
import { percentiles } from "./percentiles.ts";
import { commandLine, cpuSeconds, descendants, memoryMb } from "./supervise/processes.ts";

const COUNT_EVERY_MS = 10_000;
const LOOK_EVERY_MS = 1_000;
const PAGE_RUNS = 200;
/** Different failures of launches that are told. */
const FAILURES_TOLD_MAX = 5;

export interface BurstPlan {
  readonly count: number;
  readonly perMinute: number;
  /** So long after the last launch it is counted what there is, whether all is over or not. */
  readonly drainMs: number;
}

/** Seen of one stretch of the burst: grows one of these from stretch to stretch, then something grows with the number of runs. */
interface Stretch {
  readonly at_s: number;
  readonly sent: number;
  readonly ended: number;
  readonly accepted_p95_ms: number;
  readonly load: number;
  readonly agent: Used;
  readonly server: Used;
  readonly database: Used;
}
type Used = { readonly cpu_percent: number; readonly pss_mb: number };

/**
 * Launches runs at a fixed rate, whatever becomes of them, and says by a deadline of each what became of it: refused, accepted and
 * lost, begun, ended, whole with its line, or left. Nothing is waited for beyond the deadline.
 */
export async function runBurst(plane: ControlPlane, agentId: string, plan: BurstPlan) {
  const { count, perMinute, drainMs } = plan;
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  const latencies: number[] = [];
  const failures = new Map<string, number>();
  const accepted = new Set<string>();
  const stretches: Stretch[] = [];
  let latencyFrom = 0;
  let answered = 0;
  const launch = async (index: number) => {
    await wait(Math.max(0, (index * 60_000) / perMinute - elapsed()));
    const sent = performance.now();
    try {
      const body = { command: "/bin/echo", args: [`burst ${index}`], agent_id: agentId };
      accepted.add((await plane.client.runCreate({ body })).id);
      latencies.push(performance.now() - sent);
    } catch (error) {
      const what = error instanceof Error ? error.message : String(error);
      failures.set(what, (failures.get(what) ?? 0) + 1);
    } finally {
      answered += 1;
    }
  };
  const meter = startMeter(plane);
  const stop = new AbortController();
  const counting = (async () => {
    for (;;) {
      if (!(await wait(COUNT_EVERY_MS, true, { signal: stop.signal }).catch(() => false))) return;
      const ended = accepted.size - (await countActive(plane));
      const stretch = {
        at_s: round(elapsed() / 1_000),
        sent: answered,
        ended,
        accepted_p95_ms: percentiles(latencies.slice(latencyFrom)).p95_ms,
        load: load()[0],
        ...meter(),
      };
      latencyFrom = latencies.length;
      stretches.push(stretch);
      progress(JSON.stringify(stretch));
    }
  })();
  await Promise.all(Array.from({ length: count }, (_, index) => launch(index)));
  const launchedMs = elapsed();
  const deadline = performance.now() + drainMs;
  while (performance.now() < deadline && (await countActive(plane)) > 0) await wait(LOOK_EVERY_MS);
  // A run is over a little before its log is stored.
  let runs = await readRuns(plane, accepted);
  while (performance.now() < deadline && runs.some(({ log }) => !log.complete)) {
    await wait(LOOK_EVERY_MS);
    runs = await readRuns(plane, accepted);
  }
  const drainedMs = elapsed() - launchedMs;
  stop.abort();
  await counting;
  return {
    runs: count,
    per_minute: perMinute,
    refused: count - accepted.size,
    failures: Object.fromEntries([...failures].slice(0, FAILURES_TOLD_MAX)),
    accepted: accepted.size,
    begun: runs.filter(({ started_at }) => started_at !== null).length,
    ended: runs.filter(({ state }) => isTerminal(state)).length,
    left: runs.filter(({ state }) => !isTerminal(state)).length,
    lost: accepted.size - runs.length + runs.filter(({ state }) => state === "LOST").length,
    whole: runs.filter(({ state, log }) => state === "SUCCEEDED" && log.complete && log.lines === 1).length,
    states: countBy(runs, ({ state, log }) => (log.lines === 1 ? state : `${state} with ${log.lines} lines`)),
    launched_in_s: round(launchedMs / 1_000),
    drained_in_s: round(drainedMs / 1_000),
    accepted_ms: percentiles(latencies),
    begun_ms: percentiles(runs.flatMap((run) => sinceCreated(run, run.started_at))),
    stretches,
  };
}

/** How many have not ended, page by page: a list does not say its length. */
async function countActive(plane: ControlPlane): Promise<number> {
  let count = 0;
  let cursor: string | null = null;
  do {
    const page: RunPage = await plane.client.runList({ query: { active: "true", ...pageAfter(cursor) } });
    count += page.items.length;
    cursor = page.next_cursor;
  } while (cursor !== null);
  return count;
}

type RunPage = Awaited<ReturnType<ControlPlane["client"]["runList"]>>;

function pageAfter(cursor: string | null): { limit: number; cursor?: string } {
  return { limit: PAGE_RUNS, ...(cursor === null ? {} : { cursor }) };
}

/** Those of the burst that the control plane knows, page by page. */
async function readRuns(plane: ControlPlane, ids: ReadonlySet<string>): Promise<Run[]> {
  const found: Run[] = [];
  let cursor: string | null = null;
  do {
    const page: RunPage = await plane.client.runList({ query: pageAfter(cursor) });
    found.push(...page.items.filter(({ id }) => ids.has(id)));
    cursor = page.next_cursor;
  } while (cursor !== null && found.length < ids.size);
  return found;
}

/** CPU and memory of the agent, the server and its database since the last call. */
function startMeter(plane: ControlPlane) {
  const server = [plane.child.pid ?? 0];
  const groups = () => {
    const own = descendants(plane.child.pid ?? 0);
    const agent = own.filter((pid) => /main\.[jt]s .*--data/.test(commandLine(pid)));
    return { agent, server, database: own.filter((pid) => commandLine(pid).includes("postgres")) };
  };
  let before = { at: performance.now(), used: new Map<number, number>() };
  return (): Pick<Stretch, "agent" | "server" | "database"> => {
    const now = { at: performance.now(), used: new Map<number, number>() };
    const isFirst = before.used.size === 0;
    const usedBy = (pids: readonly number[]): Used => {
      let seconds = 0;
      for (const pid of pids) {
        const used = cpuSeconds([pid]);
        now.used.set(pid, used);
        // One that ended since then took its time with it.
        seconds += isFirst ? 0 : used - (before.used.get(pid) ?? 0);
      }
      return {
        cpu_percent: round((seconds / (now.at - before.at)) * 100_000),
        pss_mb: memoryMb(pids),
      };
    };
    const { agent, database } = groups();
    const figures = {
      agent: usedBy(agent),
      server: usedBy(server),
      database: usedBy(database),
    };
    before = now;
    return figures;
  };
}

function sinceCreated(run: Run, at: string | null): number[] {
  return at === null ? [] : [Math.max(0, Date.parse(at) - Date.parse(run.created_at))];
}

function countBy<T>(values: readonly T[], key: (value: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[key(value)] = (counts[key(value)] ?? 0) + 1;
  return counts;
}
