import { randomUUID } from "node:crypto";
import { eventually } from "@flowplane/test/harness";
import type { Bench } from "../bench.ts";
import { progress, round } from "../machine.ts";
import { percentiles, quantile } from "../percentiles.ts";
import { IDLE, noisy, tree, type Candidate, type Job, type Launched } from "./candidate.ts";
import { startFlowplane } from "./flowplane.ts";
import { startPm2 } from "./pm2.ts";
import { cpuSeconds, memoryMb, processesWith } from "./processes.ts";
import { startSupervisord } from "./supervisord.ts";

/** A tree is given up on after this long; what is left of it are the survivors. */
const STOP_LIMIT_MS = 20_000;

/**
 * Supervision beside PM2 and supervisord, one after the other on the same machine with the same jobs. With all idle and
 * noisy jobs up, the launch is measured again: a supervisor that is busy reading logs starts things later.
 */
export const bench: Bench = {
  options: { idle: 100, noisy: 20, mb_per_second: 20, seconds: 10, launches: 20, trees: 3, tree_size: 50 },
  async run(options) {
    const jobs = jobsOf(options);
    const all = [...jobs.quiet, ...jobs.idle, ...jobs.noisy, ...jobs.loaded, ...jobs.trees];
    const figures: Record<string, unknown> = {};
    for (const start of [startFlowplane, startPm2, () => startSupervisord(all)]) {
      await using candidate = await start();
      progress(`${candidate.name} ${candidate.version}`);
      figures[candidate.name] = await measure(candidate, jobs, options);
    }
    return figures;
  },
};

type Jobs = Readonly<Record<"quiet" | "idle" | "noisy" | "loaded" | "trees", readonly Job[]>>;

function jobsOf(options: Readonly<Record<string, number>>): Jobs {
  const {
    idle = 0,
    noisy: noisyCount = 0,
    mb_per_second = 0,
    launches = 0,
    trees = 0,
    tree_size = 0,
  } = options;
  const times = (count: number, prefix: string, what: Pick<Job, "command" | "args">): Job[] =>
    Array.from({ length: count }, (_, index) => ({
      name: `${prefix}-${index}`,
      ...what,
      env: { BENCH_JOB: randomUUID() },
    }));
  const hello = { command: "/bin/echo", args: ["hello"] };
  return {
    quiet: times(launches, "quiet", hello),
    idle: times(idle, "idle", IDLE),
    noisy: times(noisyCount, "noisy", noisy((mb_per_second * 1e6) / Math.max(1, noisyCount))),
    loaded: times(launches, "loaded", hello),
    trees: times(trees, "tree", tree(tree_size)),
  };
}

async function measure(candidate: Candidate, jobs: Jobs, options: Readonly<Record<string, number>>) {
  const quiet = await launches(candidate, jobs.quiet);
  const before = memory(candidate);
  const running: Launched[] = [];
  for (const job of jobs.idle) running.push(await candidate.launch(job));
  const withIdle = memory(candidate);
  for (const job of jobs.noisy) running.push(await candidate.launch(job));
  await Promise.all(running.slice(jobs.idle.length).map((launched) => launched.firstLine()));
  const cpu = await cpuWhile(candidate, (options["seconds"] ?? 0) * 1000);
  const loaded = await launches(candidate, jobs.loaded);
  const withNoise = memory(candidate);
  const stops = [];
  for (const job of jobs.trees) stops.push(await stopTree(candidate, job));
  for (const launched of running) await candidate.stop(launched);
  const left = await eventually(
    "the jobs to end",
    () => {
      const pids = running.flatMap(({ job }) => alive(job));
      return pids.length === 0 ? 0 : undefined;
    },
    STOP_LIMIT_MS,
  ).catch(() => running.flatMap(({ job }) => alive(job)).length);
  return {
    version: candidate.version,
    note: candidate.note,
    launch_to_first_line: quiet,
    launch_to_first_line_under_load: loaded,
    memory_mb: { before, with_idle: withIdle, with_noise: withNoise },
    cpu_percent_of_a_core_under_load: cpu,
    stop_tree_ms: round(
      quantile(
        stops.map(({ ms }) => ms).toSorted((a, b) => a - b),
        0.5,
      ),
    ),
    stop_tree_survivors: stops.map(({ survivors }) => survivors),
    jobs_left: left,
  };
}

async function launches(candidate: Candidate, jobs: readonly Job[]) {
  const latencies: number[] = [];
  for (const job of jobs) {
    const start = performance.now();
    const launched = await candidate.launch(job);
    latencies.push((await launched.firstLine()) - start);
  }
  return percentiles(latencies);
}

function memory(candidate: Candidate): Record<string, number> {
  return Object.fromEntries(
    Object.entries(candidate.processes()).map(([what, pids]) => [what, memoryMb(pids)]),
  );
}

async function cpuWhile(candidate: Candidate, ms: number): Promise<Record<string, number>> {
  const before = candidate.processes();
  const started = performance.now();
  const used = Object.fromEntries(Object.entries(before).map(([what, pids]) => [what, cpuSeconds(pids)]));
  await new Promise((resolve) => setTimeout(resolve, ms));
  const seconds = (performance.now() - started) / 1000;
  return Object.fromEntries(
    Object.entries(before).map(([what, pids]) => [
      what,
      round(((cpuSeconds(pids) - (used[what] ?? 0)) / seconds) * 100),
    ]),
  );
}

/** From the call until nothing of the tree is left, or until it is clear that something stays. */
async function stopTree(candidate: Candidate, job: Job): Promise<{ ms: number; survivors: number }> {
  const launched = await candidate.launch(job);
  await launched.firstLine();
  const start = performance.now();
  const stopping = candidate.stop(launched);
  try {
    await eventually(
      "the tree to be gone",
      () => (alive(job).length === 0 ? true : undefined),
      STOP_LIMIT_MS,
    );
    return { ms: performance.now() - start, survivors: 0 };
  } catch {
    const survivors = alive(job);
    // They are this bench's own, by the mark in their environment.
    for (const pid of survivors) process.kill(pid, "SIGKILL");
    return { ms: performance.now() - start, survivors: survivors.length };
  } finally {
    await stopping;
  }
}

function alive(job: Job): number[] {
  return processesWith(`BENCH_JOB=${job.env?.["BENCH_JOB"] ?? ""}`);
}
