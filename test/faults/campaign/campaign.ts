import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isTerminal, type Run } from "@flowplane/contract";
import { eventually, startControlPlane, startSiteAgent } from "../../harness/index.ts";
import type { ControlPlane, SiteAgent } from "../../harness/index.ts";
import { StubbornClient } from "./api.ts";
import { makeJob, readNotes, runRequest, type Job } from "./job.ts";
import { killNow, postmasterOf, processesWith, wrappersIn } from "./processes.ts";
import { Random } from "./random.ts";
import { emptyVerdict, judgeLineage, type Told, type Verdict } from "./verdict.ts";

export interface CampaignOptions {
  readonly kills: number;
  readonly seed: number;
  /** Runs under way at a time, about. */
  readonly load: number;
  /** Told of progress now and then. */
  readonly onProgress?: (sentence: string) => void;
}

const TARGETS = ["agent", "wrapper", "server", "database", "server and agent"] as const;
type Target = (typeof TARGETS)[number];
/** How often each is the one; a server takes longer to come back than an agent, so it is killed less often. */
const WEIGHTS: Readonly<Record<Target, number>> = {
  agent: 28,
  wrapper: 45,
  server: 12,
  database: 10,
  "server and agent": 5,
};
const PAUSE_MS: readonly [number, number] = [50, 700];
/** For the last runs to end and their logs to arrive, after the last kill. */
const SETTLE_MS_MAX = 180_000;
/** Within this the next attempt of a run has begun. */
const CALM_MS = 3_000;
/** Processes that were told to go are given so long. */
const GONE_MS_MAX = 15_000;
/** Runs read at a time when all is over. */
const READ_AT_ONCE = 8;

export interface CampaignReport {
  readonly seed: number;
  readonly kills: Record<Target, number>;
  readonly kills_total: number;
  readonly runs: number;
  readonly jobs_by_kind: Record<string, number>;
  readonly log_bytes: number;
  readonly seconds: number;
  readonly verdict: Verdict;
}

/** Kills parts of a Flowplane at random while jobs run on it, lets it settle, and counts what is not as it has to be. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignReport> {
  const notes = mkdtempSync(join(tmpdir(), "flowplane-notes-"));
  const since = performance.now();
  let plane = await startControlPlane();
  const agent = await startSiteAgent(plane, "campaign");
  try {
    const client = new StubbornClient(plane.url, plane.key);
    const jobs = new Map<string, Job>();
    const stopLaunching = new AbortController();
    const launching = launchJobs(client, agent.id, notes, jobs, options, stopLaunching.signal);
    // Told when it is awaited; until then it is no unhandled rejection.
    launching.catch(() => undefined);
    const killer = new Killer(plane, agent, new Random(options.seed), options);
    await killer.run();
    stopLaunching.abort();
    const accepted = await launching;
    plane = await killer.settle();
    const runs = await settled(client, accepted);
    const verdict = emptyVerdict();
    const bytes = await judge(client, verdict, { runs, accepted, jobs, notes, orphaned: killer.orphaned });
    await judgeProcesses(verdict, notes, agent);
    const audit = await plane.client.auditVerify({});
    if (!audit.intact) verdict.said.push(`the audit chain is broken: ${JSON.stringify(audit.problem)}`);
    const kinds = Object.groupBy([...jobs.values()], ({ kind }) => kind);
    return {
      seed: options.seed,
      kills: killer.kills,
      kills_total: Object.values(killer.kills).reduce((sum, count) => sum + count, 0),
      runs: runs.length,
      jobs_by_kind: Object.fromEntries(Object.entries(kinds).map(([kind, of]) => [kind, of.length])),
      log_bytes: bytes,
      seconds: Math.round((performance.now() - since) / 1_000),
      verdict,
    };
  } finally {
    await agent[Symbol.asyncDispose]();
    await plane[Symbol.asyncDispose]();
    rmSync(notes, { recursive: true, force: true });
  }
}

/** Keeps about `load` runs under way until told to stop. Resolves to the keys of those that were accepted. */
async function launchJobs(
  client: StubbornClient,
  agentId: string,
  notes: string,
  jobs: Map<string, Job>,
  { seed, load }: CampaignOptions,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const random = new Random(seed + 1);
  const accepted = new Set<string>();
  for (let index = 0; !signal.aborted; index += 1) {
    while (!signal.aborted && ((await client.countActive()) ?? load) >= load) await sleep(100);
    const job = makeJob(random, `job-${index}`);
    jobs.set(job.key, job);
    const run = await client.launch(
      `${seed}-${job.key}`,
      { ...runRequest(job, notes), agent_id: agentId },
      signal,
    );
    if (run !== undefined) accepted.add(job.key);
  }
  return accepted;
}

/** Who kills, and who brings back what was killed. */
class Killer {
  readonly kills = Object.fromEntries(TARGETS.map((target) => [target, 0])) as Record<Target, number>;
  /** Runs whose wrapper was killed. */
  readonly orphaned = new Set<string>();
  readonly #agent: SiteAgent;
  readonly #random: Random;
  readonly #options: CampaignOptions;
  #plane: ControlPlane;
  #comingBack: Promise<void> | undefined;

  constructor(plane: ControlPlane, agent: SiteAgent, random: Random, options: CampaignOptions) {
    this.#plane = plane;
    this.#agent = agent;
    this.#random = random;
    this.#options = options;
  }

