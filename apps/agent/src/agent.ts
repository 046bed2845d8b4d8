// The running agent: its parts, and how they are joined. Everything that decides is elsewhere.

import { join } from "node:path";
import { aborted, every, HealthRegistry, runAll, systemClock } from "@flowplane/runtime";
import { pino } from "pino";
import type { Logger } from "pino";
import { lockFolder, prepareFolder } from "./data/folder.ts";
import { readIdentity, writeIdentity } from "./data/identity.ts";
import type { Identity } from "./data/identity.ts";
import { AgentProblem, describeFileError } from "./data/problem.ts";
import { Exchange } from "./link/exchange.ts";
import { Renewal } from "./link/renewal.ts";
import { describeAgent, describeHealth, describePolicy } from "./link/reports.ts";
import { Session } from "./link/session.ts";
import { DISK_RESERVE_BYTES, HOST_SPOOL_BYTES_MAX, RUN_SPOOL_BYTES_MAX } from "./logs/quota.ts";
import type { Quota } from "./logs/quota.ts";
import { BulkClient } from "./shipping/bulk-client.ts";
import { Freeing } from "./shipping/freeing.ts";
import { Shipper } from "./shipping/shipper.ts";
import { Tails } from "./shipping/tails.ts";
import { SpoolDatabase } from "./spool/database.ts";
import { forgetOldIntents } from "./spool/intents.ts";
import { forgetOldRuns } from "./spool/runs.ts";
import { tellStatus } from "./status.ts";
import { findTools } from "./supervisor/launch.ts";
import { carryOutIntents, LIVE_RUNS_MAX } from "./supervisor/orders.ts";
import { readProcess } from "./supervisor/proc.ts";
import { Supervisor } from "./supervisor/supervisor.ts";
import { AGENT_VERSION } from "./version.ts";
import { Wakeup } from "./wakeup.ts";

/** How soon a change of health is told. */
const HEALTH_MS = 1000;
/** A condition is told as bad after this long. */
const HEALTH_SETTLE_MS = 3000;
const HOUSEKEEPING_MS = 5000;
/** How often it is looked whether a new certificate is due. */
const RENEWAL_MS = 10_000;
/** The goodbye to the control plane may take this long. */
const GOODBYE_MS = 2000;

export type RunAgentOptions = {
  /** The data folder of an enrolled agent. */
  dataDir: string;
  /** Where the agent's own log goes; by default JSON lines on stderr, level `info`. */
  log?: Logger;
  /** Bounds of what runs may leave on disk unshipped; by default RUN_SPOOL_BYTES_MAX and HOST_SPOOL_BYTES_MAX. */
  quota?: Partial<Quota>;
};

/**
 * Runs the agent until `signal` aborts: adopts the runs of its predecessor, keeps the link, supervises, ships logs. Then it
 * says goodbye and resolves; jobs go on and are adopted by the next one.
 *
 * Rejects with an AgentProblem, one sentence for a person, when it was never enrolled, another agent runs on the folder, the
 * folder cannot be used, or the host lacks a program; with an Error when a part of it breaks.
 */
export async function runAgent(options: RunAgentOptions, signal: AbortSignal): Promise<void> {
  const { dataDir, log = pino({ name: "flowplane-agent" }, pino.destination(2)) } = options;
  if (process.platform !== "linux")
    throw new AgentProblem("The agent supervises processes by Linux means; run it on Linux.");
  prepareFolder(dataDir);
  using _lock = lockFolder(dataDir);
  const identity = readIdentity(dataDir);
  if (!identity)
    throw new AgentProblem(
      `No agent is enrolled in ${dataDir}; enrol one first: flowplane agent enroll --token …`,
    );
  using db = openSpool(dataDir);
  const parts = assemble(db, identity, log, options);
  try {
    await parts.run(signal);
  } finally {
    await parts.close();
  }
}

