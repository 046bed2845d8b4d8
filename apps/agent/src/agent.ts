// The running agent: its parts, and how they are joined. Everything that decides is elsewhere.

import { statfsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { every, HealthRegistry, runAll, systemClock, wait } from "@flowplane/runtime";
import { newUid } from "@flowplane/opamp";
import { pino } from "pino";
import type { Logger } from "pino";
import { lockFolder, prepareFolder } from "./data/folder.ts";
import { readHost } from "./data/host.ts";
import { readIdentity, writeIdentity } from "./data/identity.ts";
import type { Identity } from "./data/identity.ts";
import { AgentProblem, describeFileError } from "./data/problem.ts";
import { describeHealth, describePolicy } from "./link/reports.ts";
import { MINIMAL_NAMES } from "./launch/environment.ts";
import { findTools } from "./launch/tools.ts";
import { Upstream } from "./link/upstream.ts";
import { DISK_RESERVE_BYTES, HOST_SPOOL_BYTES_MAX, RUN_SPOOL_BYTES_MAX } from "./logs/quota.ts";
import type { Quota } from "./logs/quota.ts";
import { Changes } from "./local/changes.ts";
import { listenLocally } from "./local/listen.ts";
import type { LocalServer } from "./local/listen.ts";
import { LOCAL_ID } from "./local/place.ts";
import { Redactors } from "./logs/redactors.ts";
import { noteHost, removeStrayFolders } from "./spool/copies.ts";
import { SpoolDatabase } from "./spool/database.ts";
import { forgetOldWatches } from "./spool/evidence.ts";
import { hasGaps, renewSpool } from "./spool/events.ts";
import { forgetBeginnings } from "./spool/beginnings.ts";
import { forgetHistory, HISTORY_BYTES_MAX } from "./spool/forgetting.ts";
import { forgetTimelinesOfLive } from "./spool/timelines.ts";
import { forgetOldIntents } from "./spool/intents.ts";
import { forgetOldRuns } from "./spool/runs.ts";
import { tellStatus } from "./status.ts";
import { openCgroups } from "./supervisor/cgroups.ts";
import { carryOutIntents } from "./supervisor/orders.ts";
import { readBootId, readProcess } from "./supervisor/proc.ts";
import { Detection, TICK_MS } from "./detection/detection.ts";
import { openSteadyClock } from "./supervisor/steady-clock.ts";
import { LIVE_RUNS_MAX } from "./supervisor/supervision.ts";
import { Supervisor } from "./supervisor/supervisor.ts";
import { AGENT_VERSION } from "./version.ts";
import { Wakeup } from "./wakeup.ts";

/** How soon a change of health is told. */
const HEALTH_MS = 1000;
/** A condition is told as bad after this long. */
const HEALTH_SETTLE_MS = 3000;
const HOUSEKEEPING_MS = 5000;
/** How often an agent that belongs to no control plane looks whether it was enrolled. */
const ENROLMENT_LOOK_MS = 1000;

export type RunAgentOptions = {
  /** The data folder of the agent, enrolled or not. */
  dataDir: string;
  /** Where the agent's own log goes; by default JSON lines on stderr, level `info`. */
  log?: Logger;
  /** Bounds of what runs may leave on disk unshipped; by default RUN_SPOOL_BYTES_MAX and HOST_SPOOL_BYTES_MAX. */
  quota?: Partial<Quota>;
};

/**
 * Runs the agent until `signal` aborts: adopts the runs of its predecessor, supervises, keeps the link and ships logs, from
 * the moment it is enrolled on. Then it says goodbye and resolves; jobs go on and are adopted by the next one.
 *
 * Rejects with an AgentProblem, one sentence for a person, when another agent runs on the folder, the
 * folder cannot be used, or the host lacks a program; with an Error when a part of it breaks.
 */
export async function runAgent(options: RunAgentOptions, signal: AbortSignal): Promise<void> {
  const { dataDir, log = pino({ name: "flowplane-agent" }, pino.destination(2)) } = options;
  if (process.platform !== "linux")
    throw new AgentProblem("The agent supervises processes by Linux means; run it on Linux.");
  prepareFolder(dataDir);
  using _lock = lockFolder(dataDir);
  using db = openSpool(dataDir);
  const identity = settle(db, dataDir, log);
  const parts = assemble(db, identity, log, options);
  try {
    await parts.run(signal);
  } finally {
    await parts.close();
  }
}

/** Who this agent is; on a host that is not the one it was enrolled on, somebody else than the agent there. */
function settle(db: SpoolDatabase, dataDir: string, log: Logger): Identity | null {
  const identity = readIdentity(dataDir);
  if (identity === null) return null;
  if (noteHost(db, readHost(dataDir))) {
    log.warn(
      "this data folder comes from another host; runs and orders in it are left to the agent there. Enrol this one anew: `flowplane agent enroll --again`",
    );
    identity.instance_uid = newUid(systemClock(), Math.random);
    writeIdentity(dataDir, identity);
    removeStrayFolders(db, dataDir);
  }
  return identity;
}

/** Builds the parts and ties them together. */
function assemble(
  db: SpoolDatabase,
  firstIdentity: Identity | null,
  log: Logger,
  { dataDir, quota: given = {} }: RunAgentOptions,
) {
  const clock = systemClock;
  const steady = openSteadyClock(db, readBootId(), clock);
  const startedAt = clock();
  const quota: Quota = {
    // Alone, what a run prints goes nowhere; it is paused only when the whole host's room is taken.
    runBytesMax: firstIdentity === null ? HOST_SPOOL_BYTES_MAX : RUN_SPOOL_BYTES_MAX,
    hostBytesMax: HOST_SPOOL_BYTES_MAX,
    diskReserveBytes: DISK_RESERVE_BYTES,
    ...given,
  };
  const tools = findToolsOrSay();
  const health = new HealthRegistry({ clock, settleMs: HEALTH_SETTLE_MS });
  const intentsToDo = new Wakeup();
  for (const name of ["spool", "supervisor"]) health.ok(name);

  const changes = new Changes();
  const stored = () => {
    changes.notify(null);
    upstream?.stored();
  };
  const detection: Detection = new Detection({
    db,
    clock,
    steady,
    random: Math.random,
    log,
    means: () => supervisor,
    onEvent: stored,
    onChunk: () => upstream?.chunk(),
  });
  const supervisor: Supervisor = new Supervisor({
    db,
    dataDir,
    tools,
    cgroups: openCgroups(),
    quota,
    clock,
    steady,
    random: Math.random,
    log,
    observer: detection,
    redactors: new Redactors(dataDir),
    onEvent: stored,
    onBatch: (runId) => {
      changes.notify(runId);
      upstream?.batch(runId);
    },
    onSegment: () => upstream?.segment(),
    onSpoolProblem: (problem) =>
      problem === null ? health.ok("supervisor") : health.bad("supervisor", problem),
  });

  let lastProblem = "";
  const guarded = (what: string, fn: () => void | Promise<void>) => async () => {
    try {
      await fn();
    } catch (error) {
      // A full disk ends a round, never the agent; the log is told once and not at every round.
      const problem = `${what}: ${error instanceof Error ? error.message : String(error)}`;
      if (problem !== lastProblem) log.error({ err: error }, `${what} failed`);
      lastProblem = problem;
      health.bad("spool", problem);
    }
  };

  const describe = () => describeHealth(health.conditions(), startedAt, clock());
  const connect = (identity: Identity) => {
    // What was forgotten to make room, while nobody was there to have it, is missing from the numbers.
    if (hasGaps(db)) renewSpool(db);
    quota.runBytesMax = given.runBytesMax ?? RUN_SPOOL_BYTES_MAX;
    return new Upstream({
      db,
      dataDir,
      identity,
      clock,
      steady,
      log,
      health,
      guarded,
      report: {
        health: describe(),
        effectiveConfig: describePolicy({
          spool: {
            run_bytes_max: quota.runBytesMax,
            host_bytes_max: quota.hostBytesMax,
            disk_reserve_bytes: quota.diskReserveBytes,
          },
          runs: { live_max: LIVE_RUNS_MAX },
          environment: MINIMAL_NAMES,
        }),
      },
      onIntents: () => intentsToDo.notify(),
      onGone: (runId, storedBytes) => supervisor.segmentGone(runId, storedBytes),
    });
  };
  let upstream = firstIdentity === null ? null : connect(firstIdentity);

  const self = { pid: process.pid, startTicks: readProcess(process.pid)?.startTicks ?? 0 };
  let told = "";
  const tell = () => {
    const conditions = health.conditions();
    upstream?.report({ health: describe() });
    const text = JSON.stringify(conditions);
    if (text === told) return;
    told = text;
    tellStatus(dataDir, { identity: self, version: AGENT_VERSION, startedAt, health: conditions });
  };
  const carryOut = async (taskSignal: AbortSignal) => {
    // Also now and then without a notice: a start may have waited for another run to end.
    await carryOutIntents({ db, supervisor, detection, clock, onEvent: stored });
    await intentsToDo.wait(HOUSEKEEPING_MS, taskSignal);
  };
  const keepHouse = () => {
    upstream?.runsEnded();
    forgetOldIntents(db, clock());
    forgetOldRuns(db, clock());
    forgetOldWatches(db);
    const disk = statfsSync(dataDir);
    const isTight = disk.bavail * disk.bsize < 2 * quota.diskReserveBytes;
    // Half of what a host may hold is for runs that are under way.
    const bytesMax = isTight ? 0 : Math.min(HISTORY_BYTES_MAX, quota.hostBytesMax / 2);
    forgetHistory(db, dataDir, { isJoined: upstream !== null, now: clock(), bytesMax });
    forgetTimelinesOfLive(db, { isJoined: upstream !== null, now: clock() });
    if (upstream === null) {
      const liveBytesMax = quota.hostBytesMax / (isTight ? 16 : 2);
      forgetBeginnings(db, dataDir, { now: clock(), bytesMax: liveBytesMax }, (runId, storedBytes) =>
        supervisor.segmentGone(runId, storedBytes),
      );
    }
    // It was written to, so it works.
    health.ok("spool");
  };
  let identity = firstIdentity;
  let local: LocalServer | null = null;
  const listen = async () => {
    try {
      local = await listenLocally({
        db,
        dataDir,
        supervisor,
        clock,
        log,
        changes,
        agent: () => ({ id: identity?.agent_id ?? LOCAL_ID, name: hostname() }),
        onEvent: stored,
      });
      health.ok("local", `listening on ${local.path}`);
    } catch (error) {
      // Without its socket it still serves a control plane.
      log.error({ err: error }, "the agent's socket cannot be made");
      health.bad("local", error instanceof Error ? error.message : String(error));
    }
  };
  /** With the control plane from the moment there is one: an agent is enrolled while it runs, too. */
  const link = async (taskSignal: AbortSignal) => {
    while (upstream === null && !taskSignal.aborted) {
      identity = readIdentity(dataDir);
      if (identity === null) {
        await wait(ENROLMENT_LOOK_MS, taskSignal);
        continue;
      }
      noteHost(db, readHost(dataDir));
      upstream = connect(identity);
      log.info({ agentId: identity.agent_id }, "enrolled; the history is uploaded");
    }
    await upstream?.run(taskSignal);
  };

  return {
    async run(signal: AbortSignal): Promise<void> {
      await supervisor.adopt();
      await listen();
      log.info({ version: AGENT_VERSION, agentId: firstIdentity?.agent_id ?? null }, "agent started");
      await runAll(
        [
          { name: "link", run: link },
          {
            name: "intents",
            run: (taskSignal) =>
              every(
                1,
                taskSignal,
                guarded("carrying out intents", () => carryOut(taskSignal)),
              ),
          },
          {
            name: "health",
            run: (taskSignal) => every(HEALTH_MS, taskSignal, guarded("telling health", tell)),
          },
          {
            name: "detection",
            run: (taskSignal) =>
              every(
                TICK_MS,
                taskSignal,
                guarded("detection", () => detection.tick()),
              ),
          },
          {
            name: "housekeeping",
            run: (taskSignal) => every(HOUSEKEEPING_MS, taskSignal, guarded("housekeeping", keepHouse)),
          },
        ],
        signal,
      );
    },
    async close(): Promise<void> {
      await local?.close();
      supervisor.close();
      await upstream?.close();
    },
  };
}

function openSpool(dataDir: string): SpoolDatabase {
  const path = join(dataDir, "spool.db");
  try {
    return new SpoolDatabase(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const sentence =
      describeFileError(cause, path) ??
      `The agent's spool ${path} cannot be opened (${reason}); free disk space, or move the file away to start with an empty spool.`;
    throw new AgentProblem(sentence, { cause });
  }
}

function findToolsOrSay() {
  try {
    return findTools();
  } catch (cause) {
    throw new AgentProblem(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