  async run(): Promise<void> {
    for (let done = 0; done < this.#options.kills;) {
      await sleep(this.#random.whole(...PAUSE_MS));
      await this.#notice();
      const target = this.#choose();
      if (!(await this.#kill(target))) continue;
      this.kills[target] += 1;
      done += 1;
      if (done % 50 === 0) this.#options.onProgress?.(`${done} of ${this.#options.kills} kills`);
    }
  }

  /** Everything up again. */
  async settle(): Promise<ControlPlane> {
    await this.#comingBack;
    await this.#notice();
    await this.#comingBack;
    return this.#plane;
  }

  #choose(): Target {
    const sum = TARGETS.reduce((total, target) => total + WEIGHTS[target], 0);
    let left = this.#random.next() * sum;
    for (const target of TARGETS) {
      left -= WEIGHTS[target];
      if (left < 0) return target;
    }
    return "agent";
  }

  /** False when it is not there to be killed just now. */
  async #kill(target: Target): Promise<boolean> {
    switch (target) {
      case "agent":
        await this.#killAgent();
        return true;
      case "wrapper": {
        const wrappers = wrappersIn(this.#agent.dataDir);
        if (wrappers.length === 0) return false;
        const { runId, pid } = this.#random.pick(wrappers);
        this.orphaned.add(runId);
        return killNow(pid);
      }
      case "database": {
        const pid = this.#comingBack === undefined ? postmasterOf(this.#plane.dataDir) : undefined;
        // The server starts it again.
        return pid !== undefined && killNow(pid);
      }
      case "server":
        if (this.#comingBack !== undefined) return false;
        await this.#bringBack(() => this.#plane.kill());
        return true;
      case "server and agent":
        if (this.#comingBack !== undefined) return false;
        await Promise.all([this.#bringBack(() => this.#plane.kill()), this.#killAgent()]);
        return true;
    }
  }

  async #killAgent(): Promise<void> {
    if (this.#agent.livePid() === undefined)
      throw new Error(`the agent ended by itself:\n${this.#agent.output()}`);
    await this.#agent.kill();
    this.#agent.start();
  }

  /** Starts the control plane again beside further kills, once it is gone. */
  async #bringBack(end: () => Promise<void>): Promise<void> {
    await end();
    this.#comingBack = this.#plane.restart().then((plane) => {
      this.#plane = plane;
      this.#comingBack = undefined;
    });
    // Told when it is awaited; until then it is no unhandled rejection.
    this.#comingBack.catch(() => undefined);
  }

  /** A server gives up when its database dies too often; whoever keeps it running starts it again. */
  async #notice(): Promise<void> {
    const { child } = this.#plane;
    const isGone = child.exitCode !== null || child.signalCode !== null;
    if (isGone && this.#comingBack === undefined) await this.#bringBack(async () => undefined);
  }
}

/** The runs, once all have ended and their logs are whole. What does not in time is left as it is, to be counted. */
async function settled(client: StubbornClient, accepted: ReadonlySet<string>): Promise<Run[]> {
  const until = Date.now() + SETTLE_MS_MAX;
  let isCalm = false;
  for (;;) {
    const runs = await client.runs().catch(() => undefined);
    const isOver =
      runs?.every((run) => isTerminal(run.state) && run.log.complete) === true &&
      runs.length >= accepted.size;
    // Once more a while later: an attempt that follows another is told only when it begins.
    if (runs !== undefined && ((isOver && isCalm) || Date.now() > until)) return runs;
    isCalm = isOver;
    await sleep(isCalm ? CALM_MS : 250);
  }
}

interface Evidence {
  readonly runs: readonly Run[];
  readonly accepted: ReadonlySet<string>;
  readonly jobs: ReadonlyMap<string, Job>;
  readonly notes: string;
  readonly orphaned: ReadonlySet<string>;
}

/** Judges every job; returns how many bytes of logs there are. */
async function judge(client: StubbornClient, verdict: Verdict, evidence: Evidence): Promise<number> {
  const told = new Map<string, Told[]>();
  let bytes = 0;
  const waiting = evidence.runs.toReversed();
  const read = async () => {
    for (let run = waiting.shift(); run !== undefined; run = waiting.shift()) {
      const [events, stdout, stderr] = [
        await client.events(run.id),
        await client.output(run.id, "stdout"),
        await client.output(run.id, "stderr"),
      ];
      bytes += Buffer.byteLength(stdout) + Buffer.byteLength(stderr);
      told.set(run.name, [...(told.get(run.name) ?? []), { run, events, stdout, stderr }]);
    }
  };
  await Promise.all(Array.from({ length: READ_AT_ONCE }, read));
  for (const [key, job] of evidence.jobs) {
    const attempts = (told.get(key) ?? []).toSorted((a, b) => a.run.attempt - b.run.attempt);
    // One that was never accepted need not be there; if it is, it has to be right all the same.
    if (attempts.length === 0 && !evidence.accepted.has(key)) continue;
    judgeLineage(verdict, {
      job,
      told: attempts,
      executions: readNotes(evidence.notes, key),
      orphaned: evidence.orphaned,
    });
  }
  return bytes;
}

/** Nothing of any run may be left. Every process of one has the notes' folder among its variables. */
async function judgeProcesses(verdict: Verdict, notes: string, agent: SiteAgent): Promise<void> {
  const left = () => processesWith([notes, join(agent.dataDir, "runs")]);
  await eventually(
    "every process of every run to be gone",
    () => (left().length === 0 ? true : undefined),
    GONE_MS_MAX,
  )
    // What is still there is counted, not thrown.
    .catch(() => undefined);
  for (const { pid, command } of left()) {
    verdict.processes_left += 1;
    verdict.said.push(`processes_left: ${pid} ${command}`);
    killNow(pid);
  }
}