/** Builds the parts and ties them together. */
function assemble(
  db: SpoolDatabase,
  firstIdentity: Identity,
  log: Logger,
  { dataDir, quota: given = {} }: RunAgentOptions,
) {
  const clock = systemClock;
  const startedAt = clock();
  const quota: Quota = {
    runBytesMax: RUN_SPOOL_BYTES_MAX,
    hostBytesMax: HOST_SPOOL_BYTES_MAX,
    diskReserveBytes: DISK_RESERVE_BYTES,
    ...given,
  };
  const tools = findToolsOrSay();
  const health = new HealthRegistry({ clock, settleMs: HEALTH_SETTLE_MS });
  const intentsToDo = new Wakeup();
  const stop = new AbortController();
  const renewal = new Renewal();
  let identity = firstIdentity;
  for (const name of ["spool", "supervisor", "shipping"]) health.ok(name);
  health.bad("link", "connecting");

  const client = new BulkClient(identity);
  const freeing = new Freeing((problem) => log.warn(problem));
  const tails = new Tails({ db, dataDir, client, clock, signal: stop.signal });
  const shipper = new Shipper({
    db,
    dataDir,
    client,
    freeing,
    clock,
    log,
    onFreed: (runId, stdoutFreed, stderrFreed) => supervisor.freed(runId, stdoutFreed, stderrFreed),
    onProblem: (problem) => (problem === null ? health.ok("shipping") : health.bad("shipping", problem)),
  });
  const supervisor: Supervisor = new Supervisor({
    db,
    dataDir,
    tools,
    quota,
    clock,
    log,
    onEvent: () => exchange.stored(),
    onBatch: (runId) => tails.nudge(runId),
    onSegment: () => shipper.nudge(),
    onSpoolProblem: (problem) =>
      problem === null ? health.ok("supervisor") : health.bad("supervisor", problem),
  });
  const exchange: Exchange = new Exchange({
    db,
    clock,
    log,
    send: (message) => session.step({ kind: "send_custom", message }),
    onIntents: () => intentsToDo.notify(),
    onWatch: (runId, fromSeq, ttlMs) => tails.watch(runId, fromSeq, ttlMs),
    onUnwatch: (runId) => tails.unwatch(runId),
  });

  const describe = () => describeHealth(health.conditions(), startedAt, clock());
  const session: Session = new Session({
    identity: () => identity,
    report: {
      description: describeAgent(identity.instance_uid),
      health: describe(),
      effectiveConfig: describePolicy({
        spool: {
          run_bytes_max: quota.runBytesMax,
          host_bytes_max: quota.hostBytesMax,
          disk_reserve_bytes: quota.diskReserveBytes,
        },
        runs: { live_max: LIVE_RUNS_MAX },
        environment: ["PATH", "HOME", "LANG", "TZ", "USER"],
      }),
    },
    clock,
    log,
    onLinked: (speaksLink) => {
      health.ok("link", "connected");
      if (speaksLink) exchange.connected();
      shipper.retryNow();
    },
    onUnlinked: (why) => {
      log.info({ why }, "not linked to the control plane");
      health.bad("link", why);
      exchange.disconnected();
    },
    onLinkMessage: (type, data) => {
      try {
        exchange.received(type, data);
      } catch (error) {
        // The disk is full or broken. Nothing was acknowledged, so the control plane sends it again.
        log.error({ err: error }, "a link message could not be stored");
        health.bad("spool", error instanceof Error ? error.message : String(error));
      }
    },
    onSettings: (offers) => {
      if (!offers.opamp?.certificate) return;
      const accepted = renewal.accept(dataDir, identity, offers.opamp, clock());
      if ("problem" in accepted) return log.warn(accepted, "an offered certificate was not taken");
      identity = accepted;
      client.renew(identity);
      health.ok("certificate", "renewed");
      return log.info("the certificate was renewed");
    },
    onCertificateRefused: (given) => {
      const reason = given === "" ? "it gave no reason" : given;
      const retryInMs = renewal.refused(clock());
      log.warn({ reason, retryInMs }, "the control plane refused to renew the certificate");
      health.bad("certificate", `not renewed: ${reason}`);
    },
    onUid: (instanceUid) => {
      identity = { ...identity, instance_uid: instanceUid };
      writeIdentity(dataDir, identity);
      session.step({ kind: "reported", parts: { description: describeAgent(instanceUid) } });
    },
  });

  const self = { pid: process.pid, startTicks: readProcess(process.pid)?.startTicks ?? 0 };
  let told = "";
  let lastProblem = "";
  const tell = () => {
    const conditions = health.conditions();
    session.step({ kind: "reported", parts: { health: describe() } });
    const text = JSON.stringify(conditions);
    if (text === told) return;
    told = text;
    tellStatus(dataDir, { identity: self, version: AGENT_VERSION, startedAt, health: conditions });
  };
  const carryOut = async (taskSignal: AbortSignal) => {
    // Also now and then without a notice: a start may have waited for another run to end.
    await carryOutIntents({ db, supervisor, clock, onEvent: () => exchange.stored() });
    await intentsToDo.wait(HOUSEKEEPING_MS, taskSignal);
  };
  const renew = async () => {
    const now = clock();
    if (now < renewal.dueAt(identity)) return;
    session.step({ kind: "request_certificate", csr: await renewal.request(identity, now) });
  };
  const keepHouse = () => {
    shipper.runEnded();
    forgetOldIntents(db, clock());
    forgetOldRuns(db, clock());
    // It was written to, so it works.
    health.ok("spool");
  };
  const guarded =
    (what: string, fn: (taskSignal: AbortSignal) => void | Promise<void>, taskSignal: AbortSignal) =>
    async () => {
      try {
        await fn(taskSignal);
      } catch (error) {
        // A full disk ends a round, never the agent; the log is told once and not at every round.
        const problem = `${what}: ${error instanceof Error ? error.message : String(error)}`;
        if (problem !== lastProblem) log.error({ err: error }, `${what} failed`);
        lastProblem = problem;
        health.bad("spool", problem);
      }
    };

  return {
    async run(signal: AbortSignal): Promise<void> {
      await supervisor.adopt();
      log.info({ version: AGENT_VERSION, agentId: identity.agent_id }, "agent started");
      await runAll(
        [
          {
            name: "link",
            run: (taskSignal) => {
              session.start();
              return aborted(taskSignal);
            },
          },
          { name: "shipping", run: (taskSignal) => shipper.run(taskSignal) },
          {
            name: "intents",
            run: (taskSignal) => every(1, taskSignal, guarded("carrying out intents", carryOut, taskSignal)),
          },
          {
            name: "health",
            run: (taskSignal) => every(HEALTH_MS, taskSignal, guarded("telling health", tell, taskSignal)),
          },
          {
            name: "renewal",
            run: (taskSignal) => every(RENEWAL_MS, taskSignal, guarded("renewing", renew, taskSignal)),
          },
          {
            name: "housekeeping",
            run: (taskSignal) =>
              every(HOUSEKEEPING_MS, taskSignal, guarded("housekeeping", keepHouse, taskSignal)),
          },
        ],
        signal,
      );
    },
    async close(): Promise<void> {
      stop.abort();
      supervisor.close();
      await session.stop(GOODBYE_MS);
      exchange.close();
      client[Symbol.dispose]();
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
